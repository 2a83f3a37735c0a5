import type { Test } from '../test.ts'
import type { Database } from '../../database/database.ts'
import type { ImageCondition } from '../../image/query.ts'
import { unfinishedTasks } from '../../image/task.ts'
import { task } from './tasks.ts'
import { at, id, insertAll, listed, member, type Open, record } from './records.ts'

/** In the order of their code points. Next to each other stand some that a database may take for the same. */
const TEXTS = [
  '',
  ' ',
  '0',
  'A',
  'Z',
  'a',
  'a ',
  'a  ',
  'aa',
  'a\u00a0',
  'a\u0308',
  'b',
  'i',
  'ss',
  'ß',
  'ä',
  'æ',
  'ı',
  'ſ',
  'А',
  '\u200b',
  'ｆ',
  '�',
  '🏰',
  '🏰 ',
  '🐧',
  '\u{10ffff}',
]

/** What the columns of a fixed length are to hold of the widest characters. */
const LONGEST = 255

export function textCases(t: Test, open: Open): void {
  t.test('text is compared by its code points: no two of these are the same', async t => {
    const database = await open(t)
    const images = TEXTS.map((text, n) =>
      record(n, {
        name: text,
        owner: text,
        tags: [text],
        properties: new Map([
          [`n${text}`, 'same'],
          ['same', text],
        ]),
      }),
    )
    await insertAll(database, images)
    for (const [n, text] of TEXTS.entries()) {
      const conditions: Record<string, ImageCondition> = {
        name: { type: 'text', field: 'name', in: [text] },
        owner: { type: 'text', field: 'owner', in: [text] },
        tag: { type: 'tag', value: text },
        'property name': { type: 'property', name: `n${text}`, value: 'same' },
        'property value': { type: 'property', name: 'same', value: text },
      }
      for (const [what, condition] of Object.entries(conditions)) {
        const found = await listed(database, { conditions: [condition] })
        t.strictSame(found, [n], `${what} ${JSON.stringify(text)}`)
      }
      t.equal((await database.images.usage(text)).images, 1)
    }
    const viewer = { isAdmin: false, project: 'a' }
    t.strictSame(await listed(database, { viewer }), [TEXTS.indexOf('a')])
  })

  t.test('an image may have them all, and they are told apart', async t => {
    const database = await open(t)
    const properties = new Map(TEXTS.map((text, n) => [text, String(n)]))
    const image = record(1, { tags: TEXTS.toSorted(), properties })
    await database.images.insert(image)
    const found = await database.images.find(id(1))
    t.strictSame(found?.tags, image.tags)
    for (const [name, value] of properties) t.equal(found?.properties.get(name), value, name)
    t.equal(found?.properties.size, properties.size)
  })

  t.test('text is sorted by its code points, and paged', async t => {
    const database = await open(t)
    const shuffled = TEXTS.map((_, i) => (i * 10) % TEXTS.length)
    await insertAll(
      database,
      shuffled.map(n => record(n, { name: TEXTS[n] ?? null, createdAt: at(0) })),
    )
    const wanted = TEXTS.map((_, n) => n)
    for (const direction of ['asc', 'desc'] as const) {
      const sort = [{ key: 'name', direction }] as const
      const order = direction === 'asc' ? wanted : wanted.toReversed()
      t.strictSame(await listed(database, { sort }), order)
      for (const [i, n] of order.entries()) {
        const after = await listed(database, { sort, marker: id(n), limit: 3 })
        t.strictSame(after, order.slice(i + 1, i + 4), `${direction} after ${TEXTS[n]}`)
      }
    }
  })

  t.test('members, definitions and tasks are told apart as well', async t => {
    const database = await open(t)
    await database.images.insert(record(1))
    const { namespaces, resourceTypes, tags } = database.metadefs
    const times = { createdAt: at(0), updatedAt: at(0) }
    for (const [n, text] of TEXTS.entries()) {
      await database.members.insert(member(1, text))
      await namespaces.insert({ ...NAMESPACE, namespace: text, ...times })
      await resourceTypes.insert({ name: text, ...times })
      await tags.insert('', { name: text, ...times })
      await database.tasks.insert(task(n, { owner: text, message: text }))
    }
    t.strictSame(
      (await database.members.list(id(1))).map(({ memberId }) => memberId),
      TEXTS,
    )
    t.strictSame(
      (await tags.list('')).map(({ name }) => name),
      TEXTS,
    )
    t.strictSame(
      (await resourceTypes.list()).map(({ name }) => name),
      TEXTS,
    )
    const query = { ...unfinishedTasks(100), statuses: null }
    for (const [n, text] of TEXTS.entries()) {
      t.equal((await database.members.find(id(1), text))?.memberId, text)
      t.equal((await database.members.memberships(text)).length, 1)
      t.equal((await namespaces.find(text))?.namespace, text)
      t.equal((await tags.find('', text))?.name, text)
      t.equal((await resourceTypes.find(text))?.name, text)
      const tasks = await database.tasks.list({ ...query, owner: text })
      t.strictSame(tasks, [task(n, { owner: text, message: text })])
    }
    await database.members.delete(id(1), 'a')
    t.equal((await database.members.list(id(1))).length, TEXTS.length - 1)
    t.ok(await database.members.find(id(1), 'A'))
  })

  t.test('an empty text is one, and not a missing one', async t => {
    const database = await open(t)
    const empty = record(1, {
      name: '',
      owner: '',
      containerFormat: '',
      diskFormat: '',
      checksum: '',
      digest: { algorithm: '', value: '' },
      visibility: 'private',
    })
    await insertAll(database, [empty, record(2, { visibility: 'private' })])
    t.strictSame(await database.images.find(id(1)), empty)
    for (const field of FIELDS) {
      const conditions = [{ type: 'text', field, in: [''] }] as const
      t.strictSame(await listed(database, { conditions }), [1], field)
    }
    for (const key of ['name', 'container_format', 'disk_format'] as const) {
      t.strictSame(await listed(database, { sort: [{ key, direction: 'asc' }] }), [2, 1], key)
      t.strictSame(await listed(database, { sort: [{ key, direction: 'desc' }] }), [1, 2], key)
    }
    t.equal((await database.images.usage('')).images, 1)
    t.equal((await database.images.usage(null)).images, 1)
    t.strictSame(await listed(database, { viewer: { isAdmin: false, project: '' } }), [1])
    t.strictSame(await listed(database, { viewer: { isAdmin: false, project: null } }), [])
  })

  t.test('a name that is too long is refused, and nothing is written', async t => {
    const database = await open(t)
    await database.images.insert(record(1))
    const tooLong = '🐧'.repeat(LONGEST + 1)
    const refusal = { code: 'invalid' }
    const formats = { disk_format: { diskFormat: 'a'.repeat(65) } }
    for (const [what, fields] of Object.entries({ ...names(LONGEST + 1), ...formats })) {
      await t.rejects(database.images.insert(record(2, fields)), refusal, what)
      const both = insertAll(database, [record(3), record(2, fields)])
      await t.rejects(both, refusal, `${what} among others`)
      const change = { ...fields, updatedAt: at(9) }
      await t.rejects(database.images.update(id(1), change, ['queued']), refusal, `${what}, later`)
    }
    for (const fields of Object.values(names(LONGEST))) {
      await database.images.update(id(1), { ...fields, updatedAt: at(0) }, ['queued'])
    }
    await t.rejects(database.members.insert(member(1, tooLong)), refusal, 'member')
    t.strictSame(await namesOf(database), [])
    for (const fields of [{ owner: tooLong }, { requestId: tooLong }, { userId: tooLong }]) {
      await t.rejects(database.tasks.insert(task(1, fields)), refusal, String(Object.keys(fields)))
    }
    t.equal(await database.tasks.find(task(1).id), undefined)
    t.strictSame(await listed(database), [1])
  })

  t.test('text may be as long as the interface lets it, in the widest characters', async t => {
    const database = await open(t)
    const longest = (n: number) => String(n) + '🐧'.repeat(LONGEST - 1)
    const [one, two] = [1, 2].map(n =>
      record(n, {
        name: longest(n),
        owner: longest(n),
        tags: [longest(n)],
        properties: new Map([[longest(n), '🐧'.repeat(100_000) + n]]),
        locations: [{ url: `file:///${'ü'.repeat(10_000)}`, metadata: { key: longest(n) } }],
      }),
    ) as [ReturnType<typeof record>, ReturnType<typeof record>]
    await insertAll(database, [one, two])
    t.strictSame(await database.images.find(id(1)), one)
    t.strictSame(await database.images.find(id(2)), two)
    const value = '🐧'.repeat(100_000)
    for (const n of [1, 2]) {
      await database.members.insert(member(1, longest(n)))
      const condition = { type: 'property', name: longest(n), value: value + n } as const
      t.strictSame(await listed(database, { conditions: [condition] }), [n])
      t.strictSame(await listed(database, { conditions: [{ type: 'tag', value: longest(n) }] }), [
        n,
      ])
    }
    const other = { type: 'property', name: longest(1), value } as const
    t.strictSame(await listed(database, { conditions: [other] }), [])
    t.strictSame(await namesOf(database), [longest(1), longest(2)])
  })
}

/** What is kept of an image by a name, each of `length` characters. */
function names(length: number) {
  const text = '🐧'.repeat(length)
  return {
    name: { name: text },
    owner: { owner: text },
    tag: { tags: ['a', text] },
    'property name': { properties: new Map([[text, '']]) },
  }
}

const NAMESPACE = {
  displayName: null,
  description: null,
  visibility: 'private',
  protected: false,
  owner: null,
} as const

const FIELDS = [
  'name',
  'owner',
  'container_format',
  'disk_format',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
] as const

async function namesOf(database: Database): Promise<string[]> {
  return (await database.members.list(id(1))).map(({ memberId }) => memberId)
}
