import type { IncomingHttpHeaders } from 'node:http'
import type { Abortable } from '../abort.ts'
import { type AttemptOptions, withAttempts } from '../attempts.ts'
import type { ErrorCode } from '../errors.ts'
import { DataConnections } from '../http/connections.ts'
import { call, exchange, type JsonRequest } from '../http/client.ts'
import type { TokenSource } from '../keystone/token-source.ts'
import type { Transport } from './glance-data.ts'

export interface GlanceOptions extends Abortable {
  readonly tokens: TokenSource
  /** Milliseconds without a sign of life after which a request has failed. */
  readonly timeoutMs: number
  /** How often a request that changes nothing is tried in all. */
  readonly attempts: number
}

type CallOptions = Partial<Pick<JsonRequest, 'json' | 'headers' | 'accepted' | 'signal'>>

/** Requests to one service, whatever version of the API it speaks, with our token. Paths are below its URL. */
export class GlanceService implements Disposable {
  /** For messages. */
  readonly name: string
  readonly options: GlanceOptions
  readonly #base: URL
  readonly #connections = new DataConnections()

  constructor(name: string, base: URL, options: GlanceOptions) {
    this.name = name
    this.options = options
    this.#base = base
  }

  /** The JSON at `path`, asked for again where `worth` says that it may help; `accepted` as a request has it. */
  async get(
    path: string,
    signal: AbortSignal | undefined,
    worth: readonly ErrorCode[] = ['unavailable', 'unreachable'],
    accepted: readonly number[] = [],
  ): Promise<unknown> {
    return await this.#patiently(async () => await this.call('GET', path, { accepted, signal }), {
      worth,
      signal,
    })
  }

  /** Asks once. */
  async call(
    method: JsonRequest['method'],
    path: string,
    options: CallOptions = {},
  ): Promise<unknown> {
    return await call(await this.#request(method, path, options))
  }

  /** What a HEAD of `path` says, names in lower case; asked for again as {@link get}. */
  async head(path: string, signal: AbortSignal | undefined): Promise<IncomingHttpHeaders> {
    const ask = async () => (await exchange(await this.#request('HEAD', path, { signal }))).headers
    return await this.#patiently(ask, { worth: ['unavailable', 'unreachable'], signal })
  }

  /** Does `work`, which moves image data, with all that it takes to get there. */
  async withTransport<T>(
    signal: AbortSignal | undefined,
    work: (transport: Transport) => Promise<T>,
  ): Promise<T> {
    const { timeoutMs } = this.options
    const headers = await this.#credentials(signal)
    return await work({ headers, timeoutMs, connections: this.#connections, signal })
  }

  url(path: string): URL {
    return new URL(`${this.#base.pathname.replace(/\/+$/, '')}/${path}`, this.#base)
  }

  [Symbol.dispose](): void {
    this.#connections[Symbol.dispose]()
  }

  async #patiently<T>(ask: () => Promise<T>, options: AttemptOptions): Promise<T> {
    return await withAttempts(ask, { attempts: this.options.attempts, ...options })
  }

  async #request(
    method: JsonRequest['method'],
    path: string,
    { headers, ...rest }: CallOptions,
  ): Promise<JsonRequest> {
    const credentials = await this.#credentials(rest.signal)
    return {
      method,
      url: this.url(path),
      timeoutMs: this.options.timeoutMs,
      ...rest,
      headers: { ...credentials, ...headers },
    }
  }

  async #credentials(signal: AbortSignal | undefined): Promise<Record<string, string>> {
    const token = await this.options.tokens.token({ signal })
    return token === null ? {} : { 'x-auth-token': token }
  }
}
