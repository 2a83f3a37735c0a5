import { GlanceError } from '../../errors.ts'

/** Which authentication: Swift's own of old (`1`), or Keystone by its API v2.0 or v3. */
export type AuthVersion = '1' | '2' | '3'

/** How a Swift store is set up. */
export interface SwiftSettings {
  /** For accounts of which nothing else is said. */
  readonly authVersion: AuthVersion
  /** Null where not set: needed, unless `configFile` says it, by a store that writes. */
  readonly authAddress: string | null
  /** For the versions 2 and 3 `project:user`. */
  readonly user: string | null
  readonly key: string | null
  /** A file of accounts by name; then locations have the name instead of the credentials. */
  readonly configFile: string | null
  /** Which account of the file is written to. */
  readonly reference: string
  /** The container, or what the names of containers begin with. */
  readonly container: string
  /** In how many digits of an image's id the containers differ; 0 for one container. */
  readonly containersSeed: number
  readonly createContainer: boolean
  /** Bytes from which on data is stored in segments, */
  readonly largeObjectSize: number
  /** and bytes of each of these. */
  readonly segmentSize: number
  /** Which of Swift's endpoints in the catalogue; null for any. */
  readonly region: string | null
  /** `public`, `internal` or `admin`. */
  readonly interface: string
  readonly serviceType: string
  /** In place of what authentication says: the URL of the account. */
  readonly endpoint: string | null
  /** Whether images are kept in the accounts of their owners. */
  readonly multiTenant: boolean
  /** Projects that may read and write all containers. */
  readonly adminTenants: readonly string[]
  /** Whether callers are asked for a trust where their token may not hold to the end. */
  readonly useTrusts: boolean
  /** Milliseconds before its end from which on a caller's token is not used for anything new. */
  readonly expireSoonMs: number
  /** Whether no certificate is checked. */
  readonly insecure: boolean
  /** A file of authorities. */
  readonly cacert: string | null
  /** How often a download that breaks off is gone on with. */
  readonly retryGetCount: number
}

/** As Glance has it: neither 10^6 nor 2^20. */
const MEGABYTE = 1000 * 1024

const ENDPOINT_TYPES = ['publicURL', 'internalURL', 'adminURL'] as const

/** Options of Glance's that change nothing here, and what they may be set to. */
const WITHOUT_EFFECT: Readonly<Record<string, (option: Option) => unknown>> = {
  swift_store_ssl_compression: flag,
  swift_enable_snet: flag,
  swift_upload_buffer_dir: words,
}

/** What each option of Glance's sets. */
const OPTIONS: Readonly<Record<string, (option: Option) => Partial<SwiftSettings>>> = {
  swift_store_auth_version: option => ({ authVersion: authVersion(option) }),
  swift_store_auth_address: option => ({ authAddress: words(option) }),
  swift_store_user: option => ({ user: words(option) }),
  swift_store_key: option => ({ key: words(option) }),
  swift_store_config_file: option => ({ configFile: words(option) }),
  default_swift_reference: option => ({ reference: words(option) }),
  swift_store_container: option => ({ container: container(option) }),
  swift_store_multiple_containers_seed: option => ({ containersSeed: integer(0, 32)(option) }),
  swift_store_create_container_on_put: option => ({ createContainer: flag(option) }),
  swift_store_large_object_size: option => ({ largeObjectSize: integer(1)(option) * MEGABYTE }),
  swift_store_large_object_chunk_size: option => ({ segmentSize: integer(1)(option) * MEGABYTE }),
  swift_store_region: option => ({ region: words(option) }),
  swift_store_endpoint: option => ({ endpoint: url(option) }),
  swift_store_endpoint_type: option => ({ interface: endpointType(option) }),
  swift_store_service_type: option => ({ serviceType: words(option) }),
  swift_store_multi_tenant: option => ({ multiTenant: flag(option) }),
  swift_store_admin_tenants: option => ({ adminTenants: list(option) }),
  swift_store_use_trusts: option => ({ useTrusts: flag(option) }),
  swift_store_expire_soon_interval: option => ({ expireSoonMs: integer(0)(option) * 1000 }),
  swift_store_auth_insecure: option => ({ insecure: flag(option) }),
  swift_store_cacert: option => ({ cacert: words(option) }),
  swift_store_retry_get_count: option => ({ retryGetCount: integer(0)(option) }),
}

