import { readFile } from 'node:fs/promises'
import { messageOf } from '../../errors.ts'
import type { ServerConfig } from '../config.ts'
import { DEFAULT_IMPORTS } from '../import-settings.ts'
import { type Fault, parseOslo, type Setting } from '../oslo-config.ts'
import { readStoreSettings } from '../store-settings.ts'
import { DATABASE_OPTIONS } from './database-options.ts'
import { reasonToIgnore, refusalOf } from './foreign.ts'
import { KEYSTONE_OPTIONS, LIMIT_OPTIONS } from './identity-options.ts'
import { IMAGE_OPTIONS } from './image-options.ts'
import { IMPORT_OPTIONS } from './import-options.ts'
import { interpolate, MOST_CHARACTERS, MOST_LEVELS, type Refusal } from './interpolate.ts'
import { nearest } from '../../nearest.ts'
import { keysOf, type OptionDoc, sectionKey } from './option.ts'
import { POLICY_OPTIONS } from './policy-options.ts'
import { type Effective, Reading } from './reading.ts'
import { SERVICE_OPTIONS } from './service-options.ts'
import { DEFAULT_BACKEND } from './store-options.ts'
import { OPTION_TABLES } from './tables.ts'

/** What configuration files say, and what is wrong with them. */
export interface ConfigRead {
  readonly config: Partial<ServerConfig>
  /** All that are found, in the order of the files and their lines. */
  readonly faults: readonly Fault[]
  /** Every option, in the order of the manual. */
  readonly effective: readonly Effective[]
}

/** Reads files of the form of `glance-api.conf`, of which a later one comes before an earlier one. */
export async function readConfigFiles(
  paths: readonly string[],
  notice: (message: string) => void,
): Promise<ConfigRead> {
  const faults: Fault[] = []
  const settings: Setting[] = []
  for (const file of paths) {
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      faults.push({ file, line: null, message: `cannot be read: ${messageOf(error)}` })
      return ''
    })
    const parsed = parseOslo(text, file)
    faults.push(...parsed.faults)
    settings.push(...parsed.settings)
  }
  const whole = interpolate(settings, { defaultOf, isSecret }, (setting, refusal) => {
    const { file, line } = setting
    faults.push({ file, line, message: unresolved(setting, refusal) })
  })
  const reading = new Reading(whole, notice)
  const config = readAll(reading)
  tellOfRest(reading)
  const order = (fault: Fault) => paths.indexOf(fault.file)
  return {
    config,
    effective: reading.effective,
    faults: [...faults, ...reading.faults].toSorted(
      (a, b) => order(a) - order(b) || (a.line ?? 0) - (b.line ?? 0),
    ),
  }
}

/** The settings with names of options replaced by their values; what names one that there is not stays as it is. */
export function interpolated(settings: readonly Setting[]): readonly Setting[] {
  const left: Setting[] = []
  const whole = interpolate(settings, { defaultOf, isSecret }, setting => left.push(setting))
  return [...left, ...whole]
}

function readAll(reading: Reading): Partial<ServerConfig> {
  const service = reading.read(SERVICE_OPTIONS)
  const images = reading.read(IMAGE_OPTIONS)
  const imports = reading.read(IMPORT_OPTIONS)
  const stores = { ...readStoreSettings(reading), ...readDefaultBackend(reading) }
  const database = reading.read(DATABASE_OPTIONS)
  const keystone = reading.read(KEYSTONE_OPTIONS)
  const limits = reading.read(LIMIT_OPTIONS)
  const policy = reading.read(POLICY_OPTIONS)
  for (const { option, section, place, value } of reading.effective) {
    if (option.name !== 'insecure' || place === null || !/^(?:true|1|yes|on)$/i.test(value ?? ''))
      continue
    const { file, line } = place
    reading.notice(`${file}, line ${line}: [${section}] insecure: anybody may pass for Keystone`)
  }
  return {
    ...service,
    ...images,
    ...stores,
    ...database,
    ...policy,
    ...(!isEmpty(imports) && { imports: { ...DEFAULT_IMPORTS, ...imports } }),
    ...(!isEmpty(keystone) && { keystone }),
    ...(!isEmpty(limits) && { limits }),
  }
}

function readDefaultBackend(reading: Reading): Pick<Partial<ServerConfig>, 'defaultBackend'> {
  const found = reading.take(DEFAULT_BACKEND).filter(({ value }) => value.trim() !== '')
  reading.tell(DEFAULT_BACKEND, found)
  return found[0] === undefined ? {} : { defaultBackend: found[0].value }
}

/** What nobody has taken is ignored, which is told, or refused. */
function tellOfRest(reading: Reading): void {
  const ignored = new Map<string, string[]>()
  for (const setting of reading.rest()) {
    const refusal = refusalOf(setting)
    const reason = reasonToIgnore(setting)
    if (refusal !== undefined) reading.fault(setting, `cannot be ignored: ${refusal}`)
    else if (reason === undefined)
      reading.unknown(setting, namesIn(setting.section), elsewhere(setting))
    else {
      const { section, option, file, line } = setting
      const about = `${file}: ignored, since ${reason}`
      const told = ignored.get(about) ?? []
      told.push(`[${section}] ${option} (line ${line})`)
      ignored.set(about, told)
    }
  }
  for (const [about, options] of ignored) reading.notice(`${about}: ${options.join(', ')}`)
}

const ALL: readonly OptionDoc[] = OPTION_TABLES.flatMap(({ options }) => options)

const DEFAULTS: ReadonlyMap<string, string | null> = new Map(
  ALL.flatMap(option => keysOf(option).map(key => [key, option.default] as const)),
)

const SECRETS: ReadonlySet<string> = new Set(
  ALL.filter(({ isSecret }) => isSecret === true).flatMap(keysOf),
)

function defaultOf(section: string, option: string): string | null | undefined {
  return DEFAULTS.get(`${section}.${option}`)
}

/** Also of a store in a section of its own. */
function isSecret(section: string, option: string): boolean {
  return SECRETS.has(`${sectionKey(section)}.${option}`) || SECRETS.has(`glance_store.${option}`)
}

/** What there might be in a section. */
function namesIn(section: string): readonly string[] {
  const prefix = `${sectionKey(section)}.`
  return [...DEFAULTS.keys()]
    .filter(key => key.startsWith(prefix))
    .map(key => key.slice(prefix.length))
}

/** The section that was likely meant: one of nearly this name, or one that has such an option. */
function elsewhere({ section, option }: Setting): string | undefined {
  const own = ALL.filter(({ name }) => name === option).map(({ section }) => section)
  const near = nearest(section, [...new Set(ALL.map(({ section }) => section))])
  const meant = near !== undefined && sectionKey(section) !== near ? near : own[0]
  return meant === undefined ? undefined : `[${meant}] ${option}`
}

/** A dollar sign of a secret is told without what is behind it. */
function unresolved({ section, option }: Setting, refusal: Refusal): string {
  const about = `[${section}] ${option}`
  if (refusal === 'itself') return `${about}: it stands for itself`
  if (refusal === 'too much') {
    return `${about}: with the values of the options that it names it is too long; ${MOST_CHARACTERS} characters may be`
  }
  if (refusal === 'too deep') {
    return `${about}: it names options that name options, ${MOST_LEVELS} deep at most`
  }
  const named = isSecret(section, option) ? "a '$' in it" : `'${refusal.reference}'`
  return `${about}: ${named} names no option; a dollar sign is written as $$`
}

function isEmpty(object: object): boolean {
  return Object.keys(object).length === 0
}
