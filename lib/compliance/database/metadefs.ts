import type { Test } from '../test.ts'
import type { Database } from '../../database/database.ts'
import type {
  MetadefNamespace,
  MetadefObject,
  MetadefProperty,
  NamespaceQuery,
  ResourceTypeAssociation,
} from '../../image/metadef.ts'
import { at, type Open } from './records.ts'

/** A private namespace of which nothing is known, but for what is given. */
function namespace(name: string, given: Partial<MetadefNamespace> = {}): MetadefNamespace {
  const own = { namespace: name, displayName: null, description: null, owner: null }
  const times = { createdAt: at(0), updatedAt: at(0) }
  return { ...own, visibility: 'private', protected: false, ...times, ...given }
}

const FULL = namespace('OS::Köln 🏰 % _', {
  displayName: '\' " \\ ;--',
  description: 'lines\nand\ttabs',
  visibility: 'public',
  protected: true,
  owner: 'owner',
  updatedAt: at(7),
})

const OBJECT: MetadefObject = {
  name: 'CPU / ü',
  description: 'of the host',
  required: ['b', 'a'],
  properties: new Map([
    ['b', { type: 'integer', title: 'B', minimum: -1, default: null }],
    ['a', { type: 'string', title: '', enum: ['x', 1, null], items: { type: 'string' } }],
    ['__proto__', { type: 'boolean', title: '🗝', readonly: false }],
  ]),
  createdAt: at(1),
  updatedAt: at(2),
}

const PROPERTY: MetadefProperty = {
  name: 'hw:p',
  definition: { name: 'other', type: 'array', title: 'P', operators: ['<or>'], uniqueItems: true },
  createdAt: at(1),
  updatedAt: at(1),
}

function association(name: string, prefix: string | null = null): ResourceTypeAssociation {
  return { name, prefix, propertiesTarget: null, createdAt: at(0), updatedAt: at(0) }
}

const tag = (name: string) => ({ name, createdAt: at(0), updatedAt: at(0) })

/** The names of the namespaces that a query lists, in its order, by default all in that of their creation. */
async function listed(database: Database, given: Partial<NamespaceQuery> = {}): Promise<string[]> {
  const found = await database.metadefs.namespaces.list({
    viewer: { isAdmin: true, project: null },
    visibility: null,
    resourceTypes: null,
    sort: { key: 'created_at', direction: 'asc' },
    limit: 1000,
    marker: null,
    ...given,
  })
  return found.map(({ namespace }) => namespace)
}

