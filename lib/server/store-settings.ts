import { resolve } from 'node:path'
import { GlanceError } from '../errors.ts'
import { type Setting, wrong } from './oslo-config.ts'
import { integer, text } from './option-values.ts'

const STORE_TYPES = ['file', 'memory', 'http'] as const

/** One of several stores, as it is configured. */
export interface StoreSettings {
  /** What it is called in the API and in the metadata of its locations. */
  readonly id: string
  /** `http` only reads what was registered as a location. */
  readonly type: (typeof STORE_TYPES)[number]
  readonly description?: string | null
  /** Of several locations of an image, the one in the store of the greatest weight comes first. Default 0. */
  readonly weight?: number
  /** The folder of a file store, which has to have one. */
  readonly datadir?: string | null
}

/**
 * Takes apart `enabled_backends = id:type,…` and the section of each store that it names; `rest` is all other settings.
 * @throws {GlanceError} `usage`, naming file, line and option.
 */
export function readStoreSettings(settings: readonly Setting[]): {
  readonly stores: readonly StoreSettings[]
  readonly rest: readonly Setting[]
} {
  const enabled = settings.findLast(isEnabledBackends)
  if (enabled === undefined) return { stores: [], rest: settings }
  const stores = storesIn(enabled)
  const sections = new Set(stores.map(({ id }) => id))
  return {
    stores: stores.map(store =>
      settings
        .filter(({ section }) => section === store.id)
        .reduce<StoreSettings>((read, setting) => ({ ...read, ...valueOf(setting) }), store),
    ),
    rest: settings.filter(setting => !isEnabledBackends(setting) && !sections.has(setting.section)),
  }
}

/** @throws {GlanceError} `usage` for a name that Glance keeps to itself, or one that is there twice. */
export function checkStoreIds(stores: readonly StoreSettings[]): void {
  const ids = stores.map(({ id }) => id)
  for (const [i, id] of ids.entries()) {
    if (id.startsWith('os_glance_')) {
      throw new GlanceError('usage', `enabled_backends: names like ${id} are reserved`)
    }
    if (ids.indexOf(id) !== i) throw new GlanceError('usage', `enabled_backends: ${id} twice`)
  }
}

function isEnabledBackends({ section, option }: Setting): boolean {
  return section === 'DEFAULT' && option === 'enabled_backends'
}

function storesIn({ value, file, line }: Setting): StoreSettings[] {
  const pairs = value.split(/[,\n]/).map(pair => pair.trim())
  return pairs
    .filter(pair => pair !== '')
    .map(pair => {
      const [, id, type] = /^([^\s:]+)\s*:\s*(\w+)$/.exec(pair) ?? []
      const known = STORE_TYPES.find(known => known === type)
      if (id !== undefined && known !== undefined) return { id, type: known }
      const wanted = `expected name:type, with a type of ${STORE_TYPES.join(' or ')}`
      throw wrong(file, line, `[DEFAULT] enabled_backends: ${wanted}, found '${pair}'`)
    })
}

/** Glance's options of a store, and what each sets. */
const OPTIONS: Readonly<Record<string, (value: string) => Partial<StoreSettings>>> = {
  store_description: value => ({ description: text(value) }),
  weight: value => ({ weight: integer(value, -(2 ** 31), 2 ** 31) }),
  filesystem_store_datadir: value => ({ datadir: resolve(text(value)) }),
}

function valueOf({ section, option, value, file, line }: Setting): Partial<StoreSettings> {
  const read = OPTIONS[option]
  if (read === undefined) throw wrong(file, line, `[${section}] ${option}: there is no such option`)
  try {
    return read(value)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const message = `[${section}] ${option}: expected ${error.message}, found '${value}'`
    throw wrong(file, line, message)
  }
}
