import * as fc from 'fast-check'
import t from 'tap'
import { isGlanceError } from '../../lib/errors.ts'
import { ACCEPT_PATCH, parsePatch, PATCH_MEDIA_TYPE, patchOf } from '../../lib/wire/v2-patch.ts'

const OLD_MEDIA_TYPE = 'application/openstack-images-v2.0-json-patch'

const read = (...steps: readonly unknown[]) => parsePatch(PATCH_MEDIA_TYPE, steps)
const readOld = (...steps: readonly unknown[]) => parsePatch(OLD_MEDIA_TYPE, steps)

t.test('what changes becomes the shortest patch, which is understood as it was meant', async t => {
  const patch = patchOf([
    { field: 'name', from: null, to: 'new' },
    { field: 'tags', from: ['a'], to: [] },
    { field: 'a/b~c', from: undefined, to: 'x' },
    { field: 'present', from: 'x', to: 'y' },
    { field: 'gone', from: 'x', to: undefined },
  ])
  t.strictSame(patch, [
    { op: 'replace', path: '/name', value: 'new' },
    { op: 'replace', path: '/tags', value: [] },
    { op: 'add', path: '/a~1b~0c', value: 'x' },
    { op: 'replace', path: '/present', value: 'y' },
    { op: 'remove', path: '/gone' },
  ])
  t.strictSame(read(...patch), [
    { type: 'set_attribute', name: 'name', change: { name: 'new' } },
    { type: 'set_attribute', name: 'tags', change: { tags: [] } },
    { type: 'set_property', name: 'a/b~c', value: 'x', when: 'either' },
    { type: 'set_property', name: 'present', value: 'y', when: 'present' },
    { type: 'remove_property', name: 'gone' },
  ])
})

t.test('the media type', async t => {
  t.equal(ACCEPT_PATCH, `${OLD_MEDIA_TYPE}, ${PATCH_MEDIA_TYPE}`)
  for (const mediaType of [PATCH_MEDIA_TYPE, OLD_MEDIA_TYPE]) {
    t.strictSame(parsePatch(mediaType, []), [], mediaType)
    t.strictSame(parsePatch(` ${mediaType.toUpperCase()} ; charset=utf-8`, []), [])
  }
  for (const mediaType of [undefined, '', 'application/json', 'application/json-patch+json']) {
    const refused = { code: 'unsupported_media_type' }
    t.throws(() => parsePatch(mediaType, 'whatever'), refused, `is not ${mediaType}`)
  }
})

t.test('attributes are read under the names that they have inside', async t => {
  for (const [name, value, change] of [
    ['name', null, { name: null }],
    ['visibility', 'public', { visibility: 'public' }],
    ['os_hidden', true, { hidden: true }],
    ['protected', false, { protected: false }],
    ['owner', 'project', { owner: 'project' }],
    ['container_format', 'bare', { containerFormat: 'bare' }],
    ['disk_format', 'raw', { diskFormat: 'raw' }],
    ['min_disk', 1, { minDisk: 1 }],
    ['min_ram', 2, { minRam: 2 }],
    ['tags', ['b', 'a', 'b'], { tags: ['a', 'b'] }],
  ] as const) {
    const steps = [{ type: 'set_attribute', name, change }]
    t.strictSame(read({ op: 'replace', path: `/${name}`, value }), steps, name)
    t.strictSame(read({ op: 'add', path: `/${name}`, value }), steps, 'and adding overwrites')
    t.strictSame(readOld({ replace: `/${name}`, value }), steps)
  }
})

