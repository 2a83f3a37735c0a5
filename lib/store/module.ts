import type { Abortable } from '../abort.ts'
import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import { functionOf, missingOf } from '../module.ts'
import type { StoreOptions } from './options.ts'
import type { Store } from './store.ts'

/** What somebody else's store is told: its name, and what its section of the configuration says, as it is written. */
export interface StoreModuleSettings {
  /** To be the `id` of the store. */
  readonly id: string
  readonly options: StoreOptions
}

/**
 * What a module with a store exports: a function that opens it. The store promises what {@link Store} does, and what is
 * thrown that somebody may act on are `GlanceError`s: `usage` for options that are wrong, with the option in the message
 * and no secret.
 */
export interface StoreModule {
  openStore(settings: StoreModuleSettings, options: Abortable): Promise<Store>
}

/** What every store has. */
const PARTS = [
  'id',
  'writable',
  'schemes',
  'locate',
  'holds',
  'add',
  'open',
  'size',
  'delete',
  'recover',
  Symbol.asyncDispose,
] as const satisfies readonly (keyof Store)[]

/**
 * Opens a store of somebody else's, which `module` is found by as by {@link functionOf}; `choices` are the types that
 * are our own. @throws {GlanceError} `usage` when there is no such module or no store in it; what the store throws.
 */
export async function openModule(
  module: string,
  settings: StoreModuleSettings,
  choices: string,
): Promise<Store> {
  const openStore = (await functionOf(module, {
    named: `store ${settings.id}`,
    exporting: 'openStore',
    choices,
  })) as StoreModule['openStore'] // What it opens is looked at.
  let store: unknown
  try {
    store = await openStore(settings, {})
  } catch (error) {
    const code = isGlanceError(error) ? error.code : 'unavailable'
    const message = `store ${settings.id} ${module}: ${messageOf(error)}`
    throw new GlanceError(code, message, { cause: error })
  }
  const missing = missingOf(store, PARTS)
  if (missing.length === 0) return store as Store // As far as can be seen; the suite sees the rest.
  const lacking = missing.map(String).join(', ')
  const message = `store ${settings.id} ${module}: what openStore opens has no ${lacking}`
  throw new GlanceError('usage', message)
}
