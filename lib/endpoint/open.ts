import { GlanceError } from '../errors.ts'
import { withoutCredentials } from '../http/redact.ts'
import { openArchive, type StandardStreams } from './archive.ts'
import type { Endpoint } from './endpoint.ts'
import { DirectoryEndpoint } from './directory.ts'
import { type GlanceOptions, GlanceService } from './glance-service.ts'
import { GlanceV1Endpoint } from './glance-v1.ts'
import { GlanceV2Endpoint } from './glance-v2.ts'
import { type ApiVersion, negotiate } from './negotiate.ts'

/** The port of `openstack image` endpoints that name none. */
const DEFAULT_PORT = 9292

export interface OpenEndpointOptions extends GlanceOptions {
  /** What messages call a service. Default: its address. */
  readonly name?: string | undefined
  /** Whether images are to be written there. */
  readonly writable: boolean
  /** Bytes read from or written to a disk at a time. */
  readonly chunkSize: number
  /** Whether zeros are holes in the files of a directory. Default true. */
  readonly sparse?: boolean | undefined
  /** How many ranges of one image are read at once for a directory, and bytes from which on. Default 1; 256 MiB. */
  readonly ranges?: number | undefined
  readonly rangesCutoff?: number | undefined
  /** What `-` stands for in the place of a file. Without it, nothing. */
  readonly streams?: StandardStreams | undefined
  /** The version of the Images API to speak with a service. Default: what its URL ends in, or what is negotiated. */
  readonly api?: ApiVersion | undefined
}

/** An address as people type it, understood. */
export type Address =
  | { readonly type: 'service'; readonly base: URL; readonly api: ApiVersion | undefined }
  | { readonly type: 'directory' | 'archive'; readonly path: string }

/**
 * Opens `http://host:9292`, `host:9292`, `[::1]:9292`, `https://cloud/image/v1`, `dir:PATH` or `tar:PATH`. The one file that knows all
 * kinds of endpoint. @throws {GlanceError} `usage` for another form; else as the kind does.
 */
export async function openEndpoint(
  address: string,
  options: OpenEndpointOptions,
): Promise<Endpoint> {
  const parsed = parseAddress(address)
  const shown = withoutCredentials(address)
  if (parsed.type !== 'service') {
    if (options.api !== undefined) {
      const kind = parsed.type === 'directory' ? 'a directory' : 'an archive'
      throw new GlanceError('usage', `'${shown}': ${kind} speaks no version of the API`)
    }
    return parsed.type === 'directory'
      ? await DirectoryEndpoint.open(parsed.path, options)
      : await openArchive(parsed.path, options)
  }
  const { base } = parsed
  const name = options.name ?? nameOf(base)
  if (options.api !== undefined && parsed.api !== undefined && options.api !== parsed.api) {
    const message = `'${shown}': the URL is that of v${parsed.api}, and v${options.api} is asked for`
    throw new GlanceError('usage', message)
  }
  return await openService(new GlanceService(name, base, options), options.api ?? parsed.api)
}

async function openService(
  service: GlanceService,
  wanted: ApiVersion | undefined,
): Promise<Endpoint> {
  try {
    const version = await negotiate(service, wanted)
    return version === 1 ? await GlanceV1Endpoint.of(service) : await GlanceV2Endpoint.of(service)
  } catch (error) {
    service[Symbol.dispose]()
    throw error
  }
}

/** @throws {GlanceError} `usage`, naming what is wrong with the address. */
export function parseAddress(address: string): Address {
  const shown = withoutCredentials(address)
  if (address.startsWith('dir:')) {
    const path = address.slice('dir:'.length)
    if (path === '') throw new GlanceError('usage', `'${shown}': name a directory after dir:`)
    return { type: 'directory', path }
  }
  if (address.startsWith('tar:')) {
    const path = address.slice('tar:'.length)
    if (path === '') throw new GlanceError('usage', `'${shown}': name a file after tar:, or -`)
    return { type: 'archive', path }
  }
  if (shown !== address) {
    throw new GlanceError(
      'usage',
      `'${shown}': credentials do not belong in an address; give a token, or name a cloud`,
    )
  }
  const bare = !/^[a-z][a-z0-9+.-]*:\/\//i.test(address)
  const text = bare ? `http://${address}` : address
  if (address === '' || !URL.canParse(text)) {
    throw new GlanceError(
      'usage',
      `'${shown}' is no server: expected HOST:PORT, [IPV6]:PORT or a URL`,
    )
  }
  const base = new URL(text)
  if (base.protocol !== 'http:' && base.protocol !== 'https:') {
    throw new GlanceError(
      'usage',
      `'${shown}': a server is reached by http or https, not ${base.protocol}`,
    )
  }
  if (base.search !== '' || base.hash !== '') {
    throw new GlanceError('usage', `${nameOf(base)}: a server's URL has no query and no fragment`)
  }
  if (bare && !/:\d+(\/|$)/.test(address)) base.port = String(DEFAULT_PORT)
  // Catalogues hold endpoints with and without their version.
  const [ending, api] = /\/+(?:v([12])(?:\.\d+)?\/*)?$/.exec(base.pathname) ?? ['']
  base.pathname = base.pathname.slice(0, base.pathname.length - ending.length)
  return { type: 'service', base, api: api === undefined ? undefined : api === '1' ? 1 : 2 }
}

function nameOf(base: URL): string {
  const shown = new URL(base)
  shown.username = ''
  shown.password = ''
  shown.search = ''
  shown.hash = ''
  return shown.href.replace(/\/$/, '')
}
