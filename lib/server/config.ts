import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { GlanceError, messageOf } from '../errors.ts'
import { DIGEST_ALGORITHMS, type DigestAlgorithm } from '../image/digest.ts'
import { CONTAINER_FORMATS, DISK_FORMATS } from '../image/image.ts'
import { DATABASE_OPTIONS, type DatabaseConfig } from './database-options.ts'
import { DEFAULT_IMPORTS, type ImportSettings, readImportSettings } from './import-settings.ts'
import {
  boolean,
  filePath,
  integer,
  list,
  oneOf,
  quota,
  storageQuota,
  text,
  url,
} from './option-values.ts'
import {
  AUTHENTICATIONS,
  type Authentication,
  authenticationOf,
  type KeystoneSettings,
  type LimitSettings,
  readIdentitySettings,
} from './identity-settings.ts'
import { parseOsloConfig, type Setting, wrong } from './oslo-config.ts'
import { PROPERTY_RULE_FORMATS, type PropertyRuleFormat } from './policy/property-protection.ts'
import { POLICY_CONTENT_TYPES, type RemotePolicySettings } from './policy/remote-settings.ts'
import { readStoreSettings, type StoreConfigured } from './store-settings.ts'

/** Everything that can be set. A negative quota is none. */
export interface ServerConfig extends RemotePolicySettings, DatabaseConfig, StoreConfigured {
  readonly bindHost: string
  /** 0 for any that is free. */
  readonly bindPort: number
  /** The certificate and its key, in PEM form; null for plain HTTP. */
  readonly certFile: string | null
  readonly keyFile: string | null
  /** The authorities of whose certificates clients must have one; null for clients without. */
  readonly caFile: string | null
  /** The URL by which clients know the service, when it is not the one they ask by. */
  readonly publicEndpoint: string | null
  /** Which versions of the Images API are spoken. */
  readonly enableV1Api: boolean
  readonly enableV2Api: boolean
  /** The folder of the database and of what the settings below do not place elsewhere. */
  readonly dataDir: string
  /** Where operators find metrics, if anywhere: a port of null is nowhere, 0 any that is free. */
  readonly metricsBindHost: string
  readonly metricsBindPort: number | null
  /** How many processes share the work; 0 for the one that is started. */
  readonly workers: number
  /** The id of the one of `enabledBackends` that data goes to unless somebody chooses. */
  readonly defaultBackend: string | null
  /** Where data is staged; null for `staging` in the data folder, or memory when the images are there. */
  readonly stagingDir: string | null
  readonly imports: ImportSettings
  /** Where copies of images that were downloaded are kept; null for nowhere. */
  readonly imageCacheDir: string | null
  /** Bytes that pruning leaves there at most. */
  readonly imageCacheMaxSize: number
  /** Whether the API shows where data is, and lets its owner change that. */
  readonly showMultipleLocations: boolean
  /** Whether it shows the first place as `direct_url`. */
  readonly showImageDirectUrl: boolean
  /**
   * `none`: everybody is an administrator. `trusted_headers`: callers are who `X-User-Id`, `X-Project-Id` and
   * `X-Roles` say, for a service behind a proxy that sets them. `keystone`: they are whose tokens they bring.
   */
  readonly auth: Authentication
  /** How Keystone is asked about tokens; null where it is not. */
  readonly keystone: KeystoneSettings | null
  /** Whether callers without an identity may look. */
  readonly allowAnonymousAccess: boolean
  /** The role that makes an administrator, unless the policy file says what does. */
  readonly adminRole: string
  /** Whether images belong to projects; else to users. */
  readonly ownerIsTenant: boolean
  /** Rules in the place of the defaults, read again whenever the file changes; null for the defaults. */
  readonly policyFile: string | null
  /** Folders of such files, each over those before it and all over that one. */
  readonly policyDirs: readonly string[]
  /** The rule in the place of one that is named and that there is not; null: that is an error. */
  readonly policyDefaultRule: string | null
  /** Whether the defaults of before Wallaby, by which most is anybody's to do, stop letting people through. */
  readonly enforceNewDefaults: boolean
  /** Whether a token for a domain or the whole system may do nothing. */
  readonly enforceScope: boolean
  /** Who may do what with which custom properties; null when anybody may do anything. */
  readonly propertyProtectionFile: string | null
  readonly propertyProtectionRuleFormat: PropertyRuleFormat
  /** Whether deleted data is only marked as such and left to a scrubber. */
  readonly delayedDelete: boolean
  /** Seconds for which a scrubber lets deleted data be. */
  readonly scrubTime: number
  /** How many images a scrubber deals with at once. */
  readonly scrubPoolSize: number
  /** Seconds from one look of a scrubber that goes on to the next. */
  readonly wakeupTime: number
  readonly hashingAlgorithm: DigestAlgorithm
  /** A `schema-image.json` as Glance's; null for the one that Glance comes with. */
  readonly schemaFile: string | null
  /** What `container_format` and `disk_format` may be. */
  readonly containerFormats: readonly string[]
  readonly diskFormats: readonly string[]
  /** Whether the data of a bare image has to be of its disk format. */
  readonly requireImageFormatMatch: boolean
  /** Subformats of vmdk that are taken, by their `createType`. */
  readonly vmdkAllowedTypes: readonly string[]
  /** Checks that a disk with partitions may fail. */
  readonly gptSafetyChecksNonfatal: readonly string[]
  /** Bytes in one image. */
  readonly imageSizeCap: number
  readonly imagePropertyQuota: number
  readonly imageTagQuota: number
  readonly imageMemberQuota: number
  readonly imageLocationQuota: number
  /** Bytes of all images of one project. */
  readonly userStorageQuota: number
  /** Whether Keystone says how much projects may use, rather than the quota above. */
  readonly useKeystoneLimits: boolean
  /** How it is asked for that; null where it is not. */
  readonly limits: LimitSettings | null
  /** Images on a page when the client does not say. */
  readonly limitParamDefault: number
  /** Images on a page at the most. */
  readonly apiLimitMax: number
  /** Characters in a client's own request id; 0 for any number. */
  readonly maxRequestIdLength: number
  /** How long a client may neither send what it has announced nor take what it has asked for. Milliseconds; 0 for ever. */
  readonly clientSocketTimeoutMs: number
  /** How long requests that are under way may take when the server stops. Milliseconds; 0 for ever. */
  readonly shutdownGraceMs: number
}

