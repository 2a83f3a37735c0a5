import type { Test } from '../test.ts'
import type { Database, ImageRecord } from '../../database/database.ts'
import { VISIBILITIES } from '../../image/image.ts'
import { MEMBER_STATUSES } from '../../image/member.ts'
import type { ImageQuery } from '../../image/query.ts'
import { member, type Open, query, record } from './records.ts'

const user = (project: string | null) => ({ isAdmin: false, project })
const admin = (project: string | null) => ({ isAdmin: true, project })

type Case = [
  viewer: ImageQuery['viewer'],
  visibility: ImageQuery['visibility'],
  memberStatus: ImageQuery['memberStatus'],
  shown: string,
]

/**
 * The images are one of each visibility that belongs to `owner`, and one of each that belongs to nobody, whose names
 * begin with `no-`. All have the members `pending`, `accepted` and `rejected`, who have that status.
 */
const CASES: readonly Case[] = [
  [user('owner'), null, 'accepted', 'public private shared community no-public'],
  [user('owner'), 'all', 'accepted', 'public private shared community no-public no-community'],
  [user('owner'), 'all', 'rejected', 'public private shared community no-public no-community'],
  [user('owner'), 'public', 'accepted', 'public no-public'],
  [user('owner'), 'private', 'accepted', 'private'],
  [user('owner'), 'shared', 'accepted', 'shared'],
  [user('owner'), 'community', 'accepted', 'community no-community'],

  [user('owner'), 'non_public', 'accepted', 'private shared community no-community'],
  [user('accepted'), 'non_public', 'accepted', 'shared community no-shared no-community'],
  [
    admin(null),
    'non_public',
    'accepted',
    'private shared community no-private no-shared no-community',
  ],

  [user('other'), null, 'accepted', 'public no-public'],
  [user('other'), 'all', 'all', 'public community no-public no-community'],
  [user('other'), 'private', 'accepted', ''],
  [user('other'), 'shared', 'all', ''],
  [user('other'), 'community', 'accepted', 'community no-community'],

  [user('accepted'), null, 'accepted', 'public shared no-public no-shared'],
  [user('accepted'), null, 'pending', 'public no-public'],
  [user('accepted'), null, 'all', 'public shared no-public no-shared'],
  [user('accepted'), 'all', 'accepted', 'public shared community no-public no-shared no-community'],
  [user('accepted'), 'shared', 'accepted', 'shared no-shared'],
  [user('accepted'), 'private', 'accepted', ''],
  [user('accepted'), 'public', 'accepted', 'public no-public'],
  [user('pending'), null, 'accepted', 'public no-public'],
  [user('pending'), null, 'pending', 'public shared no-public no-shared'],
  [user('pending'), 'shared', 'all', 'shared no-shared'],
  [user('pending'), 'shared', 'rejected', ''],
  [user('rejected'), null, 'accepted', 'public no-public'],
  [user('rejected'), 'shared', 'rejected', 'shared no-shared'],
  [user('rejected'), 'shared', 'all', 'shared no-shared'],

  [user(null), null, 'accepted', 'public no-public'],
  [user(null), 'all', 'all', 'public community no-public no-community'],
  [user(null), 'shared', 'all', ''],
  [user(null), 'community', 'accepted', 'community no-community'],

  [admin('admins'), null, 'accepted', 'public private shared no-public no-private no-shared'],
  [
    admin('owner'),
    null,
    'accepted',
    'public private shared community no-public no-private no-shared',
  ],
  [admin(null), null, 'accepted', 'public private shared no-public no-private no-shared'],
  [
    admin(null),
    'all',
    'rejected',
    'public private shared community no-public no-private no-shared no-community',
  ],
  [admin(null), 'private', 'accepted', 'private no-private'],
  [admin(null), 'shared', 'pending', 'shared no-shared'],
  [admin('admins'), 'community', 'accepted', 'community no-community'],
]

