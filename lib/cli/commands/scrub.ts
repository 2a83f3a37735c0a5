import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { GlanceError, isGlanceError, messageOf } from '../../errors.ts'
import type { ServerConfig } from '../../server/config.ts'
import type { Scrubbed, ScrubbedService } from '../../server/domain/scrub.ts'
import type { Clock } from '../clock.ts'
import type { Command, CommandContext } from '../command.ts'
import { Busy, EXIT_STATUS } from '../exit-status.ts'
import { countOf } from '../format.ts'
import { type CommonOptions, SERVICE, type ServiceOptions } from '../options.ts'
import {
  orphanExitStatus,
  type OrphanRow,
  orphanRows,
  type OrphanSummary,
  orphanSummaryText,
  orphanText,
} from '../orphan-rows.ts'
import { checkStores, searchedStores } from '../searched-stores.ts'
import { serviceConfig, serviceDatabase } from '../service-database.ts'
import { type OpenedStores, openStoresOf } from '../service-stores.ts'

interface ScrubCommandOptions extends CommonOptions, ServiceOptions {
  readonly daemon: boolean
  /** The id of an image. */
  readonly restore: string | undefined
  readonly orphans: boolean
  /** Ids of stores. */
  readonly deleteOrphans: string | readonly string[] | undefined
  /** Hours. */
  readonly minAge: number | undefined
  readonly dryRun: boolean
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

const HOUR_MS = 3_600_000

/** Hours for which nothing is an orphan unless it is said: longer than an upload may reasonably take. */
const MIN_AGE = 24

const NOTHING: ScrubSummary['totals'] = { deleted: 0, places: 0, restored: 0, failed: 0 }

export const scrub: Command<
  ScrubCommandOptions,
  ScrubRow | OrphanRow,
  ScrubSummary | OrphanSummary
> = {
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
    orphans: {
      type: 'boolean',
      default: false,
      describe: 'Look for data in the stores that no image names instead, and tell of it',
    },
    'delete-orphans': {
      type: 'string',
      requiresArg: true,
      describe: 'Delete what --orphans finds in this STORE, which only this service uses',
    },
    'min-age': {
      type: 'number',
      requiresArg: true,
      describe: `Hours since it was last written to, for --orphans (default ${MIN_AGE})`,
    },
    'dry-run': {
      type: 'boolean',
      default: false,
      describe: 'Tell what would be deleted, and delete nothing',
    },
  },

