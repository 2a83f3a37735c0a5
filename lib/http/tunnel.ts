import { request as httpRequest } from 'node:http'
import {
  Agent as HttpsAgent,
  type AgentOptions,
  request as httpsRequest,
  type RequestOptions,
} from 'node:https'
import { isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { GlanceError } from '../errors.ts'
import { networkFault } from './faults.ts'
import { proxyHeaders } from './proxies.ts'

/** Milliseconds that a proxy may take to reach the server. */
const PATIENCE_MS = 30_000

type Opened = (error: Error | null, stream: Duplex) => void

/** Connections by TLS through a proxy, which sees nothing but whom we talk to. */
export class TunnelAgent extends HttpsAgent {
  readonly #proxy: URL

  constructor(proxy: URL, options: AgentOptions) {
    super(options)
    this.#proxy = proxy
  }

  override createConnection(options: RequestOptions, opened: Opened): undefined {
    const { host, port = 443 } = options
    const name = isIPv6(String(host)) ? `[${String(host)}]` : String(host)
    openTunnel(this.#proxy, `${name}:${String(port)}`).then(
      // An agent's options hold the name of the server and all else that TLS takes.
      socket => opened(null, connectTls({ ...options, socket } as ConnectionOptions)),
      // Whoever gets an error takes no note of the stream.
      (error: Error) => opened(error, undefined as unknown as Duplex),
    )
  }
}

/** A connection to `target` by the proxy's word. @throws {GlanceError} `unreachable`, `unavailable`. */
async function openTunnel(proxy: URL, target: string): Promise<Duplex> {
  const request = proxy.protocol === 'https:' ? httpsRequest : httpRequest
  return await new Promise((resolve, reject) => {
    const asked = request(proxy, {
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...proxyHeaders(proxy) },
      agent: false,
      timeout: PATIENCE_MS,
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')))
    asked.on('error', error =>
      reject(networkFault({ method: `CONNECT ${target} by the proxy`, url: proxy }, error)),
    )
    asked.on('connect', ({ statusCode = 0, statusMessage = '' }, socket) => {
      socket.setTimeout(0)
      if (statusCode === 200) return resolve(socket)
      socket.destroy()
      const message = `the proxy ${proxy.origin} refuses a tunnel to ${target}: ${statusCode} ${statusMessage}`
      reject(new GlanceError(statusCode >= 500 ? 'unavailable' : 'unreachable', message))
    })
    asked.end()
  })
}