export function visibilityCases(t: Test, open: Open): void {
  t.test('by visibility, ownership and membership', async t => {
    const database = await open(t)
    await fill(database)
    for (const [viewer, visibility, memberStatus, shown] of CASES) {
      const who = `${viewer.isAdmin ? 'an administrator' : 'a user'} of ${viewer.project ?? 'no project'}`
      const images = await database.images.list(query({ viewer, visibility, memberStatus }))
      const names = images.map(({ name }) => name).join(' ')
      t.equal(
        names,
        shown,
        `${who} asks for ${visibility ?? 'the usual'}, memberships ${memberStatus}`,
      )
    }
  })

  t.test('for every visibility, owner, viewer and membership', async t => {
    const database = await open(t)
    const images: ImageRecord[] = []
    for (const visibility of VISIBILITIES) {
      for (const owner of ['a', 'b', null]) {
        for (const membership of [null, ...MEMBER_STATUSES]) {
          const image = record(images.length, { visibility, owner, name: membership })
          images.push(image)
          await database.images.insert(image)
          // Of a project that has images and of one that has none.
          for (const guest of membership === null ? [] : ['b', 'c']) {
            const given = { status: membership ?? 'pending' }
            await database.members.insert(member(images.length - 1, guest, given))
          }
        }
      }
    }
    const viewers = ['a', 'b', 'c', 'd', null].flatMap(project => [user(project), admin(project)])
    for (const viewer of viewers) {
      for (const visibility of [...VISIBILITIES, 'all', 'non_public', null] as const) {
        for (const memberStatus of [...MEMBER_STATUSES, 'all'] as const) {
          const asked = query({ viewer, visibility, memberStatus })
          const found = await database.images.list(asked)
          t.strictSame(
            found.map(({ id }) => id),
            images.filter(image => isShown(image, asked)).map(({ id }) => id),
            JSON.stringify({ viewer, visibility, memberStatus }),
          )
        }
      }
    }
  })

  t.test('hidden images are listed alone, left out, or among the others', async t => {
    const database = await open(t)
    await database.images.insert(record(1, { hidden: true, owner: 'owner' }))
    await database.images.insert(record(2, { owner: 'owner' }))
    for (const viewer of [user('owner'), admin(null)]) {
      const ids = async (hidden: boolean | null) => {
        const images = await database.images.list(query({ viewer, hidden }))
        return images.map(image => Number(image.id.slice(-1)))
      }
      t.strictSame(await ids(true), [1])
      t.strictSame(await ids(false), [2])
      t.strictSame(await ids(null), [1, 2])
    }
  })
}

/** What the interface says; the name of an image is the status of its guests. */
function isShown(
  { visibility, owner, name }: ImageRecord,
  { viewer: { isAdmin, project }, visibility: wanted, memberStatus }: ImageQuery,
): boolean {
  const isOwn = project !== null && owner === project
  const isGuest = (project === 'b' || project === 'c') && name !== null
  const isShared = visibility === 'shared' && isGuest
  const maySee =
    isAdmin ||
    isOwn ||
    visibility === 'public' ||
    visibility === 'community' ||
    (isShared && (memberStatus === 'all' || memberStatus === name))
  if (!maySee) return false
  if (wanted === null) return visibility !== 'community' || isOwn
  if (wanted === 'non_public') return visibility !== 'public'
  return wanted === 'all' || wanted === visibility
}

async function fill(database: Database): Promise<void> {
  let n = 0
  for (const [owner, prefix] of [
    ['owner', ''],
    [null, 'no-'],
  ] as const) {
    for (const visibility of VISIBILITIES) {
      n += 1
      await database.images.insert(record(n, { owner, visibility, name: prefix + visibility }))
      for (const status of ['pending', 'accepted', 'rejected'] as const) {
        await database.members.insert(member(n, status, { status }))
      }
    }
  }
}
