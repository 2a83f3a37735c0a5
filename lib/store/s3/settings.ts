import { GlanceError, isGlanceError } from '../../errors.ts'

const MIB = 1024 * 1024
/** S3 takes no smaller part, but for the last of an object. */
const SMALLEST_PART_MIB = 5
/** S3 takes no more than 10,000 parts of an object of 5 TiB, the largest: who wants larger ones wants them in memory. */
const LARGEST_PART_MIB = 525

/** An S3 store as it is configured. */
export interface S3Settings {
  /** The server, such as `https://s3.example.org:8443/path`, without a slash at the end. */
  readonly endpoint: string
  readonly accessKey: string
  readonly secretKey: string
  readonly bucket: string
  /** Whether a bucket that is missing is made by the first image. */
  readonly createBucketOnPut: boolean
  /** Whether the bucket is part of the host name, `https://bucket.host/key`, instead of the path. */
  readonly virtualHost: boolean
  /** What requests are signed for, and where a bucket is made; null when the server has no regions that matter. */
  readonly region: string | null
  /** A file of the authorities, as PEM, by which the server is trusted; null: whom Node trusts. */
  readonly caFile: string | null
  /** Bytes. An image of this size or more is sent in parts; so is any that is larger than a part, which would be in memory. */
  readonly largeObjectSize: number
  /** Bytes of a part. */
  readonly largeObjectChunkSize: number
  /** How many parts of an image are on their way at once, at most. */
  readonly threadPools: number
}

/**
 * Reads Glance's options of an S3 store, those of 2012 and of today. Options of other names are somebody else's.
 * @throws {GlanceError} `usage`, naming the option.
 */
export function s3Settings(options: Readonly<Record<string, string>>): S3Settings {
  const unknown = Object.keys(options).find(
    name => name.startsWith('s3_') && !S3_OPTIONS.includes(name),
  )
  if (unknown !== undefined) throw wrong(unknown, 'there is no such option')
  const endpoint = endpointOf(required(options, 's3_store_host'))
  const bucket = required(options, 's3_store_bucket')
  if (!/^[a-z0-9._-]+$/i.test(bucket)) {
    throw wrong('s3_store_bucket', `expected letters, digits, '.', '_' and '-', found '${bucket}'`)
  }
  const mib = (name: string, standard: number, least: number, most?: number) =>
    MIB * integer(options, name, standard, least, most)
  return {
    endpoint,
    bucket,
    accessKey: required(options, 's3_store_access_key'),
    secretKey: required(options, 's3_store_secret_key'),
    createBucketOnPut: boolean(options, 's3_store_create_bucket_on_put'),
    virtualHost: isVirtual(
      given(options, 's3_store_bucket_url_format') ?? 'auto',
      endpoint,
      bucket,
    ),
    region: given(options, 's3_store_region_name') ?? regionOf(endpoint),
    caFile: given(options, 's3_store_cacert') ?? null,
    largeObjectSize: mib('s3_store_large_object_size', 100, 1),
    largeObjectChunkSize: mib(
      's3_store_large_object_chunk_size',
      10,
      SMALLEST_PART_MIB,
      LARGEST_PART_MIB,
    ),
    threadPools: integer(options, 's3_store_thread_pools', 10, 1),
  }
}

/**
 * What is needed to read what is there already, whose locations have the credentials: the server, and what else of the
 * options is right. @throws {GlanceError} `usage` when no server is set.
 */
export function readingS3Settings(options: Readonly<Record<string, string>>): S3Settings {
  const { s3_store_host: host = '', ...others } = options
  let usable: Readonly<Record<string, string>> = { ...NOBODY, s3_store_host: host }
  let settings = s3Settings(usable)
  for (const [name, value] of Object.entries(others)) {
    const more = { ...usable, [name]: value }
    try {
      settings = s3Settings(more)
      usable = more
    } catch (error) {
      if (!isGlanceError(error, 'usage')) throw error
    }
  }
  return settings
}

