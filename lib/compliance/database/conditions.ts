import type { Test } from '../test.ts'
import type { ImageCondition } from '../../image/query.ts'
import { at, FULL, id, insertAll, listed, type Open, record } from './records.ts'

const IMAGES = [
  FULL,
  record(2, {
    name: 'köln',
    owner: 'Owner',
    size: 10,
    minRam: 512,
    tags: ['b'],
    properties: new Map([['a', '1']]),
  }),
  record(3, {
    name: 'Köln_ %',
    status: 'active',
    containerFormat: 'bare',
    diskFormat: 'raw',
    size: 20,
    tags: ['a b', 'b'],
    properties: new Map([
      ['a', '1'],
      ['b', '2'],
      ['empty', ''],
    ]),
  }),
  record(4, {
    name: '',
    size: 0,
    minDisk: 5,
    properties: new Map([
      ['a', '2'],
      ['1', 'a'],
    ]),
  }),
]

const tag = (value: string): ImageCondition => ({ type: 'tag', value })
const property = (name: string, value: string): ImageCondition => ({
  type: 'property',
  name,
  value,
})
const text = (
  field: (ImageCondition & { type: 'text' })['field'],
  ...values: string[]
): ImageCondition => ({
  type: 'text',
  field,
  in: values,
})
const number = (
  field: (ImageCondition & { type: 'number' })['field'],
  comparison: 'eq' | 'gte' | 'lte',
  value: number,
): ImageCondition => ({ type: 'number', field, comparison, value })

