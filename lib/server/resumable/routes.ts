import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { GlanceError, isGlanceError } from '../../errors.ts'
import { digestsFromHeader, digestsToHeader } from '../../wire/repr-digest.ts'
import {
  booleanFromHeader,
  booleanToHeader,
  bytesFromHeader,
  PARTIAL_UPLOAD,
  RESUMABLE_UPLOADS,
  resumableOffer,
} from '../../wire/resumable-upload.ts'
import type { Service } from '../domain/service.ts'
import {
  type Append,
  appendToUpload,
  forgetUpload,
  type Progress,
  type ResumableService,
  uploadProgress,
  WrongOffset,
} from '../domain/resumable.ts'
import { BODILESS, notAllowed } from '../http/app.ts'
import { bytesOf, hasBody, mediaTypeOf } from '../http/body.ts'
import { contextOf } from '../http/context.ts'
import { sayProcessing } from '../http/processing.ts'
import { cutOffSilent } from '../http/silence.ts'
import type { ImagePath } from '../v2/images.ts'
import { chosenStore } from '../v2/stores.ts'

/** What comes so slowly is as well begun anew: what has come stays. Milliseconds. */
const SILENCE_MS = 60_000

/** Says, to everybody, that there is such a thing. */
export function resumableDiscovery(
  app: FastifyInstance,
  { parts, limits }: ResumableService,
): void {
  const maxSize = limits.imageSize < 0 ? null : limits.imageSize
  const offer = resumableOffer({ maxSize, maxAge: parts.maxAgeMs / 1000 })
  app.all(`/${RESUMABLE_UPLOADS}`, async ({ method }) => {
    if (method === 'GET' || method === 'HEAD') return offer
    throw notAllowed(method, ['GET', 'HEAD'])
  })
}

/** Uploads that go on where they broke off, for an application whose paths begin with {@link RESUMABLE_UPLOADS}. */
export function resumableRoutes(
  app: FastifyInstance,
  service: ResumableService,
  clientSocketTimeoutMs: number,
): void {
  const silenceMs = Math.min(clientSocketTimeoutMs || SILENCE_MS, SILENCE_MS)
  const path = '/images/:id/file'

  app.head<ImagePath>(path, BODILESS, async (request, reply) => {
    const progress = await uploadProgress(contextOf(request), service, request.params.id)
    tell(reply, progress)
    reply.header('upload-limit', limitOf(service, progress))
    reply.header('cache-control', 'no-store')
    return reply.code(204).send()
  })

  app.patch<ImagePath>(path, async (request, reply) => {
    cutOffSilent(request, reply, silenceMs)
    const append = appendOf(request, reply, service)
    const stop = sayProcessing(request, reply)
    try {
      tell(reply, await appendToUpload(contextOf(request), service, request.params.id, append))
    } catch (error) {
      if (error instanceof WrongOffset) reply.header('upload-offset', String(error.offset))
      if (isGlanceError(error, 'corrupt', 'unsupported_media_type')) {
        reply.header('upload-offset', '0') // What has come is forgotten.
      }
      throw error
    } finally {
      stop()
    }
    return reply.code(204).send()
  })

  app.delete<ImagePath>(path, BODILESS, async (request, reply) => {
    await forgetUpload(contextOf(request), service, request.params.id)
    return reply.code(204).send()
  })
}

function tell(reply: FastifyReply, { offset, isComplete, length, digests }: Progress): void {
  reply.header('upload-offset', String(offset))
  reply.header('upload-complete', booleanToHeader(isComplete))
  if (typeof length === 'number') reply.header('upload-length', String(length))
  const digest = digestsToHeader(digests ?? {})
  if (digest !== undefined) reply.header('repr-digest', digest)
}

function limitOf({ parts, limits, now }: ResumableService, { touchedAt }: Progress): string {
  const age = touchedAt === undefined ? 0 : Math.max(now().getTime() - touchedAt.getTime(), 0)
  const maxAge = `max-age=${Math.max(Math.floor((parts.maxAgeMs - age) / 1000), 0)}`
  return limits.imageSize < 0 ? maxAge : `max-size=${limits.imageSize}, ${maxAge}`
}

/** @throws {GlanceError} `unsupported_media_type`, `invalid`. */
function appendOf(request: FastifyRequest, reply: FastifyReply, service: Service): Append {
  const mediaType = mediaTypeOf(request)
  if (mediaType !== PARTIAL_UPLOAD) {
    const message = `a part of an upload has to be ${PARTIAL_UPLOAD}, not ${mediaType ?? 'of no media type'}`
    throw new GlanceError('unsupported_media_type', message)
  }
  const { headers } = request
  const digest = headers['repr-digest']
  return {
    offset: required('upload-offset', bytesFromHeader('upload-offset', headers['upload-offset'])),
    isLast: required(
      'upload-complete',
      booleanFromHeader('upload-complete', headers['upload-complete']),
    ),
    length: bytesFromHeader('upload-length', headers['upload-length']) ?? null,
    digests: digestsFromHeader(typeof digest === 'string' ? digest : digest?.join(',')),
    size: sizeOf(request),
    body: bytesOf(request, reply),
    target: chosenStore(request, service),
  }
}

function required<T>(name: string, value: T | undefined): T {
  if (value !== undefined) return value
  throw new GlanceError('invalid', `${name} is missing: it says what the body is of the whole`)
}

/** Bytes of the body; null when they come in chunks. */
function sizeOf({ raw: request, headers }: FastifyRequest): number | null {
  if (!hasBody(request)) return 0
  return bytesFromHeader('content-length', headers['content-length']) ?? null
}
