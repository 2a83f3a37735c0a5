import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Abortable } from '../../abort.ts'
import { withAttempts } from '../../attempts.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import { bodyOf, receive, send } from '../../http/body.ts'
import type { DataConnections } from '../../http/connections.ts'
import { briefly, faultOf } from '../../http/faults.ts'
import { withoutTokens } from '../../http/redact.ts'
import type { Bytes } from '../../stream/bytes.ts'
import type { Access, AccessSource } from './access.ts'

export interface ClientOptions {
  /** For messages: whose client it is. */
  readonly name: string
  readonly connections: DataConnections
  /** Milliseconds without a sign of life. */
  readonly timeoutMs: number
}

/** What is asked of an account. */
export interface SwiftRequest extends Abortable {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** `container` or `container/object`, not encoded. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  /** Statuses from 300 on that are an answer like any other. Default none. */
  readonly accepted?: readonly number[]
}

export interface SwiftAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Data to be written as one object. */
export interface SwiftUpload extends Abortable {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Bytes; null when unknown. */
  readonly size: number | null
  /** Called once Swift is ready to take the bytes, and once only. */
  readonly open: () => Bytes
}

/** What may go better the next time; wrong bytes never reach this. */
const WORTH = ['unavailable', 'unreachable'] as const

/**
 * One account of Swift. What fails before any data has flowed is tried again, with another token where the one that we
 * have is refused.
 *
 * Errors have a code by the answer's status, but `unavailable` where Swift or its identity service does not let us in:
 * that is for the operator to mend, and not for whoever asks for the image.
 */
export class SwiftClient {
  readonly #source: AccessSource
  readonly #options: ClientOptions

  constructor(source: AccessSource, options: ClientOptions) {
    this.#source = source
    this.#options = options
  }

  /** Makes a request without data and resolves to the answer with its whole body. */
  async ask(request: SwiftRequest): Promise<SwiftAnswer> {
    const { accepted = [] } = request
    return await this.#repeat(request, async access => {
      const answer = await this.#receive(request, access)
      const { statusCode: status = 0, headers } = answer
      if (status >= 300 && !accepted.includes(status))
        throw await this.#refusal(request, answer, access)
      const body = await textOf(answer, this.#options.timeoutMs)
      return { status, headers, body }
    })
  }

  /** Writes an object and resolves to the headers of the answer. */
  async put({ path, headers, size, open, signal }: SwiftUpload): Promise<IncomingHttpHeaders> {
    let hasBegun = false
    const request = { method: 'PUT', path, signal } as const
    const write = async (access: Access): Promise<IncomingHttpHeaders> => {
      const sent = {
        ...this.#transport(request, access),
        headers: { ...headers, ...tokenOf(access) },
        asksFirst: true,
      }
      const answer = await send({ method: 'PUT', ...sent }, size, async () => {
        hasBegun = true
        return open()
      })
      if ((answer.statusCode ?? 0) >= 300) throw await this.#refusal(request, answer, access)
      answer.resume()
      return answer.headers
    }
    return await this.#repeat(request, write, () => !hasBegun)
  }

  /** Begins to read an object; the body is to be read, or destroyed. */
  async get(
    path: string,
    headers: Readonly<Record<string, string>>,
    { signal }: Abortable = {},
  ): Promise<IncomingMessage> {
    const request = { method: 'GET', path, headers, signal } as const
    return await this.#repeat(request, async access => {
      const answer = await this.#receive(request, access)
      if ((answer.statusCode ?? 0) < 300) return answer
      throw await this.#refusal(request, answer, access)
    })
  }

  /** The body of what {@link get} gave. */
  bodyOf(answer: IncomingMessage): AsyncGenerator<Uint8Array, void> {
    return bodyOf(answer, this.#options.timeoutMs)
  }

  /** Does the work again while that may help and nothing has been used up; with another token once. */
  async #repeat<T>(
    { signal }: Abortable,
    work: (access: Access) => Promise<T>,
    again: () => boolean = () => true,
  ): Promise<T> {
    const attempt = async () => {
      const access = await this.#access(signal)
      try {
        return await work(access)
      } catch (error) {
        const isRefused = isGlanceError(error, 'unauthenticated') && again()
        if (!isRefused || !(await this.#source.invalidate(access.token))) throw error
      }
      return await work(await this.#access(signal))
    }
    try {
      return await withAttempts(attempt, { again, worth: WORTH, signal })
    } catch (error) {
      if (!isGlanceError(error, 'unauthenticated')) throw error
      const { advice } = this.#source
      const message = advice === undefined ? error.message : `${error.message}; ${advice}`
      throw new GlanceError('unavailable', message, { cause: error })
    }
  }

  async #access(signal: AbortSignal | undefined): Promise<Access> {
    try {
      return await this.#source.access({ signal })
    } catch (error) {
      signal?.throwIfAborted()
      if (!isGlanceError(error) || WORTH.some(code => code === error.code)) throw error
      throw new GlanceError('unauthenticated', error.message, { cause: error })
    }
  }

  async #receive(request: SwiftRequest, access: Access): Promise<IncomingMessage> {
    const { method, headers = {} } = request
    return await receive({
      method,
      ...this.#transport(request, access),
      headers: { ...headers, ...tokenOf(access) },
    })
  }

  #transport({ path, query = {}, signal }: Omit<SwiftRequest, 'method'>, { url: base }: Access) {
    const { connections, timeoutMs } = this.#options
    const url = new URL(`${base}/${path.split('/').map(encodeURIComponent).join('/')}`)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    return { url, connections, timeoutMs, signal }
  }

  async #refusal(
    { method, path }: Pick<SwiftRequest, 'method' | 'path'>,
    answer: IncomingMessage,
    access: Access,
  ): Promise<GlanceError> {
    const text = await briefly(answer).catch(() => '')
    answer.destroy()
    const { statusCode: status = 0, headers } = answer
    const said = withoutTokens(text, tokenOf(access))
    const cause = faultOf({ method, url: new URL(access.url) }, status, headers, said)
    const code = STATUS[status] ?? cause.code
    const message = `store ${this.#options.name}: Swift answers ${status} to ${method} ${path}`
    return new GlanceError(code, message, { cause, retryAfterMs: cause.retryAfterMs })
  }
}

/** What statuses mean to Swift that mean something else elsewhere. */
const STATUS = {
  409: 'duplicate', // A newer object is there.
  412: 'duplicate', // There is an object, and we asked for there to be none.
  507: 'over_limit',
} as const as Readonly<Record<number, GlanceError['code']>> // So that any status may be looked up.

/** Whoever has none may still read what is there for everybody. */
function tokenOf({ token }: Access): Readonly<Record<string, string>> {
  return token === null ? {} : { 'x-auth-token': token }
}

async function textOf(answer: IncomingMessage, stallMs: number): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bodyOf(answer, stallMs)) chunks.push(Uint8Array.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}
