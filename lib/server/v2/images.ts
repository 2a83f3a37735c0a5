import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isGlanceError } from '../../errors.ts'
import type { Image } from '../../image/image.ts'
import type { ImageSchema } from '../../wire/schema/image-schema.ts'
import { validateNewImage } from '../../wire/schema/new-image.ts'
import { imageToV2 } from '../../wire/v2-image.ts'
import { ACCEPT_PATCH, parsePatch, type PatchStep } from '../../wire/v2-patch.ts'
import { pageLinks, parseImageQuery } from '../../wire/v2-query.ts'
import { createImage, deleteImage, listImages, showImage, updateImage } from '../domain/images.ts'
import type { Service } from '../domain/service.ts'
import { BODILESS } from '../http/app.ts'
import { mediaTypeOf, readDocument } from '../http/body.ts'
import { contextOf } from '../http/context.ts'
import { queryOf } from '../http/query.ts'

/** How many images a page of the listing has. */
export interface Paging {
  readonly limitDefault: number
  readonly limitMax: number
}

/** A path with an image in it. */
export interface ImagePath {
  readonly Params: { readonly id: string }
}

export function imageRoutes(
  app: FastifyInstance,
  service: Service,
  paging: Paging,
  schema: ImageSchema,
): void {
  app.get('/images', async request => {
    const context = contextOf(request)
    const params = queryOf(request)
    const query = parseImageQuery(params, context, paging)
    const { images, withheld } = await listImages(context, service, query)
    return {
      images: images.map(render),
      schema: '/v2/schemas/images',
      ...pageLinks(params, { images, limit: query.limit - withheld }),
    }
  })

  app.post('/images', async (request, reply) => {
    const wanted = validateNewImage(await readDocument(request, reply), schema)
    const image = await createImage(contextOf(request), service, wanted)
    const location = `${request.protocol}://${request.host}/v2/images/${image.id}`
    return reply.code(201).header('location', location).send(render(image))
  })

  app.get<ImagePath>('/images/:id', BODILESS, async request =>
    render(await showImage(contextOf(request), service, request.params.id)),
  )

  app.patch<ImagePath>('/images/:id', async (request, reply) => {
    const steps = await readPatch(request, reply, schema)
    return render(await updateImage(contextOf(request), service, request.params.id, steps))
  })

  app.delete<ImagePath>('/images/:id', BODILESS, async (request, reply) => {
    await deleteImage(contextOf(request), service, request.params.id)
    return reply.code(204).send()
  })
}

function render(image: Image): Record<string, unknown> {
  const self = `/v2/images/${image.id}`
  return { ...imageToV2(image), self, file: `${self}/file`, schema: '/v2/schemas/image' }
}

async function readPatch(
  request: FastifyRequest,
  reply: FastifyReply,
  schema: ImageSchema,
): Promise<PatchStep[]> {
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
