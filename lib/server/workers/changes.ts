import { isDeepStrictEqual } from 'node:util'
import { GlanceError } from '../../errors.ts'
import type { ServerConfig } from '../config.ts'
import { storeFoldersOf } from '../exclusive.ts'

/** Settings that say where images are, and metrics. */
const PLACES = [
  'dataApi',
  'connection',
  'dataDir',
  'storeDir',
  'stagingDir',
  'resumableUploadDir',
  'imageCacheDir',
  'metricsBindHost',
  'metricsBindPort',
] as const satisfies readonly (keyof ServerConfig)[]

/**
 * Refuses a configuration that a service that runs cannot go over to: images stay where they are until it stops, since
 * what is locked, and put right after a crash, is so when it starts. @throws {GlanceError} `usage`, naming the setting.
 */
export function requireSamePlaces(old: ServerConfig, next: ServerConfig): void {
  const moved = changed(old, next).find(name => PLACES.some(place => place === name))
  if (moved !== undefined) throw refusal(moved)
  if (!isDeepStrictEqual(storeFoldersOf(old), storeFoldersOf(next))) {
    throw refusal('filesystemStoreDatadir')
  }
  if ((old.workers === 0) !== (next.workers === 0)) throw refusal('workers')
}

/** The settings that are not the same in both. */
export function changed(old: ServerConfig, next: ServerConfig): readonly (keyof ServerConfig)[] {
  const names = Object.keys(next) as (keyof ServerConfig)[] // It has no others.
  return names.filter(name => !isDeepStrictEqual(old[name], next[name]))
}

/** As it is spelled in the file. */
export function optionName(name: string): string {
  return name.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}

function refusal(name: string): GlanceError {
  return new GlanceError(
    'usage',
    `${optionName(name)} cannot change while the service runs: stop it and start it again`,
  )
}
