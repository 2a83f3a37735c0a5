import { dirname, resolve } from 'node:path'
import { GlanceError } from '../errors.ts'
import { STORE_TYPES, typeChoices, typeNamed } from '../store/open.ts'
import { type Setting, wrong } from './oslo-config.ts'
import { integer, list, text } from './option-values.ts'

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
 * Takes what there is about stores out of `settings`: `enabled_backends = id:type,…` and the section of each store that it
 * names, or `stores` and `default_store` and the options of these beside each other. `rest` is all other settings.
 * @throws {GlanceError} `usage`, naming file, line and option.
 */
export function readStoreSettings(settings: readonly Setting[]): {
  readonly stores: Partial<StoreConfigured>
  readonly rest: readonly Setting[]
} {
  const { stores, rest } = readNamed(settings)
  const listed = rest.findLast(setting => isShared(setting, ['stores', 'known_stores']))
  const chosen = rest.findLast(setting => isShared(setting, ['default_store']))
  const types = listed === undefined ? undefined : list(listed.value).map(typeIn(listed))
  const known = Object.values(STORE_TYPES).flatMap(({ options }) => options)
  // Of somebody else's store nobody but itself knows them.
  const anything = (types ?? []).some(type => STORE_TYPES[type] === undefined)
  const options = rest.filter(
    setting => isShared(setting, known) || (anything && isForModule(setting)),
  )
  const { filesystem_store_datadir: storeDir, ...others } = Object.fromEntries(
    valuesOf(options).map(setting => [setting.option, textOf(setting)]),
  )
  return {
    stores: {
      ...(stores.length > 0 && { enabledBackends: stores }),
      ...chosenOf(types, listed, chosen),
      ...(storeDir !== undefined && { storeDir: resolve(storeDir) }),
      ...(Object.keys(others).length > 0 && { storeOptions: others }),
    },
    rest: rest.filter(
      setting =>
        !isShared(setting, ['stores', 'known_stores', 'default_store']) &&
        !options.includes(setting),
    ),
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

/** The stores with names, and what is not about them. */
function readNamed(settings: readonly Setting[]): {
  readonly stores: readonly StoreSettings[]
  readonly rest: readonly Setting[]
} {
  const enabled = settings.findLast(isEnabledBackends)
  if (enabled === undefined) return { stores: [], rest: settings }
  const stores = storesIn(enabled)
  const sections = new Set(stores.map(({ id }) => id))
  return {
    stores: stores.map(store =>
      valuesOf(settings.filter(({ section }) => section === store.id)).reduce<StoreSettings>(
        (read, setting) => ({ ...read, ...valueOf(read, setting) }),
        store,
      ),
    ),
    rest: settings.filter(setting => !isEnabledBackends(setting) && !sections.has(setting.section)),
  }
}

function isEnabledBackends({ section, option }: Setting): boolean {
  return section === 'DEFAULT' && option === 'enabled_backends'
}

/** Whether it is one of these options of stores without names, which Folsom had among all others. */
function isShared({ section, option }: Setting, options: readonly string[]): boolean {
  return (section === 'DEFAULT' || section === 'glance_store') && options.includes(option)
}

function isForModule({ section, option }: Setting): boolean {
  const ours = ['stores', 'default_store', 'default_backend']
  return section === 'glance_store' && !ours.includes(option)
}

function storesIn({ value, file, line }: Setting): StoreSettings[] {
  return list(value).map(pair => {
    const [, id, name = ''] = /^([^\s:]+)\s*:\s*(\S.*)$/.exec(pair) ?? []
    const type = storeType(name, file)
    if (id !== undefined && type !== undefined) return { id, type }
    const wanted = `expected name:type, with a type of ${typeChoices()} or the path of a module`
    throw wrong(file, line, `[DEFAULT] enabled_backends: ${wanted}, found '${pair}'`)
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

function typeIn({ section, option, file, line }: Setting): (name: string) => string {
  return name => {
    const type = storeType(name, file)
    if (type !== undefined) return type
    const wanted = `expected ${typeChoices()} or the path of a module`
    throw wrong(file, line, `[${section}] ${option}: ${wanted}, found '${name}'`)
  }
}

/** Which of the stores without names there are. Without `default_store` it is the first that can be written to. */
function chosenOf(
  types: readonly string[] | undefined,
  listed: Setting | undefined,
  chosen: Setting | undefined,
): Partial<Pick<StoreConfigured, 'store' | 'furtherStores'>> {
  const store =
    chosen === undefined
      ? types?.find(type => STORE_TYPES[type]?.isReadOnly !== true)
      : typeIn(chosen)(chosen.value)
  const about = chosen ?? listed
  if (about === undefined) return {}
  const { section, option, value, file, line } = about
  const isListed = store !== undefined && (types?.includes(store) ?? true)
  if (!isListed || STORE_TYPES[store]?.isReadOnly === true) {
    const wanted = 'expected one of stores that can be written to'
    throw wrong(file, line, `[${section}] ${option}: ${wanted}, found '${value}'`)
  }
  return {
    store,
    ...(types !== undefined && { furtherStores: types.filter(type => type !== store) }),
  }
}

/** Options of which all lines count; of all others the last one does. */
const MULTIPLE = new Set(['filesystem_store_datadirs'])

function valuesOf(settings: readonly Setting[]): readonly Setting[] {
  const values = new Map<string, Setting>()
  for (const setting of settings) {
    const before = MULTIPLE.has(setting.option) ? values.get(setting.option) : undefined
    const value = before === undefined ? setting.value : `${before.value}\n${setting.value}`
    values.set(setting.option, { ...setting, value })
  }
  return [...values.values()]
}

function valueOf({ type, options }: StoreSettings, setting: Setting): Partial<StoreSettings> {
  const { section, option, file, line } = setting
  switch (option) {
    case 'store_description':
      return { description: textOf(setting) }
    case 'weight':
      return { weight: read(setting, value => integer(value, -(2 ** 31), 2 ** 31)) }
    case 'filesystem_store_datadir':
      if (type === 'file') return { datadir: resolve(textOf(setting)) }
  }
  const own = STORE_TYPES[type]
  if (own !== undefined && !own.options.includes(option)) {
    throw wrong(file, line, `[${section}] ${option}: there is no such option`)
  }
  return { options: { ...options, [option]: textOf(setting) } }
}

function textOf(setting: Setting): string {
  return read(setting, text)
}

function read<T>(setting: Setting, parse: (value: string) => T): T {
  const { section, option, value, file, line } = setting
  try {
    return parse(value)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const message = `[${section}] ${option}: expected ${error.message}, found '${value}'`
    throw wrong(file, line, message)
  }
}
