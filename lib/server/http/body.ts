import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { GlanceError } from '../../errors.ts'
import { takeTime } from './deadline.ts'
import { limitSize } from '../../stream/limit-size.ts'
import { ReceivedBody } from './received-body.ts'

/** Bytes of a JSON document: many times what an image with every quota used up needs. */
const LARGEST_DOCUMENT = 4 * 1024 * 1024

/** Lists and objects within each other: many more than any document of the API has, and few enough for any stack. */
const DEEPEST_DOCUMENT = 100

/** Encodings of a body that has one (glance/common/wsgi.py). */
const ENCODINGS = new Set(['chunked', 'compress', 'deflate', 'gzip', 'identity'])
const METHODS_WITH_BODY = new Set(['POST', 'PUT', 'PATCH'])

export const UNDECODABLE =
  'error decoding your request. Either the URL or the request body contained characters that could not be decoded by Glance'

/** Whether a body comes with the request, by Glance's rules. */
export function hasBody(request: IncomingMessage): boolean {
  const encoding = request.headers['transfer-encoding']?.toLowerCase() ?? ''
  if (ENCODINGS.has(encoding) && METHODS_WITH_BODY.has(request.method ?? '')) return true
  return Number(request.headers['content-length'] ?? 0) > 0
}

/** The media type without its parameters, as it was sent. */
export function mediaTypeOf(request: FastifyRequest): string | undefined {
  return request.headers['content-type']?.split(';')[0]?.trim()
}

/**
 * The JSON object or list in the body, whatever its media type.
 * @throws {GlanceError} `invalid` when there is none, or something else; `over_limit`.
 */
export async function readDocument(request: FastifyRequest, reply: FastifyReply): Promise<object> {
  if (!hasBody(request.raw)) throw new GlanceError('invalid', 'body expected in request.')
  if (Number(request.headers['content-length'] ?? 0) > LARGEST_DOCUMENT) {
    const message = `the document is larger than the ${LARGEST_DOCUMENT} bytes allowed`
    throw new GlanceError('over_limit', message)
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of limitSize(chunksOf(request, reply), LARGEST_DOCUMENT)) {
    chunks.push(Uint8Array.from(chunk))
  }
  const document = parse(decode(Buffer.concat(chunks)))
  if (isNesting(document)) {
    requireShallow(document)
    return document
  }
  throw new GlanceError('invalid', 'unexpected body type. Expected list/dict.')
}

/** @throws {GlanceError} `invalid`. */
function requireShallow(document: object): void {
  let level: readonly object[] = [document]
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > DEEPEST_DOCUMENT) {
      throw new GlanceError('invalid', `the document is more than ${DEEPEST_DOCUMENT} levels deep`)
    }
    level = level.flatMap(nesting => Object.values(nesting).filter(isNesting))
  }
}

function isNesting(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Image data in the body, as {@link chunksOf}, which may take its time. */
export function bytesOf(request: FastifyRequest, reply: FastifyReply): AsyncGenerator<Uint8Array> {
  takeTime(request.raw)
  return chunksOf(request, reply)
}

/**
 * The body as it comes in. A client that asked whether to send one is told to only when the first chunk is wanted.
 * A loop that is left early leaves the rest unread, so that there can still be an answer.
 */
async function* chunksOf(
  request: FastifyRequest,
  reply: FastifyReply,
): AsyncGenerator<Uint8Array, void> {
  if (request.headers.expect !== undefined) reply.raw.writeContinue()
  yield* new ReceivedBody(request.raw)
}

function decode(bytes: Uint8Array): string {
  try {
    // A byte order mark is no part of JSON, and Glance takes none.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw new GlanceError('invalid', UNDECODABLE, { cause: error })
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new GlanceError('invalid', 'malformed JSON in request body.', { cause: error })
  }
}
