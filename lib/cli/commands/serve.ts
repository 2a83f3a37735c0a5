import { once } from 'node:events'
import type { RunningServer } from '../../server/start.ts'
import type { Log } from '../log.ts'
import { isGlanceError, messageOf } from '../../errors.ts'
import type { Command } from '../command.ts'
import { EXIT_STATUS } from '../exit-status.ts'
import { type CommonOptions, SERVICE, type ServiceOptions } from '../options.ts'

export interface ServeOptions extends CommonOptions, ServiceOptions {
  readonly host: string | undefined
  readonly port: number | undefined
}

/** Told once, when the service can be used. */
export interface ServeRow {
  readonly url: string
  readonly host: string
  readonly port: number
}

/** Reads certificates anew whenever SIGHUP comes; without TLS it is the end of the program, as of others. */
function onHangUp(server: RunningServer, log: Log): Disposable {
  const reload = () => {
    void server.reload().then(
      () => log.notice('the certificate was read anew'),
      (error: unknown) => log.error(`the certificate stays as it was: ${told(error)}`),
    )
  }
  const signal = server.url.startsWith('https:') ? 'SIGHUP' : null
  if (signal !== null) process.on(signal, reload)
  return { [Symbol.dispose]: () => void (signal !== null && process.off(signal, reload)) }
}

/** One line of what was foreseen; of what was not, all that helps to find it. */
function told(error: unknown): string {
  return error instanceof Error && !isGlanceError(error)
    ? (error.stack ?? error.message)
    : messageOf(error)
}

export const serve: Command<ServeOptions, ServeRow, object> = {
  name: 'serve',
  summary: 'Be an Images API service until stopped',
  serves: () => true,
  positionals: {},
  options: {
    ...SERVICE,
    host: {
      type: 'string',
      requiresArg: true,
      describe: 'Address to listen on (default 127.0.0.1)',
    },
    port: {
      type: 'number',
      requiresArg: true,
      describe: 'Port to listen on; 0 for any (default 9292)',
    },
  },

  async *run({ config, host, port, dataDir }, { log, signal }) {
    const [{ readConfig }, { startServer }] = await Promise.all([
      import('../../server/config.ts'),
      import('../../server/start.ts'),
    ])
    const notice = (message: string) => log.notice(message)
    const settings = config === undefined ? {} : await readConfig(config, notice)
    await using server = await startServer(
      {
        ...settings,
        ...(host === undefined ? {} : { bindHost: host }),
        ...(port === undefined ? {} : { bindPort: port }),
        ...(dataDir === undefined ? {} : { dataDir }),
      },
      { report: error => log.error(told(error)), notice, signal },
    )
    if (settings.dataApi === 'simple') {
      log.notice('data_api is simple: all images and tasks are forgotten when the service stops')
    }
    const { workers = 0 } = settings
    if (workers > 1)
      log.notice(`workers is ${workers}: one process answers everything all the same`)
    yield { url: server.url, host: new URL(server.url).hostname, port: server.port }
    using _ = onHangUp(server, log)
    if (!signal.aborted) await once(signal, 'abort')
    log.info('stopping')
    return {}
  },

  exitStatus: () => EXIT_STATUS.done,

  views: {
    row: ({ url }) => `listening on ${url}`,
    summary: () => 'stopped',
  },
}
