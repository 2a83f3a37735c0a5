import type { ServerConfig } from '../../server/config.ts'
import type { RunningService } from '../../server/workers/service.ts'
import type { Log } from '../log.ts'
import { told } from './told.ts'
import type { ServiceManager } from './systemd.ts'

export interface HangUpOptions {
  /** Reads the configuration anew; undefined where there is none. */
  readonly load: (() => Promise<Partial<ServerConfig>>) | undefined
  readonly manager: ServiceManager
  readonly log: Log
}

/**
 * Takes SIGHUP, which would end the process, from now on until disposal: also while the service starts, when it waits,
 * and while it stops, when it is nothing to do.
 */
export class HangUps implements Disposable {
  #reload: (() => Promise<void>) | undefined
  #isAsked = false
  #isReloading = false
  readonly #onHangUp = () => {
    this.#isAsked = true
    void this.#carryOut()
  }

  constructor() {
    process.on('SIGHUP', this.#onHangUp)
  }

  /**
   * Has the service go over to its configuration as it then is whenever SIGHUP has come, until disposal of what is
   * returned. One at a time; those that come meanwhile are one more together.
   */
  reload(service: RunningService, { load, manager, log }: HangUpOptions): Disposable {
    const over = new AbortController()
    this.#reload = async () => {
      // Another program may have moved the file of the log.
      await log.reopen().catch((error: unknown) => log.error(told(error)))
      if (load === undefined) return
      await manager.reloading()
      try {
        await service.reload(await load())
        if (!over.signal.aborted) log.notice('the configuration was read anew')
      } catch (error) {
        if (!over.signal.aborted) log.error(`the configuration stays as it was: ${told(error)}`)
      }
      if (!over.signal.aborted) await manager.ready()
    }
    void this.#carryOut()
    return {
      [Symbol.dispose]: () => {
        this.#reload = undefined
        over.abort()
      },
    }
  }

  async #carryOut(): Promise<void> {
    if (this.#isReloading) return
    this.#isReloading = true
    while (this.#isAsked && this.#reload !== undefined) {
      this.#isAsked = false
      await this.#reload()
    }
    this.#isReloading = false
  }

  [Symbol.dispose](): void {
    process.off('SIGHUP', this.#onHangUp)
  }
}
