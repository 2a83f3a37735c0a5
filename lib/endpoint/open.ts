import { GlanceError } from '../errors.ts'
import type { Endpoint } from './endpoint.ts'
import { DirectoryEndpoint } from './directory.ts'
import { type GlanceOptions, GlanceV2Endpoint } from './glance-v2.ts'

/** The port of `openstack image` endpoints that name none. */
const DEFAULT_PORT = 9292

export interface OpenEndpointOptions extends GlanceOptions {
  /** What messages call a service. Default: its address. */
  readonly name?: string | undefined
  /** Whether images are to be written there. */
  readonly writable: boolean
  /** Bytes read from or written to a disk at a time. */
  readonly chunkSize: number
}

/** An address as people type it, understood. */
export type Address =
  | { readonly type: 'service'; readonly base: URL }
  | { readonly type: 'directory'; readonly path: string }

/**
 * Opens `http://host:9292`, `host:9292`, `[::1]:9292`, `https://cloud/image` or `dir:PATH`. The one file that knows all
 * kinds of endpoint. @throws {GlanceError} `usage` for another form; else as the kind does.
 */
export async function openEndpoint(
  address: string,
  options: OpenEndpointOptions,
): Promise<Endpoint> {
  const parsed = parseAddress(address)
  return parsed.type === 'directory'
    ? await DirectoryEndpoint.open(parsed.path, options)
    : await GlanceV2Endpoint.open(options.name ?? nameOf(parsed.base), parsed.base, options)
}

/** @throws {GlanceError} `usage`, naming what is wrong with the address. */
export function parseAddress(address: string): Address {
  if (address.startsWith('dir:')) {
    const path = address.slice('dir:'.length)
    if (path === '') throw new GlanceError('usage', `'${address}': name a directory after dir:`)
    return { type: 'directory', path }
  }
  const bare = !/^[a-z][a-z0-9+.-]*:\/\//i.test(address)
  const text = bare ? `http://${address}` : address
  if (address === '' || !URL.canParse(text)) {
    throw new GlanceError(
      'usage',
      `'${address}' is no server: expected HOST:PORT, [IPV6]:PORT or a URL`,
    )
  }
  const base = new URL(text)
  if (base.protocol !== 'http:' && base.protocol !== 'https:') {
    throw new GlanceError(
      'usage',
      `'${address}': a server is reached by http or https, not ${base.protocol}`,
    )
  }
  if (base.username !== '' || base.password !== '') {
    throw new GlanceError(
      'usage',
      `${nameOf(base)}: credentials do not belong in a URL; give a token`,
    )
  }
  if (base.search !== '' || base.hash !== '') {
    throw new GlanceError('usage', `${nameOf(base)}: a server's URL has no query and no fragment`)
  }
  if (bare && !/:\d+(\/|$)/.test(address)) base.port = String(DEFAULT_PORT)
  // Catalogues hold endpoints with and without their version.
  base.pathname = base.pathname.replace(/\/+(v2(\.\d+)?\/*)?$/, '')
  return { type: 'service', base }
}

function nameOf(base: URL): string {
  const shown = new URL(base)
  shown.username = ''
  shown.password = ''
  shown.search = ''
  shown.hash = ''
  return shown.href.replace(/\/$/, '')
}
