import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isGlanceError } from '../../errors.ts'
import type { ImageSchema } from '../../wire/schema/image-schema.ts'
import { validateNewImage } from '../../wire/schema/new-image.ts'
import type { ImageEdit } from '../../image/edit.ts'
import { ACCEPT_PATCH, parsePatch } from '../../wire/v2-patch.ts'
import { pageLinks, type PageSizes } from '../../wire/paging.ts'
import { parseImageQuery } from '../../wire/v2-query.ts'
import { createImage, deleteImage, listImages, showImage, updateImage } from '../domain/images.ts'
import { BODILESS } from '../http/app.ts'
import { mediaTypeOf, readDocument } from '../http/body.ts'
import { contextOf } from '../http/context.ts'
import { JsonText } from '../http/json-text.ts'
import { queryOf } from '../http/query.ts'
import type { Importer } from '../import/importer.ts'
import { renderImage } from './render.ts'

/** A path with an image in it. */
export interface ImagePath {
  readonly Params: { readonly id: string }
}

export function imageRoutes(
  app: FastifyInstance,
  importer: Importer,
  paging: PageSizes,
  schema: ImageSchema,
): void {
  const { service, methods } = importer

  app.get('/images', async request => {
    const context = contextOf(request)
    const params = queryOf(request)
    const query = parseImageQuery(params, context, paging)
    const { images, withheld } = await listImages(context, service, query)
    const documents = images.map(image => renderImage(context, service, image).text)
    const rest = {
      schema: '/v2/schemas/images',
      ...pageLinks(
        '/v2/images',
        params,
        images.map(({ id }) => id),
        query.limit - withheld,
      ),
    }
    return new JsonText(`{"images":[${documents.join()}],${JSON.stringify(rest).slice(1)}`)
  })

  app.post('/images', async (request, reply) => {
    const wanted = validateNewImage(await readDocument(request, reply), schema)
    const context = contextOf(request)
    const image = await createImage(context, service, wanted)
    const location = `${request.protocol}://${request.host}/v2/images/${image.id}`
    // A header must not be empty (RFC 9110).
    if (methods.length > 0) reply.header('openstack-image-import-methods', methods.join())
    if (service.stores.named) {
      reply.header(
        'openstack-image-store-ids',
        service.stores.all.map(({ store }) => store.id).join(),
      )
    }
    const document = renderImage(context, service, image)
    return reply.code(201).header('location', location).send(document)
  })

  app.get<ImagePath>('/images/:id', BODILESS, async request => {
    const context = contextOf(request)
    return renderImage(context, service, await showImage(context, service, request.params.id))
  })

  app.patch<ImagePath>('/images/:id', async (request, reply) => {
    const steps = await readPatch(request, reply, schema)
    const context = contextOf(request)
    const image = await updateImage(context, service, request.params.id, steps)
    return renderImage(context, service, image)
  })

  app.delete<ImagePath>('/images/:id', BODILESS, async (request, reply) => {
    await deleteImage(contextOf(request), service, request.params.id)
    return reply.code(204).send()
  })
}

async function readPatch(
  request: FastifyRequest,
  reply: FastifyReply,
  schema: ImageSchema,
): Promise<ImageEdit[]> {
  const mediaType = mediaTypeOf(request)
  try {
    // A media type that is not taken is refused with its body unread.
    parsePatch(mediaType, [])
    return parsePatch(mediaType, await readDocument(request, reply), schema)
  } catch (error) {
    if (isGlanceError(error, 'unsupported_media_type')) reply.header('accept-patch', ACCEPT_PATCH)
    throw error
  }
}
