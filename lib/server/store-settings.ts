import { dirname, resolve } from 'node:path'
import { GlanceError } from '../errors.ts'
import { STORE_TYPES, typeChoices, typeNamed } from '../store/open.ts'
import type { Setting } from './oslo-config.ts'
import { integer, list } from './option-values.ts'
import { type OptionDoc, sectionKey } from './options/option.ts'
import type { Reading } from './options/reading.ts'
import {
  DEFAULT_STORE,
  ENABLED_BACKENDS,
  STORE_DESCRIPTION,
  STORE_OPTIONS,
  STORES,
  WEIGHT,
} from './options/store-options.ts'

/** One of several stores, as it is configured. */
export interface StoreSettings {
  /** What it is called in the API and in the metadata of its locations. */
  readonly id: string
  /** `file`, `http`, which only reads what was registered as a location, and others; or a module with anybody's store. */
  readonly type: string
  readonly description?: string | null
  /** Of several locations of an image, the one in the store of the greatest weight comes first. Default 0. */
  readonly weight?: number
  /** The folder of a file store; the same as its option `filesystem_store_datadir`. */
  readonly datadir?: string | null
  /** All else, by Glance's names. */
  readonly options?: Readonly<Record<string, string>>
}

/** What is set about stores. */
export interface StoreConfigured {
  /** The type, or the module, of the store that data goes to. */
  readonly store: string
  /** The folder of a file store; null for `images` in the data folder. */
  readonly storeDir: string | null
  /** Types, or modules, of stores that data is read from besides. */
  readonly furtherStores: readonly string[]
  /** All else that is set of them, by Glance's names. */
  readonly storeOptions: Readonly<Record<string, string>>
  /** Several stores with names, in place of those above; none for those. */
  readonly enabledBackends: readonly StoreSettings[]
}

/**
 * Takes what there is about stores: `enabled_backends = id:type,…` and the section of each store that it names, or `stores` and
 * `default_store` and the options of these beside each other.
 */
