import { GlanceError, isGlanceError } from '../../errors.ts'
import type { ImageLocation, RemovedLocation } from '../../image/location.ts'
import type { ImageStatus } from '../../image/status.ts'
import { isEncrypted, isUrl } from './decrypt.ts'
import type { Note } from './note.ts'
import { flagIn, objectIn, type Row, textIn, timeIn } from './values.ts'

export interface LocationRules {
  /** Makes a URL of an encrypted location; null when nobody has given the key. */
  readonly decrypt: ((text: string) => string) | null
  /** Schemes of URLs that a store of ours reads. */
  readonly schemes: ReadonlySet<string>
  /** Folders of files that are a store's of ours, as the URLs of locations in them begin: `file:///images`. */
  readonly folders: ReadonlySet<string>
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
 * location and no key.
 */
export function locationsOf(
  image: Row,
  rows: readonly Row[],
  status: ImageStatus,
  rules: LocationRules,
): Locations {
  const notes: Note[] = []
  const sole = textIn(image, 'location') ?? ''
  const live = rows.filter(row => !flagIn(row, 'deleted'))
  const waiting = rows.filter(
    row => flagIn(row, 'deleted') && textIn(row, 'status') === 'pending_delete',
  )
  const read = (row: Row) => locationFromRow(row, rules, notes)
  const own = [
    ...(sole === '' ? [] : [{ url: urlOf(sole, rules), metadata: {} }]),
    ...live.map(read),
  ]
  // Glance restores an image without where its data is, which still waits to be deleted.
  const isActive = status === 'active' || status === 'deactivated'
  const isRestored = isActive && own.length === 0 && waiting.length > 0
  if (isRestored) {
    const text = 'it was restored, and so is where its data is, which waited to be deleted'
    notes.push({ code: 'restored', text })
  }
  const isBack = isRestored || status === 'pending_delete'
  const locations = eachOnce([...own, ...(isBack ? waiting.map(read) : [])])
  const removedLocations = (isBack ? [] : waiting).map(row => ({
    ...read(row),
    removedAt: timeIn(row, 'deleted_at') ?? new Date(0),
  }))
  return { locations, removedLocations, notes: [...notes, ...notesOn(locations, rules)] }
}

function eachOnce(locations: readonly ImageLocation[]): readonly ImageLocation[] {
  return locations.filter(({ url }, i) => locations.findIndex(other => other.url === url) === i)
}

function notesOn(
  locations: readonly ImageLocation[],
  { schemes, folders }: LocationRules,
): readonly Note[] {
  const unread = new Set(locations.map(({ url }) => schemeOf(url)).filter(one => !schemes.has(one)))
  const notes: Note[] = Array.from(unread, scheme => {
    const text = `its data is at a ${scheme}: location, which no store reads`
    return { code: 'no_store', text }
  })
  const folder = locations
    .map(({ url }) => folderOf(url))
    .find(one => one !== null && !folders.has(one))
  if (folder === undefined || folder === null) return notes
  const text = `its data is in ${folder}, which is no store's here: it is read, and not deleted with it`
  return [...notes, { code: 'other_folder', text }]
}

/** Of a file, as a URL without the slash at its end; else null. */
function folderOf(url: string): string | null {
  const [, folder] = /^(?:file|filesystem):\/\/(\/.*)\/[^/]*$/i.exec(url) ?? []
  return folder === undefined ? null : `file://${folder}`
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
  if (!isEncrypted(text)) throw new GlanceError('invalid', 'a location of it is no URL')
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
