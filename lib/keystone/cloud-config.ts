import { GlanceError } from '../errors.ts'
import { type Fields, isFields } from './documents.ts'

/** What is said of one cloud, wherever it was said, in the names of clouds.yaml. */
export interface CloudConfig {
  /** For messages: `cloud 'one' in /etc/openstack/clouds.yaml`. */
  readonly origin: string
  /** What the user has to set to change `setting`, for messages: `auth.username`, `OS_SOURCE_USERNAME`. */
  readonly nameOf: (setting: string) => string
  /** What identifies the caller; no value is empty. */
  readonly auth: ReadonlyMap<string, string>
  /** All else, as text; no value is empty. */
  readonly settings: ReadonlyMap<string, string>
}

/** The error that a setting of this cloud stands for. */
export function misconfigured(config: CloudConfig, message: string): GlanceError {
  return new GlanceError('usage', `${config.origin}: ${message}`)
}

/** Settings that identify the caller and may stand beside `auth` as well as in it, as variables always do. */
const IDENTIFYING = [
  'auth_url',
  'username',
  'user_name',
  'user_id',
  'password',
  'passcode',
  'trust_id',
  'system_scope',
  'default_domain',
  'default_domain_id',
  'default_domain_name',
  'application_credential_id',
  'application_credential_name',
  'application_credential_secret',
  'auth_methods',
  'endpoint',
  'url',
] as const

/** By which names each of these goes; of several that are set the last counts. */
const SYNONYMS: readonly (readonly [string, readonly string[]])[] = [
  ['domain_id', ['domain_id']],
  ['domain_name', ['domain_name']],
  ['user_domain_id', ['user_domain_id']],
  ['user_domain_name', ['user_domain_name']],
  ['project_domain_id', ['project_domain_id']],
  ['project_domain_name', ['project_domain_name']],
  ['token', ['auth_token', 'token']],
]
const PROJECTS: typeof SYNONYMS = [
  ['project_id', ['tenant_id', 'project_id']],
  ['project_name', ['tenant_name', 'project_name']],
]

/**
 * Puts a merged document in order, as openstacksdk does: settings by their old names, domains that are said once for
 * user and project, and `{region_name}` in values.
 */
export function arranged(
  document: Fields,
  told: Pick<CloudConfig, 'origin' | 'nameOf'>,
): CloudConfig {
  const settings = texts(document)
  const auth = texts(isFields(document['auth']) ? document['auth'] : {})
  rename(settings, 'auth_plugin', 'auth_type', 'keep')
  for (const name of [...settings.keys()].filter(name => name.endsWith('endpoint_type'))) {
    rename(settings, name, name.replace(/endpoint_type$/, 'interface'), 'replace')
  }
  const isV2 = settings.get('auth_type')?.startsWith('v2') === true
  const projects = PROJECTS.map(
    ([name, names]) => [name, isV2 ? names.toReversed() : names] as const,
  )
  for (const [name, names] of [...SYNONYMS, ...projects]) {
    const found = names.flatMap(each => [settings.get(each), auth.get(each)])
    for (const each of names) {
      settings.delete(each)
      auth.delete(each)
    }
    const last = found.findLast(value => value !== undefined)
    if (last !== undefined) auth.set(name, last)
  }
  for (const name of IDENTIFYING) {
    const beside = settings.get(name)
    // A passcode changes all the time: the one beside is the newer one.
    if (beside !== undefined && (!auth.has(name) || name === 'passcode')) auth.set(name, beside)
    settings.delete(name)
  }
  rename(auth, 'user_name', 'username', 'keep')
  shareDomains(auth)
  const expand = (value: string) =>
    value.replaceAll(/\{(\w+)\}/g, (whole, name: string) => settings.get(name) ?? whole)
  for (const [name, value] of settings) settings.set(name, expand(value))
  const authUrl = auth.get('auth_url')
  if (authUrl !== undefined) auth.set('auth_url', expand(authUrl))
  return { ...told, auth, settings }
}

/** The values that are text or as good as; names with `_` whatever stood there. */
function texts(document: Fields): Map<string, string> {
  const found = new Map<string, string>()
  for (const [name, value] of Object.entries(document)) {
    const text = textOf(value)
    if (text !== undefined && text !== '') found.set(name.replaceAll('-', '_'), text)
  }
  return found
}

/** A value as text; undefined for what holds others. A list is its texts, separated by commas. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return String(value)
  }
  if (!Array.isArray(value)) return undefined
  return value.filter(item => typeof item === 'string').join(',')
}

function rename(
  values: Map<string, string>,
  from: string,
  to: string,
  present: 'keep' | 'replace',
): void {
  const value = values.get(from)
  if (value === undefined) return
  values.delete(from)
  if (present === 'replace' || !values.has(to)) values.set(to, value)
}

/** A domain that is said once is that of user and project, where there is a project. */
function shareDomains(auth: Map<string, string>): void {
  if (!auth.has('project_id') && !auth.has('project_name')) return
  for (const kind of ['id', 'name']) {
    const domain = auth.get(`domain_${kind}`)
    auth.delete(`domain_${kind}`)
    if (domain === undefined) continue
    for (const whose of [`user_domain_${kind}`, `project_domain_${kind}`]) {
      if (!auth.has(whose)) auth.set(whose, domain)
    }
  }
}

/** Whether a setting says yes. @throws {GlanceError} `usage` when it says neither yes nor no. */
export function flag(config: CloudConfig, name: string): boolean | undefined {
  const text = config.settings.get(name)?.toLowerCase()
  if (text === undefined) return undefined
  if (['true', 'yes', 'on', '1'].includes(text)) return true
  if (['false', 'no', 'off', '0'].includes(text)) return false
  throw misconfigured(config, `${config.nameOf(name)} is neither true nor false`)
}

/** A setting for the image service, or that for all services: `image_interface`, `interface`. */
export function ofImages(config: CloudConfig, name: string): string | undefined {
  return config.settings.get(`image_${name}`) ?? config.settings.get(name)
}
