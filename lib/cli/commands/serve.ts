import { once } from 'node:events'
import type { Command } from '../command.ts'
import { EXIT_STATUS } from '../exit-status.ts'
import { type CommonOptions, SERVICE, type ServiceOptions } from '../options.ts'
import { accessLog } from '../serving/access-log.ts'
import { reloadOnHangUp } from '../serving/hang-up.ts'
import { writePidFile } from '../serving/pid-file.ts'
import { serviceManager, takeListener } from '../serving/systemd.ts'
import { told } from '../serving/told.ts'

export interface ServeOptions extends CommonOptions, ServiceOptions {
  readonly host: string | undefined
  readonly port: number | undefined
  readonly pidFile: string | undefined
}

/** Told once, when the service can be used. */
export interface ServeRow {
  readonly url: string
  readonly host: string
  readonly port: number
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
    'pid-file': {
      type: 'string',
      requiresArg: true,
      describe: 'Write the number of the process to FILE while it runs',
    },
  },

  async *run({ config, host, port, dataDir, pidFile, verbose, debug }, { log, signal }) {
    const [{ readConfig }, { startService }] = await Promise.all([
      import('../../server/config.ts'),
      import('../../server/workers/service.ts'),
    ])
    const notice = (message: string) => log.notice(message)
    const load = async () => ({
      ...(config === undefined ? {} : await readConfig(config, notice)),
      ...(host === undefined ? {} : { bindHost: host }),
      ...(port === undefined ? {} : { bindPort: port }),
      ...(dataDir === undefined ? {} : { dataDir }),
    })
    const manager = serviceManager({ ...process.env }, message => log.warning(message))
    const fd = takeListener(process.env)
    await using written = pidFile === undefined ? undefined : await writePidFile(pidFile)
    void written // Until we are done.
    const settings = await load()
    const report = (error: unknown, requestId?: string) =>
      requestId === undefined
        ? log.error(told(error))
        : log.error(`[${requestId}] ${told(error)}`, { request_id: requestId })
    const onExchange = verbose || debug ? accessLog(log) : undefined
    await using service = await startService(settings, {
      report,
      onExchange,
      notice,
      signal,
      fd,
    })
    if (settings.dataApi === 'simple') {
      log.notice('data_api is simple: all images and tasks are forgotten when the service stops')
    }
    // Of what has no configuration there is nothing to be read anew, and SIGHUP ends it.
    using _ = config === undefined ? null : reloadOnHangUp(service, { load, manager, log })
    yield { url: service.url, host: new URL(service.url).hostname, port: service.port }
    await manager.ready()
    if (!signal.aborted) await Promise.race([once(signal, 'abort'), service.failed])
    log.info('stopping')
    await manager.stopping()
    return {}
  },

  exitStatus: () => EXIT_STATUS.done,

  views: {
    row: ({ url }) => `listening on ${url}`,
    summary: () => 'stopped',
  },
}
