import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isGlanceError, messageOf } from '../../errors.ts'
import type { ServerConfig } from '../../server/config.ts'
import type { Scrubbed, ScrubbedService } from '../../server/domain/scrub.ts'
import type { Clock } from '../clock.ts'
import type { Command, CommandContext } from '../command.ts'
import { Busy, EXIT_STATUS } from '../exit-status.ts'
import { countOf } from '../format.ts'
import { type CommonOptions, SERVICE, type ServiceOptions } from '../options.ts'
import { serviceConfig, serviceDatabase } from '../service-database.ts'

interface ScrubCommandOptions extends CommonOptions, ServiceOptions {
  readonly daemon: boolean
  /** The id of an image. */
  readonly restore: string | undefined
}

/** What became of an image that waited for its deletion, or had places that did. */
export interface ScrubRow {
  readonly id: string
  readonly name: string | null
  /** `scrubbed`: the image lives on, and only places that it is no longer at are gone. */
  readonly status: 'deleted' | 'scrubbed' | 'restored' | 'failed'
  /** Places whose data is gone. */
  readonly places: number
  /** Null unless it failed. */
  readonly error: string | null
}

export interface ScrubSummary {
  readonly totals: {
    readonly deleted: number
    readonly places: number
    readonly restored: number
    readonly failed: number
  }
}

const NOTHING: ScrubSummary['totals'] = { deleted: 0, places: 0, restored: 0, failed: 0 }

export const scrub: Command<ScrubCommandOptions, ScrubRow, ScrubSummary> = {
  name: 'scrub',
  summary: 'Delete the data of images whose deletion was delayed',
  serves: ({ daemon, restore }) => daemon && restore === undefined,
  positionals: {},
  options: {
    ...SERVICE,
    daemon: {
      type: 'boolean',
      default: false,
      describe: 'Look again every wakeup_time seconds, until stopped',
    },
    restore: {
      type: 'string',
      requiresArg: true,
      describe: 'Make the image with this id active again instead, if it still has its data',
    },
  },

  async *run(options, context) {
    const { signal } = context
    const config = await serviceConfig(options)
    const { requireReady } = await import('../../server/ready-database.ts')
    await using database = await serviceDatabase(config, { wanted: false, signal })
    await requireReady(database)
    await using _ = await lockOutOthers(config)
    await using stores = await openStoresOf(config, context)
    const { clock } = context.program
    const service = { database, stores: stores.stores, now: () => clock.now() }
    if (options.restore !== undefined) {
      const { restore } = await import('../../server/domain/scrub.ts')
      await restore(service, options.restore)
      const row = { id: options.restore, name: null, places: 0, error: null } as const
      yield { ...row, status: 'restored' }
      return { totals: { ...NOTHING, restored: 1 } }
    }
    let totals = NOTHING
    do {
      totals = { ...totals, failed: 0 } // What failed before is tried again.
      try {
        for await (const scrubbed of look(service, config, signal)) {
          const row = rowOf(scrubbed)
          totals = added(totals, row)
          if (row.error !== null) context.log.error(`${told(row)}: ${row.error}`)
          yield row
        }
      } catch (error) {
        if (signal.aborted) break
        // What a database is in for does not end what goes on for ever.
        if (!options.daemon || !isGlanceError(error)) throw error
        context.log.error(messageOf(error))
      }
      if (options.daemon) await pause(clock, Math.max(config.wakeupTime, 1) * 1000, signal)
    } while (options.daemon && !signal.aborted)
    return { totals }
  },

  exitStatus: ({ totals }) => (totals.failed === 0 ? EXIT_STATUS.done : EXIT_STATUS.differences),

  views: {
    row: row => {
      switch (row.status) {
        case 'deleted':
          return `${told(row)}: deleted, with its data at ${countOf(row.places, 'place')}`
        case 'scrubbed':
          return `${told(row)}: its data at ${countOf(row.places, 'place')} that it is no longer at is deleted`
        case 'restored':
          return `${told(row)}: active again`
        case 'failed':
          return undefined
      }
    },
    summary: ({ totals: { deleted, places, restored, failed } }) =>
      restored > 0
        ? undefined
        : `${countOf(deleted, 'image')} deleted, data at ${countOf(places, 'place')}, ${failed} failed`,
  },
}

/** One look, at what has waited for long enough by now. */
async function* look(
  service: ScrubbedService,
  { scrubTime, scrubPoolSize }: ServerConfig,
  signal: AbortSignal,
): AsyncGenerator<Scrubbed, void> {
  const { scrub } = await import('../../server/domain/scrub.ts')
  const until = new Date(service.now().getTime() - scrubTime * 1000)
  yield* scrub(service, { until, atOnce: scrubPoolSize, signal })
}

/** @throws {Busy} when another scrubber is at work with the same data folder. */
async function lockOutOthers({ dataDir }: ServerConfig): Promise<AsyncDisposable> {
  // What is kept elsewhere altogether has no place for a lock.
  if (!existsSync(dataDir)) return { [Symbol.asyncDispose]: async () => {} }
  const { holderOf, tryLock } = await import('../../database/lock.ts')
  const pidFile = join(dataDir, 'scrub.pid')
  const lock = await tryLock(join(dataDir, 'scrub.lock'), pidFile)
  if (lock !== undefined) return lock
  throw new Busy(`another scrubber is at work in ${dataDir}${await holderOf(pidFile)}`)
}

/** The stores of the service; what is wrong with one is told. Disposal closes them. */
async function openStoresOf(
  config: ServerConfig,
  { log }: CommandContext,
): Promise<AsyncDisposable & Pick<ScrubbedService, 'stores'>> {
  const { openStores } = await import('../../server/open-stores.ts')
  const opened: AsyncDisposable[] = []
  const stores = await openStores(config, {
    opened: store => opened.push(store),
    report: error => log.error(messageOf(error)),
  })
  const close = async () => {
    for (const store of opened) await store[Symbol.asyncDispose]()
  }
  return { stores, [Symbol.asyncDispose]: close }
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>(resolve => {
    const done = () => {
      timer[Symbol.dispose]()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.after(ms, done)
    signal.addEventListener('abort', done)
  })
}

function rowOf({ id, name, isDeleted, places, error }: Scrubbed): ScrubRow {
  const status = error !== null ? 'failed' : isDeleted ? 'deleted' : 'scrubbed'
  return { id, name, status, places, error: error === null ? null : error.message }
}

function added(totals: ScrubSummary['totals'], row: ScrubRow): ScrubSummary['totals'] {
  return {
    ...totals,
    places: totals.places + row.places,
    deleted: totals.deleted + Number(row.status === 'deleted'),
    failed: totals.failed + Number(row.status === 'failed'),
  }
}

function told({ id, name }: ScrubRow): string {
  return name === null ? id : `${id} (${name})`
}
