import type { IncomingHttpHeaders } from 'node:http'
import type { Abortable } from '../abort.ts'
import { type AttemptOptions, withAttempts } from '../attempts.ts'
import { type ErrorCode, isGlanceError } from '../errors.ts'
import { DataConnections } from '../http/connections.ts'
import { call, exchange, type JsonRequest } from '../http/client.ts'
import { type TokenSource, withToken } from '../keystone/token-source.ts'
import type { RateLimit } from '../stream/limit-rate.ts'
import type { AnswerObserver, ImageData } from './endpoint.ts'
import type { Transport } from './glance-data.ts'

export interface GlanceOptions extends Abortable {
  readonly tokens: TokenSource
  /** Milliseconds without a sign of life after which a request has failed. */
  readonly timeoutMs: number
  /** Milliseconds without a byte of image data after which reading it has failed. Default `timeoutMs`. */
  readonly stallMs?: number | undefined
  /** How often a request that changes nothing is tried in all. */
  readonly attempts: number
  /** Where the service is in the catalogue of its Keystone, as far as that was said. */
  readonly region?: string | undefined
  /** How many requests are begun in a second. Default: as many as there are. */
  readonly requests?: RateLimit | undefined
  /** How to get there; disposed of with the endpoint. Default: directly, trusting whom Node trusts. */
  readonly connections?: DataConnections | undefined
}

type CallOptions = Partial<Pick<JsonRequest, 'json' | 'headers' | 'accepted' | 'signal'>>

/** Requests to one service, whatever version of the API it speaks, with our token. Paths are below its URL. */
export class GlanceService implements Disposable {
  /** For messages. */
  readonly name: string
  readonly options: GlanceOptions
  readonly #base: URL
  readonly #connections: DataConnections
  readonly #observers = new Set<AnswerObserver>()

  constructor(name: string, base: URL, options: GlanceOptions) {
    this.name = name
    this.options = options
    this.#base = base
    this.#connections = options.connections ?? new DataConnections()
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
    return await this.#request(method, path, options, call)
  }

  /** What a HEAD of `path` says, names in lower case; asked for again as {@link get}. */
  async head(path: string, signal: AbortSignal | undefined): Promise<IncomingHttpHeaders> {
    const ask = async () => (await this.#request('HEAD', path, { signal }, exchange)).headers
    return await this.#patiently(ask, { worth: ['unavailable', 'unreachable'], signal })
  }

  /** Does `work`, which moves image data, with all that it takes to get there; once more where our token is refused. */
  async withTransport<T>(
    signal: AbortSignal | undefined,
    work: (transport: Transport) => Promise<T>,
  ): Promise<T> {
    const { tokens } = this.options
    const begin = async (token: string | null) => {
      await this.#turn(signal)
      return await work(this.#transport(token, signal))
    }
    return await withToken(tokens, begin, { signal })
  }

  /** Does `work`, which sends `data`, and once more from its start where our token is refused, not that of its source. */
  async send<T>(
    data: ImageData,
    signal: AbortSignal | undefined,
    work: (data: ImageData, transport: Transport) => Promise<T>,
  ): Promise<T> {
    let isOfSource = false
    const watched: ImageData = {
      ...data,
      open: async options => {
        try {
          return await data.open(options)
        } catch (error) {
          isOfSource = true
          throw error
        }
      },
    }
    const begin = async (token: string | null) => {
      await this.#turn(signal)
      return await work(watched, this.#transport(token, signal))
    }
    return await withToken(this.options.tokens, begin, { signal, isRefusal: () => !isOfSource })
  }

  /** As `Endpoint.observe`. */
  observe(observer: AnswerObserver): Disposable {
    this.#observers.add(observer)
    return { [Symbol.dispose]: () => void this.#observers.delete(observer) }
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

  /** Asks, and once more where our token is refused. */
  async #request<T>(
    method: JsonRequest['method'],
    path: string,
    { headers, ...rest }: CallOptions,
    ask: (request: JsonRequest) => Promise<T>,
  ): Promise<T> {
    const { tokens, timeoutMs } = this.options
    const work = async (token: string | null) => {
      await this.#turn(rest.signal)
      const asked = ask({
        method,
        url: this.url(path),
        timeoutMs,
        connections: this.#connections,
        ...rest,
        headers: { ...credentials(token), ...headers },
      })
      return await this.#observed(asked, method)
    }
    return await withToken(tokens, work, { signal: rest.signal })
  }

  /** The answer, once the observers know how long it took. */
  async #observed<T>(asked: Promise<T>, method: JsonRequest['method']): Promise<T> {
    if (this.#observers.size === 0) return await asked
    const since = performance.now()
    try {
      const answer = await asked
      // A page of a listing takes longer than what one image takes.
      const isSmall = method !== 'GET' && method !== 'HEAD'
      for (const one of isSmall ? this.#observers : []) one.answered(performance.now() - since)
      return answer
    } catch (error) {
      if (isGlanceError(error, 'unavailable')) for (const one of this.#observers) one.busy()
      throw error
    }
  }

  /** Resolves when another request may be begun. */
  async #turn(signal: AbortSignal | undefined): Promise<void> {
    await this.options.requests?.take(1, { signal })
  }

  #transport(token: string | null, signal: AbortSignal | undefined): Transport {
    const { timeoutMs, stallMs = timeoutMs } = this.options
    const headers = credentials(token)
    return { headers, timeoutMs, stallMs, connections: this.#connections, signal }
  }
}

function credentials(token: string | null): Readonly<Record<string, string>> {
  return token === null ? {} : { 'x-auth-token': token }
}
