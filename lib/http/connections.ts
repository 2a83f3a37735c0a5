import {
  Agent as HttpAgent,
  type ClientRequest,
  type OutgoingHttpHeaders,
  request as httpRequest,
  type RequestOptions,
} from 'node:http'
import {
  Agent as HttpsAgent,
  type AgentOptions as HttpsAgentOptions,
  request as httpsRequest,
} from 'node:https'
import { createSecureContext, type SecureContext } from 'node:tls'
import { LargeReadAgent, LargeReadTlsAgent } from './large-reads.ts'
import { DIRECT, proxyHeaders, type ProxyRule } from './proxies.ts'
import type { TlsSettings } from './tls.ts'
import { TunnelAgent } from './tunnel.ts'

/**
 * Bytes of the headers of an answer, at most: v1 has all metadata of an image in them, which Node's 16 KiB do not hold.
 */
const LONGEST_HEADERS = 1024 * 1024

export interface ConnectionsOptions {
  /** Default: whom Node trusts. */
  readonly tls?: TlsSettings | undefined
  /** Default: none. */
  readonly proxies?: ProxyRule | undefined
}

/**
 * The kept-alive connections to the services of one side, to be destroyed at the end. Those for image data read into
 * large buffers of their own, which {@link chunksOf} hands on.
 */
export class DataConnections implements Disposable {
  readonly #options: ConnectionsOptions
  readonly #agents = new Map<string, HttpAgent>()
  /** By origin: to find out takes longer than a small request. */
  readonly #proxies = new Map<string, URL | undefined>()
  #context: SecureContext | undefined

  constructor(options: ConnectionsOptions = {}) {
    this.#options = options
  }

  /** Starts a request whose body or answer is image data. */
  forData(url: URL, options: RequestOptions): ClientRequest {
    return this.#start(url, options, 'data')
  }

  /** Starts a request for a document. */
  forJson(url: URL, options: RequestOptions): ClientRequest {
    return this.#start(url, options, 'json')
  }

  [Symbol.dispose](): void {
    for (const agent of this.#agents.values()) agent.destroy()
  }

  #start(url: URL, given: RequestOptions, purpose: 'data' | 'json'): ClientRequest {
    const options = { ...given, maxHeaderSize: LONGEST_HEADERS }
    const proxy = this.#proxyOf(url)
    const plain = (to: URL, how: RequestOptions) => {
      const agent = this.#agent(`${purpose} ${to.protocol}`, () =>
        purpose === 'data' ? new LargeReadAgent({ keepAlive: true }) : new HttpAgent(BRIEFLY),
      )
      return httpRequest(to, { ...how, agent })
    }
    if (url.protocol !== 'https:') {
      if (proxy === undefined) return plain(url, options)
      // RFC 9112 §3.2.2: a proxy is told the whole URL.
      const own = Array.isArray(options.headers) ? {} : (options.headers as OutgoingHttpHeaders)
      const headers = { ...own, host: url.host, ...proxyHeaders(proxy) } // We make no lists of them.
      const asked = { ...options, headers, path: url.href }
      if (proxy.protocol === 'http:') return plain(proxy, asked)
      const agent = this.#agent('https proxy', () => new HttpsAgent({ keepAlive: true }))
      return httpsRequest(proxy, { ...asked, agent })
    }
    const agent = this.#agent(`${purpose} tls ${proxy?.href ?? ''}`, () => {
      const how = { keepAlive: true, ...this.#secure() }
      if (proxy !== undefined) return new TunnelAgent(proxy, how)
      return purpose === 'data'
        ? new LargeReadTlsAgent(how)
        : new HttpsAgent({ ...BRIEFLY, ...how })
    })
    return httpsRequest(url, { ...options, agent })
  }

  #proxyOf(url: URL): URL | undefined {
    const { origin } = url
    const { proxies = DIRECT } = this.#options
    if (!this.#proxies.has(origin)) this.#proxies.set(origin, proxies(url))
    return this.#proxies.get(origin)
  }

  /** Hundreds of authorities take a while to be understood: not before somebody talks TLS. */
  #secure(): HttpsAgentOptions {
    const { tls } = this.#options
    if (tls === undefined) return {}
    const { insecure, ...files } = tls
    this.#context ??= createSecureContext(files)
    return { secureContext: this.#context, rejectUnauthorized: !insecure }
  }

  #agent(name: string, make: () => HttpAgent): HttpAgent {
    const agent = this.#agents.get(name) ?? make()
    this.#agents.set(name, agent)
    return agent
  }
}

/** As Node's own agent: many servers close what was idle for longer. */
const BRIEFLY = { keepAlive: true, scheduling: 'lifo', timeout: 5000 } as const
