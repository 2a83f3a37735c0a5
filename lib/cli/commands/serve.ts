import { once } from 'node:events'
import type { RunningServer } from '../../server/start.ts'
import type { Log } from '../log.ts'
import { isGlanceError, messageOf } from '../../errors.ts'
import type { Command } from '../command.ts'
import { configFiles } from '../config-files.ts'
import { type EffectiveRow, effectiveRows, effectiveText } from '../effective-config.ts'
import { EXIT_STATUS } from '../exit-status.ts'
import { type CommonOptions, SERVICE, type ServiceOptions } from '../options.ts'

export interface ServeOptions extends CommonOptions, ServiceOptions {
  readonly host: string | undefined
  readonly port: number | undefined
  readonly checkConfig: boolean
  readonly printConfig: boolean
}

/** Told once, when the service can be used. */
export interface ServeRow {
  readonly url: string
  readonly host: string
  readonly port: number
}

/** Unless it serves, all that is wrong with the settings, a line each. */
interface ServeSummary {
  readonly faults?: readonly string[]
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

export const serve: Command<ServeOptions, ServeRow | EffectiveRow, ServeSummary> = {
  name: 'serve',
  summary: 'Be an Images API service until stopped',
  serves: ({ checkConfig, printConfig }) => !checkConfig && !printConfig,
  rows: 'settings',
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
    'check-config': {
      type: 'boolean',
      default: false,
      describe: 'Tell everything that is wrong with the settings, and start nothing',
    },
    'print-config': {
      type: 'boolean',
      default: false,
      describe: 'Print every setting and where it was set, and start nothing',
    },
  },

  async *run(options, { log, signal }) {
    const { completeConfig, examineConfig } = await import('../../server/config.ts')
    const notice = (message: string) => log.notice(message)
    const { host, port, dataDir } = options
    const { config, faults, effective } = await examineConfig(await configFiles(options), notice)
    const settings = {
      ...config,
      ...(host === undefined ? {} : { bindHost: host }),
      ...(port === undefined ? {} : { bindPort: port }),
      ...(dataDir === undefined ? {} : { dataDir }),
    }
    const { faultText, wrongAll } = await import('../../server/oslo-config.ts')
    if (options.checkConfig) {
      const { checkConfig } = await import('../../server/check-config.ts')
      return {
        faults: [...faults.map(faultText), ...(await checkConfig(completeConfig(settings)))],
      }
    }
    if (faults.length > 0) throw wrongAll(faults)
    if (options.printConfig) {
      yield* effectiveRows(effective, { bind_host: host, bind_port: port, data_dir: dataDir })
      return { faults: [] }
    }
    const { startServer } = await import('../../server/start.ts')
    await using server = await startServer(settings, {
      report: error => log.error(told(error)),
      notice,
      signal,
    })
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

  exitStatus: ({ faults = [] }) => (faults.length === 0 ? EXIT_STATUS.done : EXIT_STATUS.usage),

  views: {
    row: row => ('url' in row ? `listening on ${row.url}` : effectiveText(row)),
    summary: ({ faults = [] }, { checkConfig, printConfig }) => {
      if (printConfig && !checkConfig) return undefined
      if (!checkConfig) return 'stopped'
      return faults.length === 0 ? 'nothing is wrong with the settings' : faults.join('\n')
    },
  },
}
