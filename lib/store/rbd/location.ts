import { GlanceError } from '../../errors.ts'
import { schemeOf } from '../location.ts'
import type { Location } from '../store.ts'

/** The scheme of the RBD stores' URLs. */
export const RBD_SCHEMES = ['rbd'] as const

/** What Glance calls the snapshot that it makes of each image. */
export const SNAPSHOT = 'snap'

/** What a location says. */
export interface RbdPlace {
  /** The cluster's; null for whichever the store is of. */
  readonly fsid: string | null
  /** Null for the store's own. */
  readonly pool: string | null
  readonly image: string
  /** Null for the image itself, as where Ceph had no layers yet. */
  readonly snapshot: string | null
}

/** The location of an image as Glance writes it: with a snapshot where the cluster is known. */
export function rbdLocation(fsid: string | null, pool: string, image: string): Location {
  if (fsid === null) return { url: `rbd://${image}` }
  const parts = [fsid, pool, image, SNAPSHOT]
  return { url: `rbd://${parts.map(quoted).join('/')}` }
}

/**
 * Reads `rbd://image` and `rbd://fsid/pool/image/snapshot`, whose parts are quoted. @throws {GlanceError} `invalid` for
 * any other URL, which the message leaves out, since it may hold credentials.
 */
export function parseRbdLocation({ url }: Location): RbdPlace {
  if (schemeOf(url) !== 'rbd' || !url.slice('rbd:'.length).startsWith('//')) {
    throw new GlanceError('invalid', `an rbd store does not read ${schemeOf(url)}: locations`)
  }
  const parts = url.slice('rbd://'.length).split('/')
  if (parts.includes('')) throw invalid('has an empty part')
  const [only = ''] = parts
  // As Glance: an image that stands alone is not quoted.
  if (parts.length === 1) return { fsid: null, pool: null, image: named(only), snapshot: null }
  if (parts.length !== 4) throw invalid('has to have one part, or four')
  const [fsid = '', pool = '', image = '', snapshot = ''] = parts.map(unquoted)
  return { fsid, pool: named(pool), image: named(image), snapshot: named(snapshot) }
}

/** Python's `quote(text, '')`, of which `encodeURIComponent` leaves out five characters. */
function quoted(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function unquoted(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid('is not quoted as URLs are')
  }
}

/** A name that the `rbd` program takes as it is, instead of taking it apart. */
function named(name: string): string {
  // eslint-disable-next-line no-control-regex -- Control characters are what is meant.
  if (!/[/@\u0000-\u001f\u007f]/.test(name)) return name
  throw invalid("has a name with '/', '@' or control characters in it")
}

function invalid(reason: string): GlanceError {
  return new GlanceError('invalid', `the location of an rbd image ${reason}`)
}
