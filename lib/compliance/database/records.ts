import type { Test } from '../test.ts'
import type { Database, ImageRecord } from '../../database/database.ts'
import type { Member } from '../../image/member.ts'
import type { ImageQuery } from '../../image/query.ts'

/** Opens an empty, migrated database that is closed after the test. */
export type Open = (t: Test) => Promise<Database>

/** The nth image id, in ascending order. */
export const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

/** So many seconds after the beginning of 2012. */
export const at = (seconds: number): Date => new Date(Date.UTC(2012, 0, 1, 0, 0, seconds))

/** A queued image of which nothing is known, but for what is given. */
export function record(n: number, given: Partial<ImageRecord> = {}): ImageRecord {
  return {
    id: id(n),
    name: null,
    status: 'queued',
    visibility: 'shared',
    hidden: false,
    protected: false,
    owner: null,
    containerFormat: null,
    diskFormat: null,
    minDisk: 0,
    minRam: 0,
    size: null,
    virtualSize: null,
    checksum: null,
    digest: null,
    tags: [],
    properties: new Map(),
    locations: [],
    removedLocations: [],
    createdAt: at(n),
    updatedAt: at(n),
    deletedAt: null,
    ...given,
  }
}

/** An image of which everything is known. */
export const FULL: ImageRecord = record(1, {
  name: 'Köln 🏰 % _ \' " \\ ;--',
  status: 'active',
  visibility: 'community',
  hidden: true,
  protected: true,
  owner: 'owner',
  containerFormat: 'bare',
  diskFormat: 'qcow2',
  minDisk: 2_147_483_647,
  minRam: 2_147_483_647,
  size: Number.MAX_SAFE_INTEGER,
  virtualSize: 2 ** 40,
  checksum: 'd41d8cd98f00b204e9800998ecf8427e',
  digest: { algorithm: 'sha512', value: 'c'.repeat(128) },
  tags: ['', 'a b', 'Ünïcode', '🏷'].toSorted(),
  properties: new Map<string, string | null>([
    ['empty', ''],
    ['none', null],
    ['line\nfeed', 'carriage\r\nreturn\ttab'],
    ['clé 🔑', '🗝'.repeat(300)],
    ['os_glance_import_task', 'x'.repeat(10_000)],
    ['__proto__', 'constructor'],
  ]),
  locations: [
    { url: 'file:///var/lib/b', metadata: { store: 'fast', nested: { deep: [1, null, 'ü'] } } },
    { url: 'file:///var/lib/a', metadata: {} },
  ],
  removedLocations: [{ url: 'file:///var/lib/c', metadata: { store: 'old' }, removedAt: at(3) }],
  updatedAt: at(7),
})

export function member(n: number, memberId: string, given: Partial<Member> = {}): Member {
  const made = { imageId: id(n), memberId, createdAt: at(0), updatedAt: at(0) }
  return { ...made, status: 'pending', canShare: false, ...given }
}

/** A query for all that an administrator may see, in id order, but for what is given. */
export function query(given: Partial<ImageQuery> = {}): ImageQuery {
  return {
    viewer: { isAdmin: true, project: null },
    visibility: 'all',
    memberStatus: 'accepted',
    hidden: null,
    conditions: [],
    sort: [{ key: 'id', direction: 'asc' }],
    limit: 1000,
    marker: null,
    ...given,
  }
}

/** The numbers of the images that a query lists, in its order. */
export async function listed(
  database: Database,
  given: Partial<ImageQuery> = {},
): Promise<number[]> {
  const images = await database.images.list(query(given))
  return images.map(image => Number(image.id.slice(-12)))
}

export function insertAll(database: Database, images: readonly ImageRecord[]): Promise<void> {
  return database.images.insertAll(images)
}
