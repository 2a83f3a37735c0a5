import { GlanceError, isGlanceError } from '../../errors.ts'
import type { ImageLocation, RemovedLocation } from '../../image/location.ts'
import { isUrl } from './decrypt.ts'
import type { Note } from './note.ts'
import { flagIn, objectIn, type Row, textIn, timeIn } from './values.ts'

export interface LocationRules {
  /** Makes a URL of an encrypted location; null when nobody has given the key. */
  readonly decrypt: ((text: string) => string) | null
  /** Schemes of URLs that a store of ours reads. */
  readonly schemes: ReadonlySet<string>
}

/** Where the data of an image is, and is no longer. */
export interface Locations {
  readonly locations: readonly ImageLocation[]
  readonly removedLocations: readonly RemovedLocation[]
  readonly notes: readonly Note[]
}

/**
 * The locations of an image: that of its own row, until Grizzly, and those of rows of their own, since then. While it is
 * pending deletion what waits with it are its locations. @throws {GlanceError} `invalid`; `usage` for an encrypted
 * location and no key, or another one.
 */
export function locationsOf(
  image: Row,
  rows: readonly Row[],
  isPending: boolean,
  rules: LocationRules,
): Locations {
  const notes: Note[] = []
  const locations: ImageLocation[] = []
  const removedLocations: RemovedLocation[] = []
  const sole = textIn(image, 'location') ?? ''
  if (sole !== '') locations.push({ url: urlOf(sole, rules), metadata: {} })
  for (const row of rows) {
    const waits = textIn(row, 'status') === 'pending_delete'
    if (flagIn(row, 'deleted') && !waits) continue
    const location = locationFromRow(row, rules, notes)
    if (waits && !isPending) {
      removedLocations.push({ ...location, removedAt: timeIn(row, 'deleted_at') ?? new Date(0) })
    } else if (locations.every(({ url }) => url !== location.url)) {
      locations.push(location)
    }
  }
  const schemes = new Set(locations.map(({ url }) => schemeOf(url)))
  for (const scheme of schemes) {
    if (rules.schemes.has(scheme)) continue
    notes.push({
      code: 'no_store',
      text: `its data is at a ${scheme}: location, which no store reads`,
    })
  }
  return { locations, removedLocations, notes }
}

function locationFromRow(row: Row, rules: LocationRules, notes: Note[]): ImageLocation {
  const url = urlOf(textIn(row, 'value') ?? '', rules)
  try {
    return { url, metadata: withStore(objectIn(row, 'meta_data') ?? {}) }
  } catch (error) {
    if (!isGlanceError(error, 'invalid')) throw error
    notes.push({
      code: 'location_metadata',
      text: 'the metadata of a location is lost: it is no JSON',
    })
    return { url, metadata: {} }
  }
}

/** As Glance in Train, which renamed it. */
function withStore({ backend, ...metadata }: ImageLocation['metadata']): ImageLocation['metadata'] {
  return backend === undefined ? metadata : { store: backend, ...metadata }
}

function urlOf(text: string, { decrypt }: LocationRules): string {
  if (text === '') throw new GlanceError('invalid', 'a location of it is empty')
  if (isUrl(text)) return text
  if (decrypt !== null) return decrypt(text)
  throw new GlanceError(
    'usage',
    'its location is encrypted, and no metadata_encryption_key is given',
  )
}

/** What stands before the colon, in lower case. */
function schemeOf(url: string): string {
  return url.slice(0, Math.max(0, url.indexOf(':'))).toLowerCase()
}
