import type { OpenOptions } from '../../database/settings.ts'
import type { ServerConfig } from '../config.ts'
import type { Service } from '../domain/service.ts'
import { Undoing } from '../domain/undoing.ts'
import { measuredDatabase, measuredStore } from '../metrics/measured.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { openProjectLimits } from '../open-keystone.ts'
import { openStaging, openStores } from '../open-stores.ts'
import { readyDatabase } from '../ready-database.ts'
import { openParts } from '../resumable/open-parts.ts'
import { TaskExecutor } from '../tasks/executor.ts'
import { openDatabaseOf } from './open-database.ts'
import type { Opened } from './opened.ts'

export interface ServiceOptions extends OpenOptions {
  readonly report: (error: unknown) => void
  readonly now: () => Date
  /** Takes note of what was opened. */
  readonly opened: Opened
  /** Whether the database is kept for this process, for as long as it is open. */
  readonly holds?: boolean
  readonly metrics?: Metrics | undefined
  readonly onAltering?: Service['onAltering']
  /** Drops the copies of an image's data that are kept near at hand. */
  readonly forget: (imageId: string) => Promise<void>
}

/** The service, whose background can be waited for. */
export interface OpenedService extends Service {
  readonly background: TaskExecutor
}

/**
 * Opens what a service works with, the tables of its database made ready. @throws {GlanceError} `usage`,
 * `unavailable`, `conflict`.
 */
export async function openService(
  config: ServerConfig,
  { report, now, opened, forget, metrics, onAltering, holds = false, ...waiting }: ServiceOptions,
): Promise<OpenedService> {
  const plain = opened.add(await openDatabaseOf(config, { ...waiting, report }))
  const held = holds ? await plain.hold?.({ ...waiting, report }) : undefined
  if (held !== undefined) opened.add(held)
  const database = metrics === undefined ? plain : measuredDatabase(plain, metrics)
  const stores = await openStores(config, {
    opened: store => opened.add(store),
    asUsed: store => (metrics === undefined ? store : measuredStore(store, metrics)),
    report,
  })
  const staging = opened.add(await openStaging(config))
  const parts = await openParts(config, now)
  await readyDatabase(database, config.dbAutoCreate, waiting)
  const { maxWorkers } = config.imports
  const graceMs = config.shutdownGraceMs
  const undoing = opened.add(new Undoing(report))
  const background = opened.add(new TaskExecutor({ atOnce: maxWorkers, graceMs, report }))
  const keep = (connections: Disposable) => opened.keep(connections)
  const projectLimits = await openProjectLimits(config, { report, now, opened: keep })
  return {
    ...settingsOf(config),
    database,
    stores,
    staging,
    parts,
    background,
    undoing,
    projectLimits,
    forget,
    onAltering,
    report,
    now,
  }
}

function settingsOf(config: ServerConfig) {
  const limits = {
    imageSize: config.imageSizeCap,
    properties: config.imagePropertyQuota,
    tags: config.imageTagQuota,
    members: config.imageMemberQuota,
    locations: config.imageLocationQuota,
    // As Glance: of two ways to limit what a project stores, one counts.
    projectStorage: config.useKeystoneLimits ? -1 : config.userStorageQuota,
  }
  const locations = { shown: config.showMultipleLocations, directUrl: config.showImageDirectUrl }
  const formats = {
    requireMatch: config.requireImageFormatMatch,
    vmdkTypes: config.vmdkAllowedTypes,
    harmlessChecks: config.gptSafetyChecksNonfatal,
  }
  const { hashingAlgorithm, delayedDelete } = config
  const taskTimeToLiveMs = config.imports.taskTimeToLive * 3_600_000
  return { limits, locations, formats, hashingAlgorithm, delayedDelete, taskTimeToLiveMs }
}
