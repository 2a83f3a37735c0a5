import type { Test } from 'tap'
import type { Database } from '../../lib/database/database.ts'
import {
  type ImageCondition,
  type ImageQuery,
  SORT_KEYS,
  type SortKey,
} from '../../lib/image/query.ts'
import { at, id, member, query, record } from '../../lib/compliance/database/records.ts'

/** A database that tells how it answers. */
export interface Explained {
  readonly database: Database
  /** The plans of the queries since this was last asked, one text each, and the queries. */
  plans(): Promise<readonly { readonly query: string; readonly plan: string }[]>
  /** What is wrong with a plan by which few rows are to be read; undefined when nothing is. */
  readonly fault: (plan: string) => string | undefined
  /** The same for the plan of a page that is to be read in the order of a key. */
  readonly pageFault: (plan: string, key: SortKey) => string | undefined
}

/** More than are ever sorted for a page. */
const MANY = 4000

const SOME = { tags: ['some'], properties: new Map([['some', 'value']]) }

/** Of each kind more than a few, and of some a few. */
export async function fill(database: Database): Promise<void> {
  await database.images.insertAll(
    Array.from({ length: MANY }, (_, n) => {
      const isRare = n % 1000 === 7
      const isBare = n % 7 === 0
      return record(n, {
        name: n % 5 === 0 ? null : `name ${n % 3}`,
        status: isRare ? 'queued' : 'active',
        visibility: n % 500 === 3 ? 'public' : 'private',
        owner: isRare ? 'rare' : 'frequent',
        containerFormat: isBare ? null : 'bare',
        diskFormat: isBare ? null : n % 2 === 0 ? 'raw' : 'qcow2',
        size: isBare ? null : n % 10,
        checksum: String(n).padStart(32, '0'),
        digest: { algorithm: 'sha512', value: String(n).padStart(128, '0') },
        tags: isRare ? ['rare', 'frequent'] : ['frequent'],
        properties: new Map([['key', isRare ? 'rare' : 'frequent']]),
        createdAt: at(n % 100),
        updatedAt: at(n % 90),
      })
    }),
  )
  await database.images.insert(record(MANY, { visibility: 'shared', owner: 'somebody', ...SOME }))
  await database.members.insert(member(MANY, 'guest', { status: 'accepted' }))
}

const admin = { isAdmin: true, project: null }
const user = (project: string | null) => ({ isAdmin: false, project })
const text = (
  field: (ImageCondition & { readonly type: 'text' })['field'],
  ...values: string[]
): ImageCondition => ({ type: 'text', field, in: values })

/** What shows many images, so that they are read in the order of the listing until the page is full. */
const FREQUENT: readonly { title: string; given: Partial<ImageQuery> }[] = [
  { title: 'all', given: {} },
  { title: 'a status', given: { conditions: [text('status', 'active')] } },
  { title: 'several statuses', given: { conditions: [text('status', 'active', 'saving')] } },
  { title: 'an owner', given: { conditions: [text('owner', 'frequent')] } },
  { title: 'a visibility', given: { visibility: 'private' } },
  { title: 'a tag', given: { conditions: [{ type: 'tag', value: 'frequent' }] } },
  {
    title: 'a property',
    given: { conditions: [{ type: 'property', name: 'key', value: 'frequent' }] },
  },
  { title: 'the images of a project', given: { viewer: user('frequent'), visibility: null } },
]

/** What shows few images, so that these are found first. */
const RARE: readonly { title: string; given: Partial<ImageQuery>; shown: number }[] = [
  { title: 'a status', given: { conditions: [text('status', 'queued', 'saving')] }, shown: 5 },
  { title: 'an owner', given: { conditions: [text('owner', 'rare')] }, shown: 4 },
  { title: 'a visibility', given: { visibility: 'public' }, shown: 8 },
  { title: 'a tag', given: { conditions: [{ type: 'tag', value: 'rare' }] }, shown: 4 },
  {
    title: 'a value of a property',
    given: { conditions: [{ type: 'property', name: 'key', value: 'rare' }] },
    shown: 4,
  },
  {
    title: 'a checksum',
    given: { conditions: [text('checksum', '7'.padStart(32, '0'))] },
    shown: 1,
  },
  {
    title: 'a digest',
    given: { conditions: [text('os_hash_value', '7'.padStart(128, '0'))] },
    shown: 1,
  },
  { title: 'a name', given: { conditions: [text('name', 'none')] }, shown: 0 },
  { title: 'an id', given: { conditions: [text('id', id(5))] }, shown: 1 },
  {
    title: 'many ids, deleted or not',
    given: {
      conditions: [text('id', ...Array.from({ length: 20 }, (_, n) => id(n * 2)))],
      deleted: 'listed',
    },
    shown: 20,
  },
  {
    title: 'what changed lately',
    given: {
      conditions: [{ type: 'time', field: 'updated_at', comparison: 'gte', value: at(89) }],
    },
    shown: 45,
  },
  { title: 'what a project sees', given: { viewer: user('rare'), visibility: null }, shown: 12 },
  { title: 'what a member sees', given: { viewer: user('guest'), visibility: null }, shown: 9 },
  { title: 'what anybody sees', given: { viewer: user(null), visibility: 'all' }, shown: 8 },
]

/** How listings are read from the images of {@link fill}. */
export function planCases(t: Test, { database, plans, fault, pageFault }: Explained): void {
  t.test('a listing is read by the index of its key, from wherever the page begins', async t => {
    for (const { title, given } of FREQUENT) {
      for (const key of SORT_KEYS) {
        for (const direction of ['asc', 'desc'] as const) {
          // In the middle of those that tie with it; one that has a value for every key, and one that has none.
          for (const marker of [null, id(2001), id(2030)]) {
            const wanted = query({
              viewer: admin,
              ...given,
              sort: [{ key, direction }],
              limit: 10,
              marker,
            })
            await plans()
            const images = await database.images.list(wanted)
            t.equal(images.length, 10)
            const pages = (await plans()).filter(({ query }) => / order by .* limit /i.test(query))
            t.ok(pages.length > 0)
            const name = `${title}, by ${key} ${direction}, after ${marker ?? 'nothing'}`
            for (const { plan } of pages) t.equal(pageFault(plan, key), undefined, name)
          }
        }
      }
    }
  })

  t.test('a listing of few among many is not read from all of them', async t => {
    for (const { title, given, shown } of RARE) {
      for (const key of SORT_KEYS) {
        const wanted = query({ viewer: admin, ...given, sort: [{ key, direction: 'desc' }] })
        await plans()
        t.equal((await database.images.list(wanted)).length, shown, title)
        for (const { query, plan } of await plans()) {
          t.equal(fault(plan), undefined, `${title}, by ${key}: ${query}`)
        }
      }
    }
  })

  t.test('what else is asked of all the images reads but those that it is about', async t => {
    await plans()
    await database.images.usage('rare')
    await database.images.usage(null, { except: id(1) })
    await database.images.listPending({ until: at(5), limit: 10, marker: id(3) })
    await database.images.find(id(1))
    await database.images.findPending(id(1))
    await database.members.memberships('guest', { imagesOf: 'rare' })
    const read = await plans()
    t.ok(read.length >= 6)
    for (const { query, plan } of read) t.equal(fault(plan), undefined, query)
  })
}
