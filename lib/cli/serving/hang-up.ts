import type { ServerConfig } from '../../server/config.ts'
import type { RunningService } from '../../server/workers/service.ts'
import type { Log } from '../log.ts'
import { told } from './told.ts'
import type { ServiceManager } from './systemd.ts'

export interface HangUpOptions {
  /** Reads the configuration anew. */
  readonly load: () => Promise<Partial<ServerConfig>>
  readonly manager: ServiceManager
  readonly log: Log
}

/** Has the service go over to its configuration as it then is whenever SIGHUP comes. One at a time: others wait. */
export function reloadOnHangUp(
  service: RunningService,
  { load, manager, log }: HangUpOptions,
): Disposable {
  let last: Promise<void> = Promise.resolve()
  const reload = async () => {
    await manager.reloading()
    try {
      await service.reload(await load())
      log.notice('the configuration was read anew')
    } catch (error) {
      log.error(`the configuration stays as it was: ${told(error)}`)
    }
    await manager.ready()
  }
  const onHangUp = () => {
    last = last.then(reload)
  }
  process.on('SIGHUP', onHangUp)
  return { [Symbol.dispose]: () => void process.off('SIGHUP', onHangUp) }
}
