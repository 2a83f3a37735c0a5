import { once } from 'node:events'
import { GlanceError } from '../../errors.ts'
import type { Command } from '../command.ts'
import { configFiles } from '../config-files.ts'
import { type EffectiveRow, effectiveRows, effectiveText } from '../effective-config.ts'
import { EXIT_STATUS } from '../exit-status.ts'
import { type CommonOptions, SERVICE, type ServiceOptions } from '../options.ts'
import { accessLog, asWord } from '../serving/access-log.ts'
import { HangUps } from '../serving/hang-up.ts'
import { PidFile } from '../serving/pid-file.ts'
import { serviceManager, takeListener } from '../serving/systemd.ts'
import { told } from '../serving/told.ts'

export interface ServeOptions extends CommonOptions, ServiceOptions {
  readonly host: string | undefined
  readonly port: number | undefined
  readonly pidFile: string | undefined
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
    'pid-file': {
      type: 'string',
      requiresArg: true,
      describe: 'Write the number of the process to FILE while it runs',
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
    // An empty variable of a script is neither every address nor the folder that we are in.
    if (host === '') throw new GlanceError('usage', '--host: expected an address')
    if (dataDir === '') throw new GlanceError('usage', '--data-dir: expected a folder')
    const { withNamedFiles } = await import('../../server/options/named-files.ts')
    const examined = async () => {
      const read = await examineConfig(await configFiles(options), notice)
      // What is printed is what stands there.
      return options.printConfig && !options.checkConfig ? read : await withNamedFiles(read)
    }
    const { config, faults, effective } = await examined()
    const given = {
      ...(host === undefined ? {} : { bindHost: host }),
      ...(port === undefined ? {} : { bindPort: port }),
      ...(dataDir === undefined ? {} : { dataDir }),
    }
    const settings = { ...config, ...given }
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
    const { startService } = await import('../../server/workers/service.ts')
    const manager = serviceManager({ ...process.env }, message => log.warning(message))
    const fd = takeListener(process.env)
    const { pidFile, verbose, debug } = options
    // Of what has neither configuration nor log file there is nothing to be done anew, and SIGHUP ends it.
    const isConfigured = [options.config, options.configDir].some(given => given !== undefined)
    using hangUps = isConfigured || options.logFile !== undefined ? new HangUps() : null
    await using written = new PidFile(pidFile)
    const report = (error: unknown, requestId?: string) =>
      requestId === undefined
        ? log.error(told(error))
        : log.error(`[${asWord(requestId)}] ${told(error)}`, { request_id: requestId })
    const onExchange = verbose || debug ? accessLog(log) : undefined
    await using service = await startService(settings, { report, onExchange, notice, signal, fd })
    if (settings.dataApi === 'simple') {
      log.notice('data_api is simple: all images and tasks are forgotten when the service stops')
    }
    const load = async () => {
      const anew = await examined()
      if (anew.faults.length > 0) throw wrongAll(anew.faults)
      return { ...anew.config, ...given }
    }
    // Not before it is ours: of a second service that is refused, the file of the first one is left alone.
    await written.write()
    using reloading =
      hangUps?.reload(service, { load: isConfigured ? load : undefined, manager, log }) ?? null
    yield { url: service.url, host: new URL(service.url).hostname, port: service.port }
    await manager.ready()
    if (!signal.aborted) await Promise.race([once(signal, 'abort'), service.failed])
    reloading?.[Symbol.dispose]()
    log.info('stopping')
    await manager.stopping()
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
