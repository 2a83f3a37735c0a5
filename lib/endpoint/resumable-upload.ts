import type { IncomingMessage } from 'node:http'
import { type AttemptOptions, pause } from '../attempts.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import { receive, send } from '../http/body.ts'
import { redact } from '../http/redact.ts'
import type { Bytes } from '../stream/bytes.ts'
import { verifySize } from '../stream/verify.ts'
import { type Digests, digestsFromHeader, digestsToHeader } from '../wire/repr-digest.ts'
import {
  booleanFromHeader,
  booleanToHeader,
  bytesFromHeader,
  PARTIAL_UPLOAD,
  sameDigests,
} from '../wire/resumable-upload.ts'
import type { AddOptions, ImageData } from './endpoint.ts'
import { refusal, type Transport } from './glance-data.ts'

/** Bytes from which on an image is worth asking how much of it is there. */
const WORTH_RESUMING = 16 * 1024 * 1024

/** Data of which parts can be told from those of other data. */
export type ResumableData = ImageData & { readonly size: number; readonly checksum: string }

/** Whether it is worth it, and the whole is proved by a digest, whoever has sent its beginning. */
export function isWorthResuming(data: ImageData): data is ResumableData {
  return data.size !== null && data.size >= WORTH_RESUMING && data.checksum !== null
}

export interface ResumableOptions
  extends Pick<AttemptOptions, 'attempts'>, Pick<AddOptions, 'onContinue'> {}

/**
 * Sends the data to `url`, of a service that keeps what has come of an upload that breaks off: only what is not there yet,
 * also of what an earlier run has sent. What breaks off is gone on with, so often in a row as `attempts` says, counted
 * anew whenever as much has come as is worth it. Resolves to whether it works that way; else nothing has been sent.
 * @throws {GlanceError} by the answer, or what reading the data throws; `corrupt` for other data than was to be.
 */
export async function uploadOn(
  url: URL,
  data: ResumableData,
  transport: Transport,
  { attempts = 3, onContinue }: ResumableOptions,
): Promise<boolean> {
  let before: { readonly error: GlanceError; readonly offset: number } | undefined
  for (let failures = 0; ;) {
    let offset = before?.offset ?? 0
    const source = new Source(data, () => {
      if (offset > 0) onContinue?.(offset, before?.error)
    })
    try {
      const begun = await beginning(url, data, transport)
      if (begun.isComplete) return true
      offset = begun.offset
      await append(url, source, offset, transport)
      return true
    } catch (error) {
      transport.signal?.throwIfAborted()
      // One that is read once cannot be opened again: what made us try is what is wrong.
      if (source.hasFailed) throw source.isOpen ? error : (before?.error ?? error)
      if (before === undefined && isGlanceError(error, 'unsupported')) return false
      const isBusy = before !== undefined && isGlanceError(error, 'conflict')
      if (!isBusy && !isGlanceError(error, 'unavailable', 'unreachable')) throw error
      failures = offset - (before?.offset ?? 0) >= WORTH_RESUMING ? 1 : failures + 1
      before = { error: isBusy && before !== undefined ? before.error : error, offset }
      if (failures >= attempts) throw before.error
      await pause(failures, error, { signal: transport.signal })
    }
  }
}

/** Data of which is known whether it is to blame. */
class Source {
  readonly data: ResumableData
  readonly #onOpen: () => void
  isOpen = false
  hasFailed = false

  constructor(data: ResumableData, onOpen: () => void) {
    this.data = data
    this.#onOpen = onOpen
  }

  async *read(offset: number, signal: AbortSignal | undefined): Bytes & AsyncGenerator<Uint8Array> {
    const rest = this.data.size - offset
    const open = async () => await this.data.open({ offset, signal, isProvedLater: true })
    const bytes = rest === 0 ? undefined : await this.#blame(open)
    this.isOpen = true
    this.#onOpen()
    if (bytes === undefined) return
    const chunks = verifySize(bytes, rest)
    try {
      for (;;) {
        const next = await this.#blame(async () => await chunks.next())
        if (next.done === true) return
        yield next.value
      }
    } finally {
      await chunks.return(undefined)
    }
  }

  async #blame<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      this.hasFailed = true
      throw error
    }
  }
}

/** How much of this very data the service has; what it has of other data is forgotten. */
async function beginning(
  url: URL,
  data: ResumableData,
  transport: Transport,
): Promise<{ readonly offset: number; readonly isComplete: boolean }> {
  const { headers } = await ask('HEAD', url, transport)
  const offset = bytesFromHeader('upload-offset', headers['upload-offset'])
  const isComplete = booleanFromHeader('upload-complete', headers['upload-complete'])
  if (offset === undefined || isComplete === undefined) {
    throw new GlanceError('unsupported', `HEAD ${redact(url)}: it does not say what is there`)
  }
  if (isComplete || offset === 0) return { offset, isComplete }
  const length = bytesFromHeader('upload-length', headers['upload-length'])
  const said = headers['repr-digest']
  const digests = digestsFromHeader(typeof said === 'string' ? said : undefined)
  const isOurs = length === data.size && sameDigests(digests, digestsOf(data)) === true
  if (isOurs && offset <= data.size) return { offset, isComplete }
  await ask('DELETE', url, transport)
  return { offset: 0, isComplete }
}

async function append(
  url: URL,
  source: Source,
  offset: number,
  transport: Transport,
): Promise<void> {
  const { data } = source
  const digest = digestsToHeader(digestsOf(data))
  const headers = {
    ...transport.headers,
    'content-type': PARTIAL_UPLOAD,
    'upload-offset': String(offset),
    'upload-length': String(data.size),
    'upload-complete': booleanToHeader(true),
    ...(digest !== undefined && { 'repr-digest': digest }),
  }
  const request = { method: 'PATCH', url, ...transport, headers } as const
  const open = async () => source.read(offset, transport.signal)
  const answer = await send(request, data.size - offset, open)
  const isForgotten = answer.statusCode === 400 && answer.headers['upload-offset'] === '0'
  try {
    await succeeded('PATCH', url, answer, headers)
  } catch (error) {
    if (!isForgotten || !isGlanceError(error)) throw error
    // Our requests are as they should be: what has come is not the data.
    throw new GlanceError('corrupt', error.message, { cause: error })
  }
}

function digestsOf({ checksum, digest }: ResumableData): Digests {
  return { md5: checksum, ...(digest !== null && { [digest.algorithm]: digest.value }) }
}

async function ask(
  method: 'HEAD' | 'DELETE',
  url: URL,
  transport: Transport,
): Promise<IncomingMessage> {
  const answer = await receive({ method, url, ...transport })
  return await succeeded(method, url, answer, transport.headers)
}

async function succeeded(
  method: string,
  url: URL,
  answer: IncomingMessage,
  headers: Transport['headers'],
): Promise<IncomingMessage> {
  if ((answer.statusCode ?? 0) >= 300) throw await refusal(method, url, answer, headers)
  answer.resume()
  return answer
}