t.test('the old media type', async t => {
  t.test('adds only what is not there yet', async t => {
    t.strictSame(readOld({ add: '/x', value: 'y' }), [
      { type: 'set_property', name: 'x', value: 'y', when: 'absent' },
    ])
    t.match(readOld({ add: '/name', value: 'y' }), [
      { type: 'refuse', error: { code: 'conflict', message: 'Property name already present.' } },
    ])
  })

  t.test('replaces and removes like the new one', async t => {
    t.strictSame(readOld({ replace: '/x', value: 'y' }, { remove: '/x' }), [
      { type: 'set_property', name: 'x', value: 'y', when: 'present' },
      { type: 'remove_property', name: 'x' },
    ])
  })

  t.test('demands exactly one operation in a step', async t => {
    for (const step of [{}, { value: 1 }, { add: '/x', remove: '/y', value: 'z' }, { add: 1 }]) {
      t.throws(() => readOld(step), { code: 'invalid' }, JSON.stringify(step))
    }
    t.throws(() => readOld({ op: 'remove', path: '/x' }), { code: 'invalid' })
  })
})

t.test('a property that its schema lets be null can be left without a value', async t => {
  t.strictSame(read({ op: 'replace', path: '/kernel_id', value: null }), [
    { type: 'set_property', name: 'kernel_id', value: null, when: 'present' },
  ])
})

t.test('blanks around a name do not belong to it', async t => {
  t.strictSame(read({ op: 'remove', path: '/ x ' }), [{ type: 'remove_property', name: 'x' }])
})

t.test(
  'a property may have no name, and a path two slashes at its beginning, as in Glance',
  async t => {
    for (const [path, name] of [
      ['/', ''],
      ['/ ', ''],
      ['//x', 'x'],
    ] as const) {
      t.strictSame(read({ op: 'remove', path }), [{ type: 'remove_property', name }], path)
    }
  },
)

t.test('a malformed patch is invalid', async t => {
  for (const body of [null, {}, 'text', 1, { op: 'remove', path: '/x' }]) {
    t.throws(() => parsePatch(PATCH_MEDIA_TYPE, body), { code: 'invalid' }, JSON.stringify(body))
  }
  for (const step of [
    null,
    'remove',
    [],
    {},
    { path: '/x', value: 'y' },
    ...['test', 'move', 'copy', '', 1].map(op => ({ op, path: '/x', value: 'y' })),
    { op: 'remove' },
    { remove: '/x' },
    ...['', 'x', '//', '///x', '/x/', '/x//y', '/x/ /y', '/x~', '/x~2', '/~', null, 1].map(
      path => ({
        op: 'remove',
        path,
      }),
    ),
    { op: 'add', path: '/x' },
    { op: 'replace', path: '/name' },
    { op: 'remove', path: `/${'x'.repeat(256)}` },
  ]) {
    t.throws(() => read(step), { code: 'invalid' }, JSON.stringify(step))
  }
})

t.test('a path has one part, but for a place among the locations', async t => {
  const value = { url: 'http://host/image', metadata: {} }
  for (const step of [
    { op: 'add', path: '/tags/-', value: 'x' },
    { op: 'remove', path: '/a/b' },
    { op: 'replace', path: '/name/0', value: 'x' },
    { op: 'remove', path: '/status/0' },
    { op: 'add', path: '/locations', value: [value] },
    { op: 'remove', path: '/locations' },
    { op: 'replace', path: '/locations/0', value: [value] },
    { op: 'add', path: '/locations/0/url', value },
    { op: 'add', path: '/locations/-', value: 'http://host/image' },
    { op: 'add', path: '/locations/-', value: { url: 'http://host/image' } },
    { op: 'replace', path: '/locations', value },
  ]) {
    t.throws(() => read(step), { code: 'invalid' }, JSON.stringify(step))
  }
  const location = { ...value, validation: null }
  t.same(read({ op: 'add', path: '/locations/-', value }), [
    { type: 'add_location', position: '-', location },
  ])
  t.same(read({ op: 'replace', path: '/locations', value: [value] }), [
    { type: 'replace_locations', locations: [location] },
  ])
  t.same(read({ op: 'remove', path: '/locations/0' }), [{ type: 'remove_location', position: '0' }])
  t.match(
    read({ op: 'replace', path: '/locations', value: [] }),
    [{ type: 'refuse', error: { code: 'forbidden' } }],
    'is refused once the image is found',
  )
  const digests = { checksum: 'a'.repeat(32), os_hash_algo: 'sha1', os_hash_value: 'b' }
  t.match(
    read({ op: 'add', path: '/locations/0', value: { ...value, validation_data: digests } }),
    [
      {
        position: '0',
        location: {
          validation: { checksum: 'a'.repeat(32), digest: { algorithm: 'sha1', value: 'b' } },
        },
      },
    ],
  )
})