export function metadefCases(t: Test, open: Open): void {
  t.test('a namespace is found by its name, as it was', async t => {
    const { metadefs } = await open(t)
    for (const record of [FULL, namespace('b')]) await metadefs.namespaces.insert(record)
    t.strictSame(await metadefs.namespaces.find(FULL.namespace), FULL)
    t.strictSame(await metadefs.namespaces.find('b'), namespace('b'))
    t.equal(await metadefs.namespaces.find('B'), undefined)
    await t.rejects(metadefs.namespaces.insert(namespace('b')), {
      code: 'duplicate',
      message: 'namespace b already exists',
    })
  })

  t.test('a namespace is replaced, with what is in it', async t => {
    const { metadefs } = await open(t)
    for (const name of ['a', 'b']) await metadefs.namespaces.insert(namespace(name))
    await metadefs.tags.insert('a', tag('t'))
    await metadefs.namespaces.replace('a', { ...FULL, namespace: 'c' })
    t.strictSame(await metadefs.namespaces.find('c'), { ...FULL, namespace: 'c' })
    t.equal(await metadefs.namespaces.find('a'), undefined)
    t.strictSame(await metadefs.tags.list('c'), [tag('t')])
    await metadefs.namespaces.replace('c', namespace('c'))
    t.strictSame(await metadefs.namespaces.find('c'), namespace('c'), 'by another of its name')
    await t.rejects(metadefs.namespaces.replace('c', namespace('b')), { code: 'duplicate' })
    await t.rejects(metadefs.namespaces.replace('a', namespace('d')), { code: 'not_found' })
  })

  t.test('a namespace is deleted with what is in it, and can be made again', async t => {
    const { metadefs } = await open(t)
    for (const name of ['a', 'b']) {
      await metadefs.namespaces.insert(namespace(name))
      await metadefs.properties.insert(name, PROPERTY)
      await metadefs.objects.insert(name, OBJECT)
      await metadefs.associations.insert(name, association('x'))
    }
    await metadefs.namespaces.delete('a')
    await t.rejects(metadefs.namespaces.delete('a'), { code: 'not_found' })
    t.strictSame(await metadefs.properties.list('a'), [])
    await metadefs.namespaces.insert(namespace('a'))
    for (const table of [metadefs.properties, metadefs.objects, metadefs.associations]) {
      t.strictSame(await table.list('a'), [])
      t.equal((await table.list('b')).length, 1, 'and others keep theirs')
    }
  })

  t.test('parts are kept, kind by kind, in the order in which they were added', async t => {
    const { metadefs } = await open(t)
    for (const name of ['a', 'b']) await metadefs.namespaces.insert(namespace(name))
    const other = { ...OBJECT, name: 'another', description: null, properties: new Map() }
    for (const object of [OBJECT, other]) await metadefs.objects.insert('a', object)
    await metadefs.properties.insert('a', { ...PROPERTY, name: OBJECT.name })
    for (const name of ['z', 'y']) await metadefs.associations.insert('a', association(name, 'p:'))
    await metadefs.tags.insert('b', tag('t'))
    t.strictSame(await metadefs.objects.list('a'), [OBJECT, other])
    t.strictSame(await metadefs.objects.find('a', OBJECT.name), OBJECT)
    t.strictSame(await metadefs.properties.list('a'), [{ ...PROPERTY, name: OBJECT.name }])
    t.strictSame(await metadefs.associations.list('a'), [
      association('z', 'p:'),
      association('y', 'p:'),
    ])
    t.equal(await metadefs.tags.find('a', 't'), undefined)
    t.strictSame(await metadefs.tags.list('b'), [tag('t')])
    t.strictSame(await metadefs.tags.list('c'), [])
  })

  t.test('parts of several namespaces are listed at once', async t => {
    const { metadefs } = await open(t)
    for (const name of ['a', 'b', 'c', 'd']) await metadefs.namespaces.insert(namespace(name))
    for (const name of ['a', 'b', 'd']) {
      for (const type of ['y', 'x']) await metadefs.associations.insert(name, association(type))
    }
    const found = await metadefs.associations.listEach(['d', 'c', 'a', 'none'])
    for (const name of ['a', 'd'])
      t.strictSame(found.get(name), [association('y'), association('x')])
    for (const name of ['b', 'c', 'none']) t.strictSame(found.get(name) ?? [], [], name)
    t.equal((await metadefs.associations.listEach([])).size, 0)
  })

  t.test('a part has its name to itself', async t => {
    const { metadefs } = await open(t)
    await metadefs.namespaces.insert(namespace('a'))
    for (const name of ['s', 't', 'T']) await metadefs.tags.insert('a', tag(name))
    await t.rejects(metadefs.tags.insert('a', tag('t')), {
      code: 'duplicate',
      message: 't already exists in namespace a',
    })
    await t.rejects(metadefs.tags.replace('a', 's', tag('t')), { code: 'duplicate' })
    await t.rejects(metadefs.tags.insert('none', tag('t')), { code: 'not_found', message: 'none' })
    t.strictSame(await metadefs.tags.list('a'), [tag('s'), tag('t'), tag('T')])
  })

  t.test('many parts are added at once, all or none', async t => {
    const { metadefs } = await open(t)
    await metadefs.namespaces.insert(namespace('a'))
    await metadefs.tags.insert('a', tag('s'))
    const many = Array.from({ length: 1200 }, (_, n) => tag(`t${(n * 7) % 1200}`))
    await metadefs.tags.insertAll('a', many)
    await metadefs.tags.insertAll('a', [])
    t.strictSame(await metadefs.tags.list('a'), [tag('s'), ...many])
    for (const twice of [
      [tag('u'), tag('s')],
      [tag('u'), tag('u')],
    ]) {
      await t.rejects(metadefs.tags.insertAll('a', twice), { code: 'duplicate' })
    }
    await t.rejects(metadefs.tags.insertAll('none', [tag('u')]), { code: 'not_found' })
    t.equal((await metadefs.tags.list('a')).length, 1201)
  })

  t.test('a part is replaced where it stands, and deleted', async t => {
    const { metadefs } = await open(t)
    await metadefs.namespaces.insert(namespace('a'))
    for (const name of ['s', 't', 'u']) await metadefs.tags.insert('a', tag(name))
    const renamed = { name: 'v', createdAt: at(1), updatedAt: at(2) }
    await metadefs.tags.replace('a', 't', renamed)
    t.strictSame(await metadefs.tags.list('a'), [tag('s'), renamed, tag('u')])
    await metadefs.tags.delete('a', 's')
    t.strictSame(await metadefs.tags.list('a'), [renamed, tag('u')])
    for (const work of [
      () => metadefs.tags.replace('a', 's', tag('w')),
      () => metadefs.tags.replace('none', 'v', tag('w')),
      () => metadefs.tags.delete('a', 's'),
      () => metadefs.tags.delete('none', 'v'),
    ]) {
      await t.rejects(work(), { code: 'not_found' })
    }
  })

  t.test('the parts of one kind are cleared away', async t => {
    const { metadefs } = await open(t)
    for (const name of ['a', 'b']) {
      await metadefs.namespaces.insert(namespace(name))
      await metadefs.tags.insert(name, tag('t'))
      await metadefs.objects.insert(name, OBJECT)
    }
    await metadefs.tags.clear('a')
    await metadefs.tags.clear('a')
    await metadefs.tags.clear('none')
    t.strictSame(await metadefs.tags.list('a'), [])
    t.strictSame(await metadefs.objects.list('a'), [OBJECT])
    t.strictSame(await metadefs.tags.list('b'), [tag('t')])
  })

  t.test('resource types are kept once, in the order in which they were added', async t => {
    const { metadefs } = await open(t)
    for (const name of ['b', 'a']) await metadefs.resourceTypes.insert(tag(name))
    await t.rejects(metadefs.resourceTypes.insert(tag('a')), { code: 'duplicate', message: 'a' })
    t.strictSame(await metadefs.resourceTypes.list(), [tag('b'), tag('a')])
    t.strictSame(await metadefs.resourceTypes.find('a'), tag('a'))
    t.equal(await metadefs.resourceTypes.find('c'), undefined)
  })

  t.test('a listing of namespaces shows what the viewer may see', async t => {
    const database = await open(t)
    for (const record of [
      namespace('public', { visibility: 'public', owner: 'x' }),
      namespace('own', { owner: 'me' }),
      namespace('foreign', { owner: 'x' }),
      namespace('ownerless'),
    ]) {
      await database.metadefs.namespaces.insert(record)
    }
    const seenBy = (project: string | null, isAdmin = false) =>
      listed(database, { viewer: { isAdmin, project } })
    t.strictSame(await seenBy('me', true), ['public', 'own', 'foreign', 'ownerless'])
    t.strictSame(await seenBy('me'), ['public', 'own'])
    t.strictSame(await seenBy(null), ['public'])
    t.strictSame(await listed(database, { visibility: 'public' }), ['public'])
    const mine = { viewer: { isAdmin: false, project: 'me' }, visibility: 'private' } as const
    t.strictSame(await listed(database, mine), ['own'])
  })

  t.test('a listing of namespaces goes by the resource types they speak of', async t => {
    const database = await open(t)
    for (const name of ['a', 'b', 'c']) await database.metadefs.namespaces.insert(namespace(name))
    const { associations, tags } = database.metadefs
    for (const type of ['x', 'y']) await associations.insert('a', association(type))
    await associations.insert('b', association('y'))
    await tags.insert('c', tag('x'))
    for (const [resourceTypes, wanted] of [
      [['x'], ['a']],
      [
        ['y', 'x'],
        ['a', 'b'],
      ],
      [['z'], []],
      [[], []],
    ] as const) {
      t.strictSame(await listed(database, { resourceTypes }), wanted, resourceTypes.join())
    }
  })

  t.test('a listing of namespaces is sorted and paged', async t => {
    const database = await open(t)
    for (const record of [
      namespace('c', { createdAt: at(1), displayName: 'x', updatedAt: at(9) }),
      namespace('a', { createdAt: at(2), protected: true }),
      namespace('d', { createdAt: at(2), displayName: 'x', visibility: 'public' }),
      namespace('b', { createdAt: at(0), displayName: 'w', owner: 'o', description: 'd' }),
    ]) {
      await database.metadefs.namespaces.insert(record)
    }
    for (const [key, wanted] of [
      ['created_at', 'bcad'],
      ['updated_at', 'badc'],
      ['namespace', 'abcd'],
      ['display_name', 'abcd'],
      ['description', 'cadb'],
      ['visibility', 'bcad'],
      ['protected', 'bcda'],
      ['owner', 'cadb'],
    ] as const) {
      for (const direction of ['asc', 'desc'] as const) {
        const sort = { key, direction }
        const names = direction === 'asc' ? Array.from(wanted) : Array.from(wanted).toReversed()
        t.strictSame(await listed(database, { sort }), names, `${key} ${direction}`)
        const pages: string[] = []
        let marker: string | null = null
        do {
          const page: string[] = await listed(database, { sort, marker, limit: 1 })
          pages.push(...page)
          marker = page.at(-1) ?? null
        } while (marker !== null)
        t.strictSame(pages, names, `${key} ${direction}, page by page`)
      }
    }
    t.strictSame(await listed(database, { limit: 0 }), [])
    await t.rejects(listed(database, { marker: 'none' }), { code: 'not_found', message: 'none' })
  })

  t.test('a transaction that fails leaves no definitions behind', async t => {
    const database = await open(t)
    await database.metadefs.namespaces.insert(namespace('a'))
    await database.metadefs.tags.insert('a', tag('t'))
    const work = database.transaction(async ({ metadefs }) => {
      await metadefs.namespaces.insert(namespace('b'))
      await metadefs.objects.insert('b', OBJECT)
      await metadefs.tags.clear('a')
      await metadefs.resourceTypes.insert(tag('x'))
      throw new Error('on second thoughts')
    })
    await t.rejects(work, { message: 'on second thoughts' })
    t.strictSame(await listed(database), ['a'])
    t.strictSame(await database.metadefs.tags.list('a'), [tag('t')])
    t.strictSame(await database.metadefs.resourceTypes.list(), [])
  })
}
