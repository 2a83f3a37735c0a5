import { booleanOption, integerOption, type StoreOptions, wrongOption } from '../options.ts'

const MIB = 1024 * 1024

/** An RBD store as it is configured. */
export interface RbdSettings {
  readonly pool: string
  /** Whom Ceph knows us as, without `client.`; null for whom its programs are unless told otherwise. */
  readonly user: string | null
  /** The path of a `ceph.conf`; null for where Ceph's programs look themselves. */
  readonly cephConf: string | null
  /** Bytes of the objects that an image is cut into: a power of two. */
  readonly chunkSize: number
  /** Seconds in which the cluster is to be reached; null for Ceph's own. */
  readonly connectTimeout: number | null
  /** Told to whoever asks how the store is set up. The `rbd` program leaves out what is zero in either case. */
  readonly thinProvisioning: boolean
}

/** Glance's options of an RBD store. */
export const RBD_OPTIONS: readonly string[] = [
  'rbd_store_pool',
  'rbd_store_user',
  'rbd_store_ceph_conf',
  'rbd_store_chunk_size',
  'rados_connect_timeout',
  'rbd_thin_provisioning',
]

/** @throws {GlanceError} `usage`, naming the option. */
export function rbdSettings(options: StoreOptions): RbdSettings {
  const mib = integerOption(options, 'rbd_store_chunk_size', { least: 1, most: 63, otherwise: 8 })
  const timeout = { least: -1, most: 86_400, otherwise: 0 }
  const seconds = integerOption(options, 'rados_connect_timeout', timeout)
  return {
    ...namesOf(options),
    // As Glance, and Ceph takes no other: the power of two below. It has objects of 32 MiB at the most.
    chunkSize: MIB * 2 ** Math.floor(Math.log2(mib)),
    connectTimeout: seconds <= 0 ? null : seconds,
    thinProvisioning: booleanOption(options, 'rbd_thin_provisioning'),
  }
}

/** What is needed to read what is there already, whatever else is wrong. @throws {GlanceError} `usage`. */
export function readingSettings(options: StoreOptions): RbdSettings {
  const names = namesOf({ ...options, rbd_store_pool: usablePool(options) ?? '' })
  return { ...rbdSettings({}), ...names }
}

function namesOf(options: StoreOptions): Pick<RbdSettings, 'pool' | 'user' | 'cephConf'> {
  const pool = usablePool(options)
  if (pool === null) {
    const found = options['rbd_store_pool'] ?? ''
    throw wrongOption('rbd_store_pool', "the name of a pool, without '/' and '@'", found)
  }
  return {
    pool,
    user: given(options, 'rbd_store_user'),
    cephConf: given(options, 'rbd_store_ceph_conf'),
  }
}

/** Null for a name that the `rbd` program would take apart. */
function usablePool(options: StoreOptions): string | null {
  const pool = given(options, 'rbd_store_pool') ?? 'images'
  return /[/@\0]/.test(pool) ? null : pool
}

/** An option that is empty is one that is not there, as in Glance. */
function given(options: StoreOptions, name: string): string | null {
  const value = options[name]?.trim() ?? ''
  return value === '' ? null : value
}
