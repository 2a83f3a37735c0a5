import type { Options } from 'yargs'
import { GlanceError, messageOf } from '../errors.ts'
import { IdMap } from '../replicate/id-map.ts'
import type { PlanStep } from '../replicate/plan.ts'
import { Busy } from './exit-status.ts'
import { printable } from './format.ts'
import type { Log } from './log.ts'

/** Options of commands whose target may not take images as they are. */
export interface MappingOptions {
  readonly onConflict?: 'fail' | 'skip' | 'new-id' | undefined
  readonly idMap?: string | undefined
}

export const MAPPING = {
  'on-conflict': {
    type: 'string',
    requiresArg: true,
    choices: ['fail', 'skip', 'new-id'],
    default: 'fail',
    describe: 'What to do with an image whose id the target does not give out',
  },
  'id-map': {
    type: 'string',
    requiresArg: true,
    describe: 'Keep in FILE which images have another id on the target',
  },
} as const satisfies Record<string, Options>

/**
 * The ids that `--id-map` says; undefined without it. `writes` is whether others may be given.
 * @throws {GlanceError} `usage` where ids are to be given and nothing would remember them; {Busy} where another run
 * gives some.
 */
export async function openIdMap(
  { onConflict, idMap }: MappingOptions,
  writes: boolean,
  log: Log,
): Promise<IdMap | undefined> {
  const gives = onConflict === 'new-id'
  if (idMap === undefined) {
    if (!gives) return undefined
    throw new GlanceError(
      'usage',
      '--on-conflict new-id: name a file for the new ids with --id-map, by which later runs know the copies',
    )
  }
  const onCut = (message: string) => log.warning(printable(message))
  const writable = gives && writes
  const lock = writable ? await lockMap(idMap) : undefined
  try {
    return await IdMap.open(idMap, { writable, optional: gives, lock, onCut })
  } catch (error) {
    await lock?.[Symbol.asyncDispose]()
    throw error
  }
}

/** Two runs that give ids would each give its own to the same images, and copy them twice. */
async function lockMap(idMap: string): Promise<AsyncDisposable> {
  const { holderOf, tryLock } = await import('../database/lock.ts')
  const path = `${idMap}.lock`
  const pidFile = `${path}.pid`
  try {
    const lock = await tryLock(path, pidFile)
    if (lock !== undefined) return lock
  } catch (cause) {
    const message = `id map ${idMap}: it cannot be locked by ${path}: ${messageOf(cause)}`
    throw new GlanceError('usage', message, { cause })
  }
  throw new Busy(`id map ${idMap}: another run writes to it${await holderOf(pidFile)}`)
}

/** @throws {GlanceError} `usage` for options that are for one target. */
export function requireNoIdMap({ onConflict, idMap }: MappingOptions): void {
  if (onConflict !== 'new-id' && idMap === undefined) return
  const option = idMap === undefined ? '--on-conflict new-id' : '--id-map'
  const message = `${option}: a map of ids is for one target: copy to each in a run of its own`
  throw new GlanceError('usage', message)
}

/** The ids of an image on both sides, from its step in a plan for the target. */
export function idsOf(
  { image: { id }, sourceId }: Pick<PlanStep, 'image' | 'sourceId'>,
  ids: IdMap | undefined,
): { readonly id: string; readonly target_id: string | null } {
  const source = sourceId ?? ids?.sourceOf(id) ?? id
  return { id: source, target_id: id === source ? null : id }
}

/** ` as ID`, where the image has another id on the target. */
export function describeIds({ target_id: id }: { readonly target_id: string | null }): string {
  return id === null ? '' : ` as ${id}`
}