/** In place of what is not set: credentials that nobody has, and a bucket that nothing is put into. */
const NOBODY = {
  s3_store_access_key: 'nobody',
  s3_store_secret_key: 'nothing',
  s3_store_bucket: 'nowhere',
}

/** Glance's options of an S3 store. */
export const S3_OPTIONS: readonly string[] = [
  's3_store_host',
  's3_store_access_key',
  's3_store_secret_key',
  's3_store_bucket',
  's3_store_create_bucket_on_put',
  's3_store_bucket_url_format',
  's3_store_region_name',
  's3_store_cacert',
  's3_store_large_object_size',
  's3_store_large_object_chunk_size',
  's3_store_thread_pools',
  's3_store_object_buffer_dir', // Of 2012, when images were written to a disk first: nothing is, here.
]

/** As Glance: `http`, unless the host says otherwise. */
function endpointOf(host: string): string {
  const url = (/^https?:\/\//.test(host) ? host : `http://${host}`).replace(/\/+$/, '')
  const parsed = URL.canParse(url) ? new URL(url) : null
  const isPlain = parsed !== null && parsed.username === '' && !/[@?#\s]/.test(url)
  if (isPlain && url.split('://').length === 2) return url
  throw wrong('s3_store_host', 'expected host, host:port or the URL of a server')
}

/**
 * As the client of Glance (botocore): `auto` is the bucket in the host name where the server is Amazon's and the name fits,
 * since others seldom have a name for each bucket. `subdomain` is what `virtual` was called in 2012.
 */
function isVirtual(format: string, endpoint: string, bucket: string): boolean {
  const fits = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) && !/\.\.|^[\d.]+$/.test(bucket)
  switch (format) {
    case 'auto':
      return fits && !bucket.includes('.') && amazonHost(endpoint) !== null
    case 'path':
      return false
    case 'virtual':
    case 'subdomain':
      if (fits) return true
      throw wrong(
        's3_store_bucket',
        `'${bucket}' cannot be part of a host name: use url format path`,
      )
    default:
      throw wrong('s3_store_bucket_url_format', `expected auto, virtual or path, found '${format}'`)
  }
}

/** The region in the name of one of Amazon's hosts: `s3.eu-west-1.amazonaws.com`, or with a hyphen as once. */
function regionOf(endpoint: string): string | null {
  const host = amazonHost(endpoint)
  return (host === null ? undefined : /^s3[.-]([a-z]+(?:-[a-z]+)+-\d+)\./.exec(host)?.[1]) ?? null
}

function amazonHost(endpoint: string): string | null {
  const { hostname } = new URL(endpoint)
  return /\.amazonaws\.com(?:\.cn)?$/.test(hostname) ? hostname : null
}

/** An option that is empty is one that is not there, as in Glance. */
function given(options: Readonly<Record<string, string>>, name: string): string | undefined {
  const value = options[name]?.trim()
  return value === '' ? undefined : value
}

function required(options: Readonly<Record<string, string>>, name: string): string {
  const value = given(options, name)
  if (value === undefined) throw wrong(name, 'an S3 store needs it')
  return value
}

function integer(
  options: Readonly<Record<string, string>>,
  name: string,
  standard: number,
  least: number,
  most = 5_000_000,
): number {
  const value = given(options, name) ?? String(standard)
  const number = /^\d+$/.test(value) ? Number(value) : NaN
  if (number >= least && number <= most) return number
  throw wrong(name, `expected a whole number from ${least} to ${most}, found '${value}'`)
}

function boolean(options: Readonly<Record<string, string>>, name: string): boolean {
  const value = given(options, name) ?? 'false'
  if (/^(true|1|yes|on|t|y)$/i.test(value)) return true
  if (/^(false|0|no|off|f|n)$/i.test(value)) return false
  throw wrong(name, `expected true or false, found '${value}'`)
}

function wrong(name: string, reason: string): GlanceError {
  return new GlanceError('usage', `${name}: ${reason}`)
}
