import { GlanceError } from '../../errors.ts'
import { isImageId, VISIBILITIES, type Visibility } from '../../image/image.ts'
import { type Member, MEMBER_STATUSES } from '../../image/member.ts'
import { IMAGE_STATUSES, type ImageStatus } from '../../image/status.ts'
import type { ImageRecord } from '../database.ts'
import { type LocationRules, locationsOf } from './locations.ts'
import type { Note } from './note.ts'
import { currentId, type OldIds } from './old-ids.ts'
import { flagIn, oneIn, type Row, textIn, timeIn, wholeNumberIn } from './values.ts'

/** An image's row, and the rows that belong to it, deleted ones too, each kind in the order in which they were added. */
export interface SourceImage {
  readonly image: Row
  readonly properties: readonly Row[]
  readonly tags: readonly Row[]
  readonly members: readonly Row[]
  readonly locations: readonly Row[]
}

export interface ImageRules extends LocationRules {
  readonly oldIds: OldIds
}

/** An image as we keep it. */
export interface ReadImage {
  readonly record: ImageRecord
  readonly members: readonly Member[]
  readonly notes: readonly Note[]
}

/**
 * What one of Glance's images is to us, as Glance's own migrations would bring it to the latest schema. Of a deleted image
 * only the row is left. @throws {GlanceError} `invalid` for what cannot be kept; `usage` as {@link locationsOf}.
 */
export function readImage(source: SourceImage, rules: ImageRules): ReadImage {
  const { image } = source
  const id = textIn(image, 'id') ?? ''
  if (!isImageId(id)) throw new GlanceError('invalid', 'its id is no UUID')
  const status = statusOf(image)
  const createdAt = required(image, 'created_at')
  const updatedAt = timeIn(image, 'updated_at') ?? createdAt
  const isGone = status === 'deleted' || status === 'pending_delete'
  const deletedAt = isGone ? (timeIn(image, 'deleted_at') ?? updatedAt) : null
  const members = isGone ? [] : membersOf(id, source.members)
  const { notes, ...parts } = status === 'deleted' ? NO_PARTS : partsOf(source, status, rules)
  const record: ImageRecord = {
    id,
    name: textIn(image, 'name'),
    status,
    visibility: visibilityOf(image, members.length > 0),
    hidden: flagIn(image, 'os_hidden'),
    protected: flagIn(image, 'protected'),
    owner: textIn(image, 'owner'),
    containerFormat: textIn(image, 'container_format'),
    diskFormat: textIn(image, 'disk_format'),
    minDisk: wholeNumberIn(image, 'min_disk') ?? 0,
    minRam: wholeNumberIn(image, 'min_ram') ?? 0,
    size: wholeNumberIn(image, 'size'),
    virtualSize: wholeNumberIn(image, 'virtual_size'),
    checksum: textIn(image, 'checksum'),
    digest: digestOf(image),
    createdAt,
    updatedAt,
    deletedAt,
    ...parts,
  }
  return { record, members, notes: [...notes, ...notesOn(record, source)] }
}

const NO_PARTS = {
  tags: [],
  properties: new Map<string, string | null>(),
  locations: [],
  removedLocations: [],
  notes: [],
} as const

function partsOf({ image, ...rows }: SourceImage, status: ImageStatus, rules: ImageRules) {
  const { notes, ...locations } = locationsOf(image, rows.locations, status, rules)
  const all: Note[] = [...notes]
  const properties = new Map<string, string | null>()
  for (const row of rows.properties.filter(isThere)) {
    const name = textIn(row, 'name') ?? ''
    const { value, note } = currentId(name, textIn(row, 'value'), rules.oldIds)
    if (note !== null) all.push(note)
    properties.set(name, value)
  }
  const tags = new Set(rows.tags.filter(isThere).map(row => textIn(row, 'value') ?? ''))
  return { properties, tags: [...tags].toSorted(), ...locations, notes: all }
}

/**
 * An image that is deleted is so whatever its status was before; the two are set one after the other. A restored one has
 * no other mark than its status.
 */
function statusOf(image: Row): ImageStatus {
  const isPending = textIn(image, 'status') === 'pending_delete'
  if (flagIn(image, 'deleted') && !isPending) return 'deleted'
  return oneIn(image, 'status', IMAGE_STATUSES)
}

/**
 * Before Ocata images were public or not, and some of the latter had members. Half way to Ocata there are both columns.
 */
function visibilityOf(image: Row, hasMembers: boolean): Visibility {
  const said = textIn(image, 'visibility') !== null
  const isOld = Object.hasOwn(image, 'is_public')
  const visibility = said
    ? oneIn(image, 'visibility', VISIBILITIES)
    : flagIn(image, 'is_public')
      ? 'public'
      : 'private'
  return isOld && visibility === 'private' && hasMembers ? 'shared' : visibility
}

function membersOf(imageId: string, rows: readonly Row[]): readonly Member[] {
  const members = new Map<string, Member>()
  for (const row of rows) {
    const memberId = textIn(row, 'member') ?? ''
    // Glance's own key lets two be alive, of which it shows the first.
    if (flagIn(row, 'deleted') || members.has(memberId)) continue
    const createdAt = required(row, 'created_at')
    members.set(memberId, {
      imageId,
      memberId,
      // As Glance's migrations: what has no status yet is pending.
      status: textIn(row, 'status') === null ? 'pending' : oneIn(row, 'status', MEMBER_STATUSES),
      canShare: flagIn(row, 'can_share'),
      createdAt,
      updatedAt: timeIn(row, 'updated_at') ?? createdAt,
    })
  }
  return [...members.values()]
}

/**
 * Of an image that is pending deletion Glance has deleted tags and properties, and once more the properties that were
 * deleted long before: which it had then is not known, and, as in Glance, it has none when it comes back.
 */
function isThere(row: Row): boolean {
  return !flagIn(row, 'deleted')
}

function digestOf(image: Row): ImageRecord['digest'] {
  const [algorithm, value] = [textIn(image, 'os_hash_algo'), textIn(image, 'os_hash_value')]
  return algorithm === null || value === null ? null : { algorithm, value }
}

function required(row: Row, column: string): Date {
  const time = timeIn(row, column)
  if (time === null) throw new GlanceError('invalid', `${column} is not set`)
  return time
}

/** Statuses of what was under way, and that nobody is at any more. */
const UNFINISHED: readonly ImageStatus[] = ['saving', 'uploading', 'importing']

function notesOn(image: ImageRecord, { members }: SourceImage): readonly Note[] {
  const notes: Note[] = []
  if (UNFINISHED.includes(image.status)) {
    const text = `it is ${image.status}: what was under way is given up when the service starts`
    notes.push({ code: 'unfinished', text })
  }
  const isActive = image.status === 'active' || image.status === 'deactivated'
  if (isActive && image.locations.length === 0 && (image.size ?? 0) > 0) {
    notes.push({ code: 'no_location', text: `it is ${image.status} and has no location` })
  }
  const undecided = members.filter(row => !flagIn(row, 'deleted') && textIn(row, 'status') === null)
  if (image.deletedAt === null && undecided.length > 0) {
    const text = 'its members have no status, and have to accept it before it is in their listings'
    notes.push({ code: 'member_status', text })
  }
  return notes
}
