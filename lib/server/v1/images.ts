import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { GlanceError } from '../../errors.ts'
import type { ImageQuery } from '../../image/query.ts'
import { parseV1Query } from '../../wire/v1-query.ts'
import { toV1ImageHeaders, toV1Record, toV1Summary } from '../../wire/v1-record.ts'
import { isYes } from '../../wire/v1-request.ts'
import type { Caching } from '../cache/caching.ts'
import { readable } from '../domain/properties.ts'
import { changeImage } from '../domain/v1/change.ts'
import { findActive, listRecords, showRecord } from '../domain/v1/find.ts'
import { removeImage } from '../domain/v1/remove.ts'
import { reserveImage } from '../domain/v1/reserve.ts'
import { contextOf } from '../http/context.ts'
import { queryOf } from '../http/query.ts'
import { sendBytes } from '../http/send.ts'
import { type ImagePath, pathId } from './path.ts'
import { only } from './methods.ts'
import { readRequest, settle, type V1Service } from './request.ts'

export function imageRoutes(app: FastifyInstance, v1: V1Service, caching: Caching): void {
  const { service } = v1.importer

  const list = async (request: FastifyRequest) => {
    const context = contextOf(request)
    const query: ImageQuery = parseV1Query(queryOf(request), context, v1.paging)
    return (await listRecords(context, service, query)).images
  }
  const index = async (request: FastifyRequest) => ({
    images: (await list(request)).map(toV1Summary),
  })
  app.get('/', index)
  app.get('/images', index)
  app.get('/images/detail', async request => ({ images: (await list(request)).map(toV1Record) }))
  only(app, '/images/detail', ['GET'])

  app.post('/images', async (request, reply) => {
    const wanted = readRequest(request, v1)
    const context = contextOf(request)
    const reserved = await reserveImage(context, service, wanted)
    const settled = await settle(request, reply, v1, reserved, wanted)
    const location = `${request.protocol}://${request.host}/v1/images/${settled.id}`
    return render(reply.code(201).header('location', location), await readable(context, settled))
  })

  app.head<ImagePath>('/images/:id', async (request, reply) => {
    const image = await showRecord(contextOf(request), service, pathId(request))
    const type = { 'content-type': 'text/html; charset=UTF-8', 'content-length': '0' }
    return reply.headers({ ...type, ...toV1ImageHeaders(image) }).send()
  })

  app.get<ImagePath>('/images/:id', async (request, reply) => {
    const context = contextOf(request)
    const image = await findActive(context, service, pathId(request))
    const headers = { 'content-type': 'application/octet-stream', ...toV1ImageHeaders(image) }
    if (image.size === 0) return reply.headers({ ...headers, 'content-length': '0' }).send()
    const download = await caching.download(context, image.id, [])
    if (download === null) throw new GlanceError('not_found', `image ${image.id} has no data`)
    await sendBytes(reply, 200, headers, await download.open(null), download.size)
    return reply
  })

  app.put<ImagePath>('/images/:id', async (request, reply) => {
    const wanted = readRequest(request, v1)
    const context = contextOf(request)
    const purge = request.headers['x-glance-registry-purge-props']
    const changed = await changeImage(context, service, pathId(request), wanted, {
      purge: purge === undefined || isYes(String(purge)),
    })
    const settled = await settle(request, reply, v1, changed, wanted)
    return render(reply, await readable(context, settled))
  })

  app.delete<ImagePath>('/images/:id', async (request, reply) => {
    const id = pathId(request)
    await removeImage(contextOf(request), service, id)
    return reply.code(200).header('content-type', 'text/html; charset=UTF-8').send()
  })
}

function render(reply: FastifyReply, image: Parameters<typeof toV1Record>[0]): FastifyReply {
  const { etag } = toV1ImageHeaders(image)
  if (etag !== undefined) reply.header('etag', etag)
  return reply.send({ image: toV1Record(image) })
}