  async *run(options, context) {
    checkCombination(options)
    const { signal } = context
    const config = await serviceConfig(options)
    const { requireReady } = await import('../../server/ready-database.ts')
    await using database = await serviceDatabase(config, { wanted: false, signal })
    await requireReady(database)
    const isSearch = isForOrphans(options)
    // A search for orphans may go on beside a scrubber that never ends.
    await using _ = await lockOutOthers(config, isSearch ? 'orphans' : 'scrub')
    await using stores = await openStoresOf(config, context)
    const { clock } = context.program
    const service = { database, stores: stores.stores, now: () => clock.now() }
    if (isSearch) return yield* search(service, stores, { config, options, context })
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
        for await (const scrubbed of look(service, config, options, signal)) {
          const row = rowOf(scrubbed)
          totals = added(totals, row)
          if (scrubbed.letBe !== null) {
            context.log.warning(`${told(row)}: ${scrubbed.letBe}`) // Once: it is given up with that.
          }
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

  exitStatus: summary => {
    if (isOfOrphans(summary)) return orphanExitStatus(summary)
    return summary.totals.failed === 0 ? EXIT_STATUS.done : EXIT_STATUS.differences
  },

  views: {
    row: (row, options) => {
      const { dryRun } = options
      if ('store' in row) return orphanText(row, dryRun && storesNamed(options).includes(row.store))
      const places = countOf(row.places, 'place')
      switch (row.status) {
        case 'deleted':
          return `${told(row)}: ${dryRun ? 'would be ' : ''}deleted, with its data at ${places}`
        case 'scrubbed':
          return `${told(row)}: its data at ${places} that it is no longer at ${dryRun ? 'would be' : 'is'} deleted`
        case 'restored':
          return `${told(row)}: active again`
        case 'failed':
          return undefined
      }
    },
    summary: (summary, { dryRun }) => {
      if (isOfOrphans(summary)) return orphanSummaryText(summary)
      const { deleted, places, restored, failed } = summary.totals
      if (restored > 0) return undefined
      return `${countOf(deleted, 'image')} ${dryRun ? 'would be ' : ''}deleted, data at ${countOf(places, 'place')}, ${failed} failed`
    },
  },
}

function isOfOrphans(summary: ScrubSummary | OrphanSummary): summary is OrphanSummary {
  return 'orphans' in summary.totals
}

/** Of `--delete-orphans`. */
function storesNamed({ deleteOrphans }: ScrubCommandOptions): readonly string[] {
  return [deleteOrphans ?? []].flat()
}

function isForOrphans(options: ScrubCommandOptions): boolean {
  return options.orphans || storesNamed(options).length > 0
}

/** @throws {GlanceError} `usage` for options that do not go together. */
function checkCombination(options: ScrubCommandOptions): void {
  const { daemon, restore, minAge, dryRun } = options
  const isSearch = isForOrphans(options)
  const given = [
    ...(daemon ? ['--daemon'] : []),
    ...(restore === undefined ? [] : ['--restore']),
    ...(isSearch ? ['--orphans'] : []),
  ]
  if (isSearch && given.length > 1) {
    throw new GlanceError('usage', `${given.join(' and ')}: give one of them`)
  }
  if (dryRun && (daemon || restore !== undefined)) {
    throw new GlanceError('usage', `--dry-run does not go together with ${given.join(' and ')}`)
  }
  if (minAge !== undefined && !isSearch) {
    throw new GlanceError('usage', '--min-age is for --orphans')
  }
}

/** One look for data that no image names. */
async function* search(
  service: ScrubbedService,
  { opened }: Pick<OpenedStores, 'opened'>,
  {
    config,
    options,
    context: { log, signal },
  }: {
    readonly config: ServerConfig
    readonly options: ScrubCommandOptions
    readonly context: CommandContext
  },
): AsyncGenerator<OrphanRow, OrphanSummary, void> {
  const places = await searchedStores(config, service, { log, opened })
  const named = storesNamed(options)
  checkStores(named, places)
  const { minAge = MIN_AGE, dryRun } = options
  const until = new Date(service.now().getTime() - minAge * HOUR_MS)
  const deleteFrom = new Set(dryRun ? [] : named)
  return yield* orphanRows(service, places, { until, deleteFrom, log, signal })
}

/** One look, at what has waited for long enough by now. */
async function* look(
  service: ScrubbedService,
  { scrubTime, scrubPoolSize }: ServerConfig,
  { dryRun }: Pick<ScrubCommandOptions, 'dryRun'>,
  signal: AbortSignal,
): AsyncGenerator<Scrubbed, void> {
  const { scrub } = await import('../../server/domain/scrub.ts')
  const until = new Date(service.now().getTime() - scrubTime * 1000)
  yield* scrub(service, { until, atOnce: scrubPoolSize, dryRun, signal })
}

/** @throws {Busy} when another scrubber is at work with the same data folder. */
async function lockOutOthers(
  { dataDir }: ServerConfig,
  name: 'scrub' | 'orphans',
): Promise<AsyncDisposable> {
  // What is kept elsewhere altogether has no place for a lock.
  if (!existsSync(dataDir)) return { [Symbol.asyncDispose]: async () => {} }
  const { holderOf, tryLock } = await import('../../database/lock.ts')
  const pidFile = join(dataDir, `${name}.pid`)
  const lock = await tryLock(join(dataDir, `${name}.lock`), pidFile)
  if (lock !== undefined) return lock
  throw new Busy(`another scrubber is at work in ${dataDir}${await holderOf(pidFile)}`)
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