/** The configuration with everything set, of which `given` is what somebody has set. */
export function completeConfig(given: Partial<ServerConfig>): ServerConfig {
  return Object.freeze({
    bindHost: '127.0.0.1',
    bindPort: 9292,
    certFile: null,
    keyFile: null,
    caFile: null,
    publicEndpoint: null,
    enableV1Api: true,
    enableV2Api: true,
    dataDir: 'glance-data',
    dataApi: null,
    connection: null,
    dbAutoCreate: true,
    metricsBindHost: '127.0.0.1',
    metricsBindPort: null,
    workers: 0,
    store: 'file',
    storeDir: null,
    furtherStores: ['http'],
    storeOptions: {},
    enabledBackends: [],
    defaultBackend: null,
    stagingDir: null,
    imports: DEFAULT_IMPORTS,
    imageCacheDir: null,
    imageCacheMaxSize: 10 * 1024 ** 3,
    showMultipleLocations: false,
    showImageDirectUrl: false,
    auth: 'none',
    keystone: null,
    allowAnonymousAccess: false,
    adminRole: 'admin',
    ownerIsTenant: true,
    policyFile: null,
    policyDirs: [],
    policyDefaultRule: null,
    policyRemoteContentType: 'application/x-www-form-urlencoded',
    policyRemoteTimeout: 5,
    policyRemoteVerify: true,
    policyRemoteCaFile: null,
    policyRemoteCertFile: null,
    policyRemoteKeyFile: null,
    enforceNewDefaults: false,
    enforceScope: false,
    propertyProtectionFile: null,
    propertyProtectionRuleFormat: 'roles',
    delayedDelete: false,
    scrubTime: 0,
    scrubPoolSize: 1,
    wakeupTime: 300,
    hashingAlgorithm: 'sha512',
    schemaFile: null,
    containerFormats: CONTAINER_FORMATS,
    diskFormats: DISK_FORMATS,
    requireImageFormatMatch: true,
    vmdkAllowedTypes: ['streamOptimized', 'monolithicSparse'],
    gptSafetyChecksNonfatal: [],
    imageSizeCap: 1024 ** 4,
    imagePropertyQuota: 128,
    imageTagQuota: 128,
    imageMemberQuota: 128,
    imageLocationQuota: 10,
    userStorageQuota: -1,
    useKeystoneLimits: false,
    limits: null,
    limitParamDefault: 25,
    apiLimitMax: 1000,
    maxRequestIdLength: 64,
    clientSocketTimeoutMs: 900_000,
    shutdownGraceMs: 60_000,
    ...given,
  })
}

