import { once } from 'node:events'
import { createServer } from 'node:http'
import { addressOf, cannotListen } from '../assembly/address.ts'
import type { ServerConfig } from '../config.ts'
import { exposition, EXPOSITION_TYPE } from './exposition.ts'
import { Metrics, type Series } from './metrics.ts'

/** What a process counts and measures with; undefined where nobody wants to know. */
export function metricsFor({ metricsBindPort }: ServerConfig): Metrics | undefined {
  return metricsBindPort === null ? undefined : new Metrics()
}

/** Where Prometheus finds the metrics, until disposal. */
export interface MetricsListener extends AsyncDisposable {
  readonly port: number
}

/**
 * Answers `GET /metrics` at an address of its own, where operators are and clients are not. Null where none is
 * configured. @throws {GlanceError} `unavailable`.
 */
export async function listenForMetrics(
  { metricsBindHost: host, metricsBindPort: port }: ServerConfig,
  collect: () => Promise<Series>,
): Promise<MetricsListener | null> {
  if (port === null) return null
  const server = createServer((request, response) => {
    const answer = async () => {
      const isKnown = request.url?.split('?', 1)[0] === '/metrics'
      if (!isKnown || request.method !== 'GET') return response.writeHead(isKnown ? 405 : 404).end()
      const text = exposition(await collect())
      return response.writeHead(200, { 'content-type': EXPOSITION_TYPE }).end(text)
    }
    answer().catch(() => response.destroy())
  })
  try {
    await once(server.listen({ host, port }), 'listening')
  } catch (error) {
    throw cannotListen(host, port, error)
  }
  return {
    port: addressOf(server).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
