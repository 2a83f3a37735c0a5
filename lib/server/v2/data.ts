import type { FastifyInstance, FastifyRequest } from 'fastify'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { Bytes } from '../../stream/bytes.ts'
import { type ByteRange, parseContentRange, parseRange } from '../../stream/range.ts'
import { digestsToHeader, REPR_DIGEST } from '../../wire/repr-digest.ts'
import type { Caching } from '../cache/caching.ts'
import type { Download } from '../domain/download.ts'
import type { Service } from '../domain/service.ts'
import { uploadImage } from '../domain/upload.ts'
import { BODILESS } from '../http/app.ts'
import { bytesOf, mediaTypeOf } from '../http/body.ts'
import { contextOf } from '../http/context.ts'
import { sendBytes } from '../http/send.ts'
import type { ImagePath } from './images.ts'
import { chosenStore, preferredStores } from './stores.ts'

const OCTET_STREAM = 'application/octet-stream'

export function dataRoutes(app: FastifyInstance, service: Service, caching: Caching): void {
  app.get<ImagePath>('/images/:id/file', BODILESS, async (request, reply) => {
    const context = contextOf(request)
    const preferred = preferredStores(request, service)
    const download = await caching.download(context, request.params.id, preferred)
    if (download === null) {
      // As Glance: a range that is none is refused also where there is nothing to take it of.
      rangeOf(request, Number.MAX_SAFE_INTEGER)
      return reply.code(204).send()
    }
    const range = rangeOf(request, download.size)
    const data = await openUnlessGone(download, range)
    if (data === null) return reply.code(204).send()
    const headers = {
      'content-type': OCTET_STREAM,
      // As Glance: in hex, and of the whole image also when a part is sent.
      ...(download.checksum !== null && { 'content-md5': download.checksum }),
    }
    if (range === null) await sendBytes(reply, 200, headers, data, download.size)
    else {
      const last = range.offset + range.length - 1
      const contentRange = `bytes ${range.offset}-${last}/${download.size}`
      const partial = { ...headers, 'content-range': contentRange }
      await sendBytes(reply, 206, partial, data, range.length)
    }
    return reply
  })

  app.put<ImagePath>('/images/:id/file', async (request, reply) => {
    requireOctetStream(request)
    const size = sizeOf(request)
    const store = chosenStore(request, service)
    const data = bytesOf(request, reply)
    const { id } = request.params
    const stored = await uploadImage(contextOf(request), service, id, data, size, store)
    const digests = { md5: stored.checksum, [service.hashingAlgorithm]: stored.hash }
    reply.header(REPR_DIGEST, digestsToHeader(digests)) // Else the client would ask for the image.
    return reply.code(204).send()
  })
}

/** @throws {GlanceError} `unsupported_media_type`. */
export function requireOctetStream(request: FastifyRequest): void {
  const mediaType = mediaTypeOf(request)
  if (mediaType !== OCTET_STREAM) {
    throw new GlanceError(
      'unsupported_media_type',
      `image data has to be ${OCTET_STREAM}, not ${mediaType ?? 'of no media type'}`,
    )
  }
}

/** Bytes that the client says it will send; null when it does not, or says none. */
export function sizeOf({ headers }: FastifyRequest): number | null {
  const declared = headers['x-openstack-image-size'] ?? headers['content-length'] ?? '0'
  if (typeof declared !== 'string' || !/^\d+$/.test(declared)) {
    throw new GlanceError('invalid', 'invalid or missing image size in request headers.')
  }
  return Number(declared) || null
}

function rangeOf({ headers }: FastifyRequest, size: number): ByteRange | null {
  if (headers.range !== undefined) return parseRange(headers.range, size)
  // From before clients of Glance knew better.
  const contentRange = headers['content-range']
  return contentRange === undefined ? null : parseContentRange(contentRange, size)
}

async function openUnlessGone(download: Download, range: ByteRange | null): Promise<Bytes | null> {
  try {
    return await download.open(range)
  } catch (error) {
    if (isGlanceError(error, 'not_found')) return null
    throw error
  }
}