export function readStoreSettings(reading: Reading): Partial<StoreConfigured> {
  const stores = readNamed(reading)
  const [listed] = reading.take(STORES)
  const [chosen] = reading.take(DEFAULT_STORE)
  const types = listed === undefined ? undefined : typesIn(listed, reading)
  reading.tell(STORES, listed === undefined ? [] : [listed])
  reading.tell(DEFAULT_STORE, chosen === undefined ? [] : [chosen])
  const store = chosenOf(types, listed, chosen, reading)
  const known = Object.values(STORE_TYPES).flatMap(({ options }) => options)
  // Of somebody else's store nobody but itself knows them.
  const anything = (types ?? []).some(type => STORE_TYPES[type] === undefined)
  const options = reading
    .rest()
    .filter(setting => isShared(setting, known) || (anything && isForModule(setting)))
  reading.takeAll(options)
  const values = valuesOf(options)
  if (stores.length === 0) {
    const inUse = [
      ...(types ?? ['file', 'http']),
      ...(store.store === undefined ? [] : [store.store]),
    ]
    for (const type of new Set(inUse)) tellOptions(type, values, reading, 'glance_store')
  }
  const { filesystem_store_datadir: storeDir, ...others } = textsOf(values)
  return {
    ...(stores.length > 0 && { enabledBackends: stores }),
    ...store,
    ...(storeDir !== undefined && { storeDir: resolve(storeDir) }),
    ...(Object.keys(others).length > 0 && { storeOptions: others }),
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

/** The stores with names. */
function readNamed(reading: Reading): readonly StoreSettings[] {
  const [enabled] = reading.take(ENABLED_BACKENDS)
  reading.tell(ENABLED_BACKENDS, enabled === undefined ? [] : [enabled])
  if (enabled === undefined) return []
  return storesIn(enabled, reading).map(store => {
    const own = reading.settings.filter(
      ({ section }) => sectionKey(section) === sectionKey(store.id),
    )
    reading.takeAll(own)
    const settings = valuesOf(own)
    const described = [STORE_DESCRIPTION, WEIGHT, ...(STORE_OPTIONS[store.type] ?? [])]
    tellAll(described, settings, reading, store.id)
    return settings.reduce<StoreSettings>(
      (read, setting) => ({ ...read, ...valueOf(read, setting, reading) }),
      store,
    )
  })
}

/** Whether it is one of these options of stores without names, which Folsom had among all others. */
function isShared({ section, option }: Setting, options: readonly string[]): boolean {
  return (
    (section === 'DEFAULT' || sectionKey(section) === 'glance_store') && options.includes(option)
  )
}

function isForModule({ section, option }: Setting): boolean {
  return sectionKey(section) === 'glance_store' && option !== 'default_backend'
}

function storesIn(setting: Setting, reading: Reading): readonly StoreSettings[] {
  return list(setting.value).flatMap(pair => {
    const [, id, name = ''] = /^([^\s:]+)\s*:\s*(\S.*)$/.exec(pair) ?? []
    const type = storeType(name, setting.file)
    if (id !== undefined && type !== undefined) return [{ id, type }]
    const wanted = `expected name:type, with a type of ${typeChoices()} or the path of a module`
    reading.fault(setting, `${wanted}, found '${pair}'`)
    return []
  })
}

/** What Folsom and Juno called the modules of their stores. */
const GLANCE_MODULE = /^glance(?:\.store|_store\._drivers)\.(\w+)\.Store$/

/** The type that is called so, or the module: a path, from the folder of the file, a `file:` URL or a package's name. */
function storeType(name: string, file: string): string | undefined {
  const [, module = name] = GLANCE_MODULE.exec(name) ?? []
  const type = typeNamed(module)
  if (type !== undefined) return type
  if (/^\.\.?\//.test(name)) return resolve(dirname(file), name)
  return /^(?:\/|file:|@)|[./-]/.test(name) && !GLANCE_MODULE.test(name) ? name : undefined
}

/** The types that it names, without those that there are not, which are faults. */
function typesIn(setting: Setting, reading: Reading): readonly string[] {
  return list(setting.value).flatMap(name => typeIn(setting, name, reading) ?? [])
}

function typeIn(setting: Setting, name: string, reading: Reading): string | undefined {
  const type = storeType(name, setting.file)
  if (type === undefined) {
    const wanted = `expected ${typeChoices()} or the path of a module`
    reading.fault(setting, `${wanted}, found '${name}'`)
  }
  return type
}

/** Which of the stores without names there are. Without `default_store` it is the first that can be written to. */
function chosenOf(
  types: readonly string[] | undefined,
  listed: Setting | undefined,
  chosen: Setting | undefined,
  reading: Reading,
): Partial<Pick<StoreConfigured, 'store' | 'furtherStores'>> {
  const about = chosen ?? listed
  if (about === undefined) return {}
  const before = reading.faults.length
  const store =
    chosen === undefined
      ? types?.find(type => STORE_TYPES[type]?.isReadOnly !== true)
      : typeIn(chosen, chosen.value, reading)
  const isListed = store !== undefined && (types?.includes(store) ?? true)
  if (!isListed || STORE_TYPES[store]?.isReadOnly === true) {
    const isTold =
      store === undefined &&
      (reading.faults.length > before || (chosen === undefined && hasFault(about, reading)))
    if (!isTold) {
      const wanted = 'expected one of stores that can be written to'
      reading.fault(about, `${wanted}, found '${about.value}'`)
    }
    return {}
  }
  return {
    store,
    ...(types !== undefined && { furtherStores: types.filter(type => type !== store) }),
  }
}

function hasFault({ file, line }: Setting, { faults }: Reading): boolean {
  return faults.some(fault => fault.file === file && fault.line === line)
}

/** Options of which all lines count; of all others the last one does. */
const MULTIPLE = new Set(['filesystem_store_datadirs'])

/** What is set of each option, but for what is set to nothing, which is as not set. */
function valuesOf(settings: readonly Setting[]): readonly Setting[] {
  const values = new Map<string, Setting>()
  for (const setting of settings) {
    const before = MULTIPLE.has(setting.option) ? values.get(setting.option) : undefined
    const value = before === undefined ? setting.value : `${before.value}\n${setting.value}`
    values.set(setting.option, { ...setting, value })
  }
  return [...values.values()].filter(({ value }) => value.trim() !== '')
}

function textsOf(settings: readonly Setting[]): Readonly<Record<string, string>> {
  return Object.fromEntries(settings.map(({ option, value }) => [option, value]))
}

function valueOf(
  { type, options }: StoreSettings,
  setting: Setting,
  reading: Reading,
): Partial<StoreSettings> {
  const { option, value } = setting
  switch (option) {
    case 'store_description':
      return { description: value }
    case 'weight': {
      const weight = reading.parse(setting, WEIGHT, text => integer(text, -(2 ** 31), 2 ** 31))
      return weight === undefined ? {} : { weight }
    }
    case 'filesystem_store_datadir':
      if (type === 'file') return { datadir: resolve(value) }
  }
  const own = STORE_TYPES[type]
  if (own !== undefined && !own.options.includes(option)) {
    reading.unknown(setting, own.options)
    return {}
  }
  return { options: { ...options, [option]: value } }
}

function tellOptions(
  type: string,
  settings: readonly Setting[],
  reading: Reading,
  section: string,
): void {
  tellAll(STORE_OPTIONS[type] ?? [], settings, reading, section)
}

function tellAll(
  docs: readonly OptionDoc[],
  settings: readonly Setting[],
  reading: Reading,
  section: string,
): void {
  for (const doc of docs) {
    const found = settings.filter(({ option }) => option === doc.name)
    reading.tell(doc, found, section)
  }
}