const DEFAULTS: SwiftSettings = {
  authVersion: '2',
  authAddress: null,
  user: null,
  key: null,
  configFile: null,
  reference: 'ref1',
  container: 'glance',
  containersSeed: 0,
  createContainer: false,
  largeObjectSize: 5120 * MEGABYTE,
  segmentSize: 200 * MEGABYTE,
  region: null,
  interface: 'public',
  serviceType: 'object-store',
  endpoint: null,
  multiTenant: false,
  adminTenants: [],
  useTrusts: true,
  expireSoonMs: 60_000,
  insecure: false,
  cacert: null,
  retryGetCount: 0,
}

/** All of Glance's options of a Swift store. */
export const SWIFT_OPTIONS: readonly string[] = [
  ...Object.keys(OPTIONS),
  ...Object.keys(WITHOUT_EFFECT),
  'swift_buffer_on_upload',
]

interface Option {
  readonly name: string
  readonly value: string
}

/**
 * The settings by the names of Glance's options; one that is set to nothing is as not set.
 * @throws {GlanceError} `usage`, naming the option, and its value unless that is a secret.
 */
export function swiftSettings(options: Readonly<Record<string, string>>): SwiftSettings {
  let settings = DEFAULTS
  for (const [name, value] of Object.entries(options)) {
    if (name === 'swift_buffer_on_upload') {
      if (flag({ name, value })) {
        throw new GlanceError('usage', `${name}: segments are sent as they come; leave it out`)
      }
      continue
    }
    if (value.trim() === '') continue
    const read = OPTIONS[name]
    const known = read ?? WITHOUT_EFFECT[name]
    if (known === undefined) throw new GlanceError('usage', `${name}: there is no such option`)
    const set = known({ name, value: value.trim() })
    if (read !== undefined) settings = { ...settings, ...(set as Partial<SwiftSettings>) } // As `read` gives it.
  }
  if (settings.multiTenant && settings.configFile !== null) {
    const message = 'swift_store_multi_tenant and swift_store_config_file exclude each other'
    throw new GlanceError('usage', message)
  }
  return settings
}

/** How a store is set up, as `/v2/info/stores/detail` of Glance's tells it: sizes in bytes. */
export function swiftProperties({
  container,
  largeObjectSize,
  segmentSize,
}: SwiftSettings): Readonly<Record<string, unknown>> {
  return {
    container,
    large_object_size: largeObjectSize,
    large_object_chunk_size: segmentSize,
  }
}

/** The version that a text says. @throws {GlanceError} `usage`. */
export function authVersion({ name, value }: Option): AuthVersion {
  const [, version] = /^v?([123])(?:\.0)?$/.exec(value) ?? []
  if (version === '1' || version === '2' || version === '3') return version
  throw wrong({ name, value }, '1, 2 or 3')
}

function words({ value }: Option): string {
  return value
}

function list({ value }: Option): readonly string[] {
  return value
    .split(/[,\n]/)
    .map(word => word.trim())
    .filter(word => word !== '')
}

function container(option: Option): string {
  if (option.value.includes('/')) throw wrong(option, 'a name without a slash')
  return option.value
}

function url(option: Option): string {
  const { value } = option
  if (/^https?:\/\//i.test(value) && URL.canParse(value)) return value
  throw wrong(option, 'a URL of http or https')
}

function endpointType(option: Option): string {
  const found = ENDPOINT_TYPES.find(type => type === option.value)
  if (found === undefined) throw wrong(option, ENDPOINT_TYPES.join(', '))
  return found.replace(/URL$/, '')
}

function flag(option: Option): boolean {
  const value = option.value.trim().toLowerCase()
  if (['true', '1', 'yes', 'on'].includes(value)) return true
  if (['false', '0', 'no', 'off', ''].includes(value)) return false
  throw wrong(option, 'true or false')
}

function integer(least: number, most = 2 ** 31): (option: Option) => number {
  return option => {
    const number = Number(option.value)
    if (/^\d+$/.test(option.value) && number >= least && number <= most) return number
    throw wrong(option, `a whole number from ${least} to ${most}`)
  }
}

function wrong({ name, value }: Option, wanted: string): GlanceError {
  return new GlanceError('usage', `${name}: expected ${wanted}, found '${value}'`)
}