const CASES: readonly { title: string; conditions: ImageCondition[]; shown: number[] }[] = [
  { title: 'without conditions all are shown', conditions: [], shown: [1, 2, 3, 4] },
  { title: 'a name is matched exactly', conditions: [text('name', 'köln')], shown: [2] },
  { title: 'a name has no wildcards', conditions: [text('name', 'Köln%')], shown: [] },
  { title: 'an empty name is not a missing one', conditions: [text('name', '')], shown: [4] },
  {
    title: 'a name may be one of several',
    conditions: [text('name', 'Köln_ %', 'x', 'köln')],
    shown: [2, 3],
  },
  { title: 'a name may be awkward', conditions: [text('name', FULL.name ?? '')], shown: [1] },
  {
    title: 'names may hold what separates names',
    conditions: [text('name', 'a,b', '"a"', "'a'", '\\"', FULL.name ?? '')],
    shown: [1],
  },
  { title: 'no name is one of none', conditions: [text('name')], shown: [] },
  { title: 'an id', conditions: [text('id', id(3), id(9))], shown: [3] },
  { title: 'a status', conditions: [text('status', 'active')], shown: [1, 3] },
  { title: 'a container format', conditions: [text('container_format', 'bare')], shown: [1, 3] },
  { title: 'a disk format', conditions: [text('disk_format', 'raw', 'iso')], shown: [3] },
  { title: 'a checksum', conditions: [text('checksum', FULL.checksum ?? '')], shown: [1] },
  { title: 'a digest algorithm', conditions: [text('os_hash_algo', 'sha512')], shown: [1] },
  { title: 'a digest', conditions: [text('os_hash_value', 'c'.repeat(128))], shown: [1] },
  { title: 'an owner, in its own case', conditions: [text('owner', 'owner')], shown: [1] },
  { title: 'an owner that nobody is', conditions: [text('owner', '')], shown: [] },
  { title: 'a size', conditions: [number('size', 'eq', 10)], shown: [2] },
  {
    title: 'a size of nothing is not a missing one',
    conditions: [number('size', 'eq', 0)],
    shown: [4],
  },
  {
    title: 'at least a size, itself included',
    conditions: [number('size', 'gte', 20)],
    shown: [1, 3],
  },
  {
    title: 'at most a size, itself included',
    conditions: [number('size', 'lte', 10)],
    shown: [2, 4],
  },
  {
    title: 'a range of sizes',
    conditions: [number('size', 'gte', 1), number('size', 'lte', 19)],
    shown: [2],
  },
  {
    title: 'the largest size',
    conditions: [number('size', 'gte', Number.MAX_SAFE_INTEGER)],
    shown: [1],
  },
  { title: 'a negative size', conditions: [number('size', 'lte', -1)], shown: [] },
  ...(['size', 'virtual_size', 'min_disk', 'min_ram'] as const).flatMap(field => [
    {
      title: `${field} of more than any column holds`,
      conditions: [
        number(field, 'gte', Number.MAX_SAFE_INTEGER - 1),
        number(field, 'lte', 2 ** 52),
      ],
      shown: [],
    },
    { title: `${field} of exactly that`, conditions: [number(field, 'eq', 2 ** 52)], shown: [] },
    {
      title: `${field} of less than nothing`,
      conditions: [number(field, 'lte', -Number.MAX_SAFE_INTEGER)],
      shown: [],
    },
  ]),
  {
    title: 'no disk is larger than the largest number',
    conditions: [number('min_disk', 'lte', Number.MAX_SAFE_INTEGER)],
    shown: [1, 2, 3, 4],
  },
  {
    title: 'the largest disk and memory',
    conditions: [number('min_disk', 'eq', 2 ** 31 - 1), number('min_ram', 'gte', 2 ** 31 - 1)],
    shown: [1],
  },
  { title: 'a virtual size', conditions: [number('virtual_size', 'gte', 0)], shown: [1] },
  { title: 'a minimum disk', conditions: [number('min_disk', 'eq', 5)], shown: [4] },
  { title: 'a minimum memory', conditions: [number('min_ram', 'gte', 512)], shown: [1, 2] },
  ...(
    [
      ['eq', [2]],
      ['neq', [1, 3, 4]],
      ['lt', [1]],
      ['lte', [1, 2]],
      ['gt', [3, 4]],
      ['gte', [2, 3, 4]],
    ] as const
  ).map(([comparison, shown]) => ({
    title: `created ${comparison} a time`,
    conditions: [{ type: 'time', field: 'created_at', comparison, value: at(2) } as const],
    shown: [...shown],
  })),
  ...(
    [
      ['lt', '9999-12-31T23:00:00-01:00', [1, 2, 3, 4]],
      ['gt', '9999-12-31T23:00:00-01:00', []],
      ['gte', '0000-01-01T00:00:00+01:00', [1, 2, 3, 4]],
      ['lt', '0000-01-01T00:00:00+01:00', []],
      ['eq', '2012-01-01T00:00:02.001Z', []],
      ['gt', '2012-01-01T00:00:01.999Z', [2, 3, 4]],
      ['eq', '2012-01-01T01:00:02+01:00', [2]],
    ] as const
  ).map(([comparison, time, shown]) => ({
    title: `created ${comparison} ${time}`,
    conditions: [{ type: 'time', field: 'created_at', comparison, value: new Date(time) } as const],
    shown: [...shown],
  })),
  {
    title: 'created in a range of times',
    conditions: [
      { type: 'time', field: 'created_at', comparison: 'gt', value: at(1) },
      { type: 'time', field: 'created_at', comparison: 'lte', value: at(3) },
    ],
    shown: [2, 3],
  },
  {
    title: 'updated after a time',
    conditions: [{ type: 'time', field: 'updated_at', comparison: 'gt', value: at(4) }],
    shown: [1],
  },
  { title: 'protected', conditions: [{ type: 'protected', value: true }], shown: [1] },
  { title: 'not protected', conditions: [{ type: 'protected', value: false }], shown: [2, 3, 4] },
  { title: 'a tag', conditions: [tag('b')], shown: [2, 3] },
  { title: 'every tag', conditions: [tag('b'), tag('a b')], shown: [3] },
  { title: 'a tag and one that nobody has', conditions: [tag('b'), tag('none')], shown: [] },
  { title: 'an awkward tag', conditions: [tag('🏷')], shown: [1] },
  { title: 'an empty tag', conditions: [tag('')], shown: [1] },
  { title: 'a tag, in its own case', conditions: [tag('B')], shown: [] },
  { title: 'a property', conditions: [property('a', '1')], shown: [2, 3] },
  { title: 'every property', conditions: [property('a', '1'), property('b', '2')], shown: [3] },
  {
    title: 'a property with two values',
    conditions: [property('a', '1'), property('a', '2')],
    shown: [],
  },
  { title: 'a tag with a NUL character', conditions: [tag('b\0')], shown: [] },
  {
    title: 'a name with a NUL character, or another',
    conditions: [text('name', 'a\0', 'köln')],
    shown: [2],
  },
  { title: 'an empty property', conditions: [property('empty', '')], shown: [1, 3] },
  { title: 'not a property without a value', conditions: [property('none', '')], shown: [] },
  { title: 'an awkward property', conditions: [property('clé 🔑', '🗝'.repeat(300))], shown: [1] },
  {
    title: 'a property called __proto__',
    conditions: [property('__proto__', 'constructor')],
    shown: [1],
  },
  { title: 'a property nobody has', conditions: [property('nobody', 'has it')], shown: [] },
  {
    title: 'conditions of every kind at once',
    conditions: [
      text('status', 'active'),
      number('size', 'gte', 1),
      tag('a b'),
      property('empty', ''),
    ],
    shown: [1, 3],
  },
]