t.test('a value is held to the image schema', async t => {
  for (const [path, value] of [
    ['/name', 1],
    ['/name', 'x'.repeat(256)],
    ['/name', '😀'],
    ['/visibility', 'secret'],
    ['/protected', 'true'],
    ['/disk_format', 'floppy'],
    ['/min_disk', '1'],
    ['/min_ram', -1],
    ['/min_ram', 2147483648],
    ['/tags', 'a'],
    ['/tags', [1]],
    ['/custom', 1],
    ['/custom', true],
    ['/custom', null],
    ['/custom', '😀'],
    ['/kernel_id', 'vmlinuz'],
  ] as const) {
    const step = { op: 'replace', path, value }
    t.throws(() => read(step), { code: 'invalid' }, JSON.stringify(step))
  }
})

t.test('what only the service sets is forbidden, whatever is to be done to it', async t => {
  for (const name of words(`id created_at updated_at status checksum size virtual_size direct_url self file
      schema stores os_hash_algo os_hash_value`)) {
    const refused = { code: 'forbidden', message: `Attribute '${name}' is read-only.` }
    for (const op of ['add', 'replace', 'remove']) {
      t.throws(() => read({ op, path: `/${name}`, value: 1 }), refused, `${op} ${name}`)
    }
  }
  for (const name of ['location', 'deleted', 'deleted_at', 'os_glance', 'os_glance_importing']) {
    const refused = { code: 'forbidden', message: `Attribute '${name}' is reserved.` }
    for (const op of ['add', 'replace', 'remove']) {
      t.throws(() => read({ op, path: `/${name}`, value: 1 }), refused, `${op} ${name}`)
    }
  }
})

t.test('an attribute of every image cannot be removed, once the image is found', async t => {
  for (const name of ['name', 'tags', 'owner', 'min_disk', 'visibility']) {
    t.match(read({ op: 'remove', path: `/${name}` }), [
      {
        type: 'refuse',
        error: { code: 'forbidden', message: `Property ${name} may not be removed.` },
      },
    ])
  }
})

t.test('one bad step refuses the whole patch', async t => {
  const good = { op: 'add', path: '/x', value: 'y' }
  t.throws(() => read(good, { op: 'add', path: '/status', value: 'active' }), { code: 'forbidden' })
})

t.test('whatever is sent is understood or refused, never worse', async () => {
  // Keys that JavaScript looks for when it makes text of an object.
  const key = fc.oneof(fc.string(), fc.constantFrom('toString', 'valueOf', 'toJSON', '__proto__'))
  const anything = fc.oneof(fc.jsonValue(), fc.dictionary(key, fc.jsonValue(), { maxKeys: 2 }))
  const step = fc.record(
    {
      op: fc.constantFrom('add', 'remove', 'replace', 'test'),
      path: fc.oneof(
        fc.string(),
        fc.constantFrom('/name', '/x', '/locations/0', '/__proto__'),
        anything,
      ),
      value: anything,
      add: fc.oneof(fc.string(), anything),
    },
    { requiredKeys: [] },
  )
  const body = fc.oneof(anything, fc.array(step, { maxLength: 3 }))
  fc.assert(
    fc.property(fc.constantFrom(PATCH_MEDIA_TYPE, OLD_MEDIA_TYPE), body, (mediaType, body) => {
      try {
        return Array.isArray(parsePatch(mediaType, body))
      } catch (error) {
        return isGlanceError(error, 'invalid', 'forbidden')
      }
    }),
    { numRuns: 500 },
  )
})

function words(text: string): string[] {
  return text.split(/\s+/)
}
