import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import { parseV1Image, type V1Formats } from '../../wire/v1-request.ts'
import type { PageSizes } from '../../wire/paging.ts'
import { placeImage } from '../domain/v1/external.ts'
import { fillImage, killImage, requireFormats, storeFor } from '../domain/v1/fill.ts'
import type { V1Change } from '../domain/v1/reserve.ts'
import { maximum } from '../domain/upload.ts'
import { bytesOf, hasBody, mediaTypeOf } from '../http/body.ts'
import { contextOf } from '../http/context.ts'
import { HttpFault } from '../http/fault.ts'
import { startCopy } from '../import/copy-from.ts'
import type { Importer } from '../import/importer.ts'

/** What v1 works with. */
export interface V1Service {
  readonly importer: Pick<Importer, 'service' | 'fetcher'>
  readonly paging: PageSizes
  readonly formats: V1Formats
}

/**
 * What the headers of a POST or PUT say.
 * @throws {GlanceError} `invalid`, also when more data is declared than an image may have; `forbidden`.
 */
export function readRequest(
  request: FastifyRequest,
  { importer: { service }, formats }: V1Service,
): V1Change {
  const headers = Object.entries(request.headers).map(
    ([name, value]) => [name, String(value)] as const,
  )
  const { attributes, properties } = parseV1Image(headers, formats)
  const size = declared(request) ?? attributes.size ?? 0
  if (size > maximum(service)) {
    throw new GlanceError(
      'invalid',
      `denying attempt to upload image larger than ${service.limits.imageSize} bytes.`,
    )
  }
  const copyFrom = request.headers['x-glance-api-copy-from']
  return {
    attributes,
    properties,
    hasData: hasBody(request.raw),
    copyFrom: copyFrom === undefined ? undefined : String(copyFrom) || null,
  }
}

/**
 * Sees to the data of an image whose metadata is there already: takes what comes with the request, begins to copy what
 * is to be copied, or believes where it is. The image as it then is.
 * @throws {GlanceError} `invalid` for several kinds at once, and without formats, which leaves the image queued; as
 * {@link fillImage} and {@link placeImage}. @throws {HttpFault} 412 when the image was deleted meanwhile.
 */
export async function settle(
  request: FastifyRequest,
  reply: FastifyReply,
  { importer }: V1Service,
  image: ImageRecord,
  { attributes, hasData, copyFrom }: V1Change,
): Promise<ImageRecord> {
  const { service } = importer
  const context = contextOf(request)
  const { location } = attributes
  if ([hasData, copyFrom, location].filter(Boolean).length > 1) {
    throw new GlanceError('invalid', "it's invalid to provide multiple image sources.")
  }
  if (!hasData && !copyFrom && !location) return image
  requireFormats(image)
  if (location) return placeImage(context, service, image, location)
  const target = storeFor(service, attributes.store ?? null)
  if (!target.writable) {
    await killImage(service, image.id)
    throw new GlanceError('gone', 'adding images to this store is disabled.')
  }
  if (copyFrom) {
    startCopy(context, importer, image, copyFrom, target)
    return image
  }
  if (mediaTypeOf(request) !== 'application/octet-stream') {
    await killImage(service, image.id)
    throw new GlanceError('invalid', 'content-Type must be application/octet-stream')
  }
  const size = image.size || declared(request)
  try {
    const data = bytesOf(request, reply)
    return await fillImage(context, service, image, data, size, target)
  } catch (error) {
    if (!isGlanceError(error, 'gone')) throw error
    throw new HttpFault(412, error.message)
  }
}

/** Bytes that the body is said to have; null when that is not said, or it has none. */
function declared({ headers }: FastifyRequest): number | null {
  return Number(headers['content-length'] ?? 0) || null
}