export async function conditionCases(t: Test, open: Open): Promise<void> {
  const database = await open(t)
  await insertAll(database, IMAGES)
  for (const { title, conditions, shown } of CASES) {
    t.test(title, async t => {
      t.strictSame(await listed(database, { conditions }), shown)
    })
  }

  t.test('conditions may be many', async t => {
    const tags = Array.from({ length: 256 }, () => tag('b'))
    t.strictSame(await listed(database, { conditions: tags }), [2, 3])
    const different = Array.from({ length: 256 }, (_, n) => tag(String(n)))
    t.strictSame(await listed(database, { conditions: different }), [])
    const properties = Array.from({ length: 256 }, (_, n) => property(String(n), 'a'))
    t.strictSame(await listed(database, { conditions: properties }), [])
    const ids = Array.from({ length: 5000 }, (_, n) => id(n + 3))
    t.strictSame(await listed(database, { conditions: [text('id', ...ids)] }), [3, 4])
  })

  t.test('an image may have all of many tags and properties', async t => {
    const database = await open(t)
    const names = Array.from({ length: 128 }, (_, n) => `n ${n}`)
    const properties = new Map(names.map(name => [name, `${name} value`]))
    await insertAll(database, [
      record(1, { tags: names, properties }),
      record(2, { tags: names.slice(1), properties: new Map([...properties].slice(1)) }),
    ])
    const has = names.map(name => property(name, `${name} value`))
    t.strictSame(await listed(database, { conditions: names.map(tag) }), [1])
    t.strictSame(await listed(database, { conditions: has }), [1])
    t.strictSame(await listed(database, { conditions: [...has, ...names.map(tag)] }), [1])
    t.strictSame(await listed(database, { conditions: [...has.slice(1), ...has.slice(2)] }), [1, 2])
    t.strictSame(await listed(database, { conditions: [...has, property('n 5', 'other')] }), [])
  })

  t.test('sizes of large images are told apart to the byte', async t => {
    const database = await open(t)
    const sizes = [2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 2, 2 ** 53 - 1]
    await insertAll(
      database,
      sizes.map((size, n) => record(n, { size, virtualSize: size })),
    )
    for (const [n, value] of sizes.entries()) {
      for (const field of ['size', 'virtual_size'] as const) {
        t.strictSame(await listed(database, { conditions: [number(field, 'eq', value)] }), [n])
      }
      const above = [number('size', 'gte', value)]
      t.strictSame(await listed(database, { conditions: above }), [0, 1, 2, 3, 4].slice(n))
      t.match(await database.images.find(id(n)), { size: value, virtualSize: value })
    }
    const sort = [{ key: 'size', direction: 'desc' }] as const
    t.strictSame(await listed(database, { sort, marker: id(4) }), [3, 2, 1, 0])
  })

  t.test('what has changed since a time may be listed with what was deleted', async t => {
    const database = await open(t)
    await insertAll(database, [record(1), record(2), record(3)])
    await database.images.update(id(1), { status: 'deleted', updatedAt: at(9) }, ['queued'])
    await database.images.update(id(2), { name: 'new', updatedAt: at(8) }, ['queued'])
    const since = { type: 'time', field: 'updated_at', comparison: 'gt', value: at(3) } as const
    t.strictSame(await listed(database, { conditions: [since], deleted: 'listed' }), [1, 2])
    t.strictSame(await listed(database, { conditions: [since] }), [2])
    const own = { type: 'text', field: 'name', in: ['new'] } as const
    t.strictSame(await listed(database, { conditions: [since, own], deleted: 'listed' }), [2])
  })

  t.test('conditions meet what the viewer may see', async t => {
    const database = await open(t)
    const checksum = 'a'.repeat(32)
    await insertAll(database, [
      record(1, { owner: 'a', visibility: 'private', checksum }),
      record(2, { owner: 'b', visibility: 'private', checksum, tags: ['x'] }),
      record(3, { owner: 'b', visibility: 'public', checksum, tags: ['x'] }),
      record(4, { owner: 'a', visibility: 'shared' }),
    ])
    const viewer = { isAdmin: false, project: 'a' }
    const conditions = [text('checksum', checksum)]
    t.strictSame(await listed(database, { viewer, conditions }), [1, 3])
    t.strictSame(await listed(database, { viewer, conditions, visibility: 'private' }), [1])
    t.strictSame(await listed(database, { viewer, conditions: [tag('x')] }), [3])
    t.strictSame(await listed(database, { viewer, conditions: [text('owner', 'b')] }), [3])
    t.strictSame(await listed(database, { viewer, conditions: [text('id', id(2))] }), [])
  })

  t.test('properties and tags that were replaced are not found any more', async t => {
    const database = await open(t)
    await database.images.insert(record(1, { tags: ['old'], properties: new Map([['a', 'old']]) }))
    const change = { tags: ['new'], properties: new Map([['a', 'new']]), updatedAt: at(9) }
    await database.images.update(id(1), change, ['queued'])
    t.strictSame(await listed(database, { conditions: [tag('old')] }), [])
    t.strictSame(await listed(database, { conditions: [property('a', 'old')] }), [])
    t.strictSame(await listed(database, { conditions: [tag('new'), property('a', 'new')] }), [1])
  })
}
