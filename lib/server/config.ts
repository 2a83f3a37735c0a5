import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { DigestAlgorithm } from '../image/digest.ts'
import { CONTAINER_FORMATS, DISK_FORMATS } from '../image/image.ts'
import type { DatabaseConfig } from './database-config.ts'
import type { Authentication, KeystoneSettings, LimitSettings } from './identity-settings.ts'
import { DEFAULT_IMPORTS, type ImportSettings } from './import-settings.ts'
import { type ConfigRead, readConfigFiles } from './options/read.ts'
import { wrongAll } from './oslo-config.ts'
import type { PropertyRuleFormat } from './policy/property-protection.ts'
import type { RemotePolicySettings } from './policy/remote-settings.ts'
import type { StoreConfigured } from './store-settings.ts'

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
  /** Where uploads that go on where they broke off have what has come; null for `uploads` in the data folder, or nowhere when the images are in memory. */
  readonly resumableUploadDir: string | null
  /** Seconds for which that is kept when nobody goes on with it; 0 offers no such uploads. */
  readonly resumableUploadExpiry: number
  readonly imports: ImportSettings
  /** Where copies of images that were downloaded are kept; null for nowhere. */
  readonly imageCacheDir: string | null
  /** Bytes that pruning leaves there at most. */
  readonly imageCacheMaxSize: number
  /** Seconds for which a copy may not come any further before it is cleaned away. */
  readonly imageCacheStallTime: number
  /** The index of those copies, by its path from there. */
  readonly imageCacheSqliteDb: string
  /** Seconds from one look for what is to come into the cache to the next; 0 for none. */
  readonly cachePrefetcherInterval: number
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
  /** How long a client may take over its handshake, the head of a request, and a body but image data. Milliseconds; 0 for ever. */
  readonly headerTimeoutMs: number
  /** How long a connection is kept for the next request. Milliseconds; 0 for ever. */
  readonly keepAliveTimeoutMs: number
  /** Connections at once of one process; 0 for any number. */
  readonly maxConnections: number
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
    resumableUploadDir: null,
    resumableUploadExpiry: 172_800,
    imports: DEFAULT_IMPORTS,
    imageCacheDir: null,
    imageCacheMaxSize: 10 * 1024 ** 3,
    imageCacheStallTime: 86_400,
    imageCacheSqliteDb: 'cache.db',
    cachePrefetcherInterval: 300,
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
    headerTimeoutMs: 60_000,
    keepAliveTimeoutMs: 72_000,
    maxConnections: 0,
    shutdownGraceMs: 60_000,
    ...given,
  })
}

/**
 * What files such as Glance's `glance-api.conf` set, of which a later one comes before an earlier one.
 * A `schema-image.json` beside one counts, as Glance's does. `notice` is told what of them does not count.
 * @throws {GlanceError} `usage`, a line for each setting that is wrong or that there is not, naming file, line and option.
 */
export async function readConfig(
  paths: string | readonly string[],
  notice: (message: string) => void = () => {},
): Promise<Partial<ServerConfig>> {
  const { config, faults } = await examineConfig(
    typeof paths === 'string' ? [paths] : paths,
    notice,
  )
  if (faults.length > 0) throw wrongAll(faults)
  return config
}

/** As {@link readConfig}, but what is wrong is handed back, and every option with what it is and why. */
export async function examineConfig(
  paths: readonly string[],
  notice: (message: string) => void = () => {},
): Promise<ConfigRead> {
  const read = await readConfigFiles(paths, notice)
  const schemaFile = paths
    .toReversed()
    .map(path => join(dirname(resolve(path)), 'schema-image.json'))
    .find(existsSync)
  if (schemaFile === undefined) return read
  return { ...read, config: { schemaFile, ...read.config } }
}