/**
 * What a file such as Glance's `glance-api.conf` sets.
 * A `schema-image.json` beside it counts, as Glance's does. `notice` is told what of it does not count. @throws {GlanceError} `usage`, naming file, line and option,
 * for a setting that is wrong or that there is not.
 */
export async function readConfig(
  path: string,
  notice: (message: string) => void = () => {},
): Promise<Partial<ServerConfig>> {
  const settings = readSettings(parseOsloConfig(await readText(path), path), notice)
  const schemaFile = join(dirname(resolve(path)), 'schema-image.json')
  return existsSync(schemaFile) ? { schemaFile, ...settings } : settings
}

/** @throws {GlanceError} `usage`. */
function readSettings(
  settings: readonly Setting[],
  notice: (message: string) => void,
): Partial<ServerConfig> {
  const { keystone, limits, rest: further } = readIdentitySettings(settings, notice)
  const { stores, rest: others } = readStoreSettings(further)
  const { imports, rest } = readImportSettings(others)
  const config: Partial<ServerConfig>[] = [
    stores,
    ...(imports === DEFAULT_IMPORTS ? [] : [{ imports }]),
    ...(keystone === null ? [] : [{ keystone }]),
    ...(limits === null ? [] : [{ limits }]),
  ]
  for (const setting of rest) {
    const name =
      setting.section === 'DEFAULT' ? setting.option : `${setting.section}.${setting.option}`
    const option = OPTIONS[name]
    if (option === undefined) {
      const message = `[${setting.section}] ${setting.option}: there is no such option`
      throw wrong(setting.file, setting.line, message)
    }
    try {
      config.push(option(setting.value, dirname(setting.file)))
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      const message = `[${setting.section}] ${setting.option}: expected ${error.message}, found '${setting.value}'`
      throw wrong(setting.file, setting.line, message)
    }
  }
  // The last of several counts, but of this one all do.
  const policyDirs = config.flatMap(({ policyDirs = [] }) => policyDirs)
  if (policyDirs.length > 0) config.push({ policyDirs })
  return Object.assign({}, ...config) as Partial<ServerConfig> // Each piece is one.
}

/** What an option sets by its value, in a file in `folder`. */
type Option = (value: string, folder: string) => Partial<ServerConfig>

