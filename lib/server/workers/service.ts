import type { OpenOptions } from '../../database/settings.ts'
import { completeConfig, type ServerConfig } from '../config.ts'
import type { Report } from '../http/app.ts'
import type { Exchange } from '../http/exchange.ts'
import { startServer } from '../start.ts'
import { changed, optionName } from './changes.ts'
import { SupervisedService } from './supervised.ts'

/** An Images API service of as many processes as its configuration says, until it is disposed of. */
export interface RunningService extends AsyncDisposable {
  /** Such as `http://127.0.0.1:9292`, without a path. */
  readonly url: string
  readonly port: number
  /**
   * Goes over to another configuration without losing a request: new workers answer what comes from then on, those that
   * there are finish what they have. When it rejects all is as it was. Without workers only the certificates are read
   * anew, and what else has changed is told. @throws {GlanceError} `usage`, also for other places of images;
   * `unavailable`.
   */
  reload(given: Partial<ServerConfig>): Promise<void>
  /** Rejects when the service cannot go on; resolves never. */
  readonly failed: Promise<never>
}

export interface StartOptions extends OpenOptions {
  /** Told of errors that nobody foresaw, of each outage of what the service needs, and of workers that ended. */
  readonly report: Report
  /** Told of each request that was answered, or whose client went. */
  readonly onExchange?: ((exchange: Exchange) => void) | undefined
  /** A descriptor at which the system listens for us, instead of the address that is configured. */
  readonly fd?: number | undefined
}

/** Starts the service. @throws {GlanceError} as `startServer`. */
export async function startService(
  given: Partial<ServerConfig>,
  options: StartOptions,
): Promise<RunningService> {
  const config = completeConfig(given)
  if (config.workers > 0) return await SupervisedService.start(config, options)
  const server = await startServer(given, options)
  const { url, port } = server
  return {
    url,
    port,
    failed: new Promise(() => {}),
    reload: async next => {
      await server.reload()
      const others = changed(config, completeConfig(next)).map(optionName)
      if (others.length === 0) return
      options.notice?.(
        `workers is 0: what has changed (${others.join(', ')}) counts from the next start`,
      )
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