/** Glance's options, those outside of `[DEFAULT]` with their section, and what each sets. */
const OPTIONS: Readonly<Record<string, Option>> = {
  bind_host: value => ({ bindHost: text(value) }),
  bind_port: value => ({ bindPort: integer(value, 0, 65_535) }),
  enable_v1_api: value => ({ enableV1Api: boolean(value) }),
  enable_v2_api: value => ({ enableV2Api: boolean(value) }),
  cert_file: value => ({ certFile: resolve(text(value)) }),
  key_file: value => ({ keyFile: resolve(text(value)) }),
  ca_file: value => ({ caFile: resolve(text(value)) }),
  public_endpoint: value => ({ publicEndpoint: url(value) }),
  data_dir: value => ({ dataDir: resolve(text(value)) }),
  ...DATABASE_OPTIONS,
  metrics_bind_host: value => ({ metricsBindHost: text(value) }),
  metrics_bind_port: value => ({ metricsBindPort: integer(value, 0, 65_535) }),
  workers: value => ({ workers: integer(value, 0, 1000) }),
  'glance_store.default_backend': value => ({ defaultBackend: text(value) }),
  'os_glance_staging_store.filesystem_store_datadir': value => ({
    stagingDir: resolve(text(value)),
  }),
  // A store that Glance demands and that nothing here needs.
  'os_glance_tasks_store.filesystem_store_datadir': () => ({}),
  image_cache_dir: value => ({ imageCacheDir: resolve(text(value)) }),
  image_cache_max_size: value => ({ imageCacheMaxSize: integer(value, 0, 2 ** 53 - 1) }),
  node_staging_uri: value => ({ stagingDir: filePath(value) }),
  show_multiple_locations: value => ({ showMultipleLocations: boolean(value) }),
  show_image_direct_url: value => ({ showImageDirectUrl: boolean(value) }),
  auth: value => ({ auth: oneOf(value, AUTHENTICATIONS) }),
  'paste_deploy.flavor': value => ({ auth: authenticationOf(value) }),
  admin_role: value => ({ adminRole: text(value).trim() }),
  owner_is_tenant: value => ({ ownerIsTenant: boolean(value) }),
  allow_anonymous_access: value => ({ allowAnonymousAccess: boolean(value) }),
  'oslo_policy.policy_file': (value, folder) => ({ policyFile: resolve(folder, text(value)) }),
  'oslo_policy.policy_dirs': (value, folder) => ({ policyDirs: [resolve(folder, text(value))] }),
  'oslo_policy.policy_default_rule': value => ({ policyDefaultRule: text(value) }),
  'oslo_policy.remote_content_type': value => ({
    policyRemoteContentType: oneOf(value, POLICY_CONTENT_TYPES),
  }),
  'oslo_policy.remote_timeout': value => ({ policyRemoteTimeout: integer(value, 1, 3600) }),
  'oslo_policy.remote_ssl_verify_server_crt': value => ({ policyRemoteVerify: boolean(value) }),
  'oslo_policy.remote_ssl_ca_crt_file': (value, folder) => ({
    policyRemoteCaFile: resolve(folder, text(value)),
  }),
  'oslo_policy.remote_ssl_client_crt_file': (value, folder) => ({
    policyRemoteCertFile: resolve(folder, text(value)),
  }),
  'oslo_policy.remote_ssl_client_key_file': (value, folder) => ({
    policyRemoteKeyFile: resolve(folder, text(value)),
  }),
  'oslo_policy.enforce_new_defaults': value => ({ enforceNewDefaults: boolean(value) }),
  // In Zed the two have to be the same.
  enforce_secure_rbac: value => ({ enforceNewDefaults: boolean(value) }),
  'oslo_policy.enforce_scope': value => ({ enforceScope: boolean(value) }),
  property_protection_file: (value, folder) => ({
    propertyProtectionFile: value === '' ? null : resolve(folder, value),
  }),
  property_protection_rule_format: value => ({
    propertyProtectionRuleFormat: oneOf(value, PROPERTY_RULE_FORMATS),
  }),
  delayed_delete: value => ({ delayedDelete: boolean(value) }),
  scrub_time: value => ({ scrubTime: integer(value, 0, 2 ** 31 - 1) }),
  scrub_pool_size: value => ({ scrubPoolSize: integer(value, 1, 1000) }),
  wakeup_time: value => ({ wakeupTime: integer(value, 0, 2 ** 21) }),
  hashing_algorithm: value => ({ hashingAlgorithm: oneOf(value, DIGEST_ALGORITHMS) }),
  image_schema_file: value => ({ schemaFile: resolve(text(value)) }),
  container_formats: value => ({ containerFormats: list(value) }),
  disk_formats: value => ({ diskFormats: list(value) }),
  'image_format.container_formats': value => ({ containerFormats: list(value) }),
  'image_format.disk_formats': value => ({ diskFormats: list(value) }),
  'image_format.require_image_format_match': value => ({ requireImageFormatMatch: boolean(value) }),
  'image_format.vmdk_allowed_types': value => ({ vmdkAllowedTypes: list(value) }),
  'image_format.gpt_safety_checks_nonfatal': value => ({ gptSafetyChecksNonfatal: list(value) }),
  image_size_cap: value => ({ imageSizeCap: integer(value, 1, 2 ** 53 - 1) }),
  image_property_quota: value => ({ imagePropertyQuota: quota(value) }),
  image_tag_quota: value => ({ imageTagQuota: quota(value) }),
  image_member_quota: value => ({ imageMemberQuota: quota(value) }),
  image_location_quota: value => ({ imageLocationQuota: quota(value) }),
  user_storage_quota: value => ({ userStorageQuota: storageQuota(value) }),
  use_keystone_limits: value => ({ useKeystoneLimits: boolean(value) }),
  limit_param_default: value => ({ limitParamDefault: integer(value, 1, 2 ** 31) }),
  api_limit_max: value => ({ apiLimitMax: integer(value, 1, 2 ** 31) }),
  graceful_shutdown_timeout: value => ({ shutdownGraceMs: integer(value, 0, 2 ** 20) * 1000 }),
  client_socket_timeout: value => ({ clientSocketTimeoutMs: integer(value, 0, 2 ** 21) * 1000 }),
  max_request_id_length: value => ({ maxRequestIdLength: integer(value, 0, 16_384) }),
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new GlanceError('usage', `${path} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}
