import { assert, dictionary, property, string } from 'fast-check'
import t from 'tap'
import {
  fromV1Headers,
  isV1HeaderText,
  isV1PropertyName,
  toV1Headers,
} from '../../lib/wire/v1-headers.ts'
import { expressibleInV1, expressibleInV2, forGood } from '../../lib/wire/loss.ts'
import { imageFromV1, imageFromV1Headers } from '../../lib/wire/v1-image.ts'
import { idOf, imageOf } from '../support/images.ts'

/** Properties of which six have room together; each is longer than the one before. */
const MANY = [0, 1, 2, 3, 4, 5, 6, 7].map(n => [`p${n}`, 'x'.repeat(7900 + n)] as const)

t.test('the headers of the v1 API', async t => {
  t.test('have names in lower case and values as Python prints them', async t => {
    const attributes = [
      ['id', 'x'],
      ['is_public', true],
      ['protected', false],
      ['size', 0],
      ['owner', null],
    ] as const
    const properties = new Map([
      ['os_distro', 'debian'],
      ['none', null],
    ])
    t.strictSame(toV1Headers(attributes, properties), {
      'x-image-meta-id': 'x',
      'x-image-meta-is_public': 'True',
      'x-image-meta-protected': 'False',
      'x-image-meta-size': '0',
      'x-image-meta-property-os_distro': 'debian',
    })
    t.match(toV1Headers(attributes, properties, { nulls: true }), {
      'x-image-meta-owner': '',
      'x-image-meta-property-none': '',
    })
  })

  t.test('are read whatever their case, a hyphen as an underscore', async t => {
    const read = fromV1Headers([
      ['X-Image-Meta-Is-Public', 'yes'],
      ['X-Image-Meta-Property-Os-Distro', 'debian'],
      ['x-image-meta-property-kernel_id', ''],
      ['X-Image-Meta-Owner', ''],
      ['Content-Type', 'text/plain'],
    ])
    t.strictSame(
      [...read.attributes],
      [
        ['is_public', 'yes'],
        ['owner', null],
      ],
    )
    t.strictSame(
      [...read.properties],
      [
        ['os_distro', 'debian'],
        ['kernel_id', null],
      ],
    )
  })

  t.test('that are no UTF-8 are Latin-1', async t => {
    const { attributes } = fromV1Headers([['x-image-meta-name', 'K\xf6ln']])
    t.equal(attributes.get('name'), 'Köln')
  })

  t.test('bring back every property that fits them', async t => {
    assert(
      property(
        dictionary(
          string({ minLength: 1 }).filter(isV1PropertyName),
          string({ unit: 'binary', minLength: 1 }).filter(isV1HeaderText),
        ),
        given => {
          const properties = new Map(Object.entries(given))
          const read = fromV1Headers(Object.entries(toV1Headers([], properties)))
          t.strictSame(read.properties, properties)
        },
      ),
    )
  })

  t.test('do not fit names that come back as others, nor values that do', async t => {
    for (const name of ['', 'Upper', 'hy-phen', 'a b', 'a:b', 'größe'])
      t.notOk(isV1PropertyName(name), name)
    for (const value of ['', ' a', 'a\t', 'a\nb', 'a\0']) t.notOk(isV1HeaderText(value), value)
  })
})

t.test('what v1 makes of an image', t => {
  for (const { title, given, left, lost } of [
    { title: 'a public one is kept', given: {}, left: {}, lost: [] },
    { title: 'a shared one is kept', given: { visibility: 'shared' }, left: {}, lost: [] },
    {
      title: 'a private one is not public, and that is shared',
      given: { visibility: 'private' },
      left: { visibility: 'shared' },
      lost: ['visibility'],
    },
    {
      title: 'a community one too',
      given: { visibility: 'community' },
      left: { visibility: 'shared' },
      lost: ['visibility'],
    },
    {
      title: 'a hidden one is listed, and tags are gone',
      given: { hidden: true, tags: ['a'] },
      left: { hidden: false, tags: [] },
      lost: ['os_hidden', 'tags'],
    },
    {
      title: 'a name goes on one line',
      given: { name: ' two\n\tlines ' },
      left: { name: 'two lines' },
      lost: ['name'],
    },
    {
      title: 'a name of blanks is none',
      given: { name: ' ' },
      left: { name: null },
      lost: ['name'],
    },
    { title: 'blanks within a name are kept', given: { name: 'a  b' }, left: {}, lost: [] },
    { title: 'a name of any language is kept', given: { name: 'Grüße, 世界' }, left: {}, lost: [] },
    {
      title: 'an owner who fits no header is none',
      given: { owner: 'a\nb' },
      left: { owner: null },
      lost: ['owner'],
    },
    {
      title: 'a property without a value is no loss',
      given: { properties: new Map([['Kernel-Id', null]]) },
      left: { properties: new Map() },
      lost: [],
    },
    {
      title: 'properties that fit no header are gone, the others kept',
      given: {
        properties: new Map([
          ['os_distro', 'debian'],
          ['Upper', 'x'],
          ['hy-phen', 'x'],
          ['größe', 'x'],
          ['empty', ''],
          ['blank', ' x'],
          ['lines', 'a\r\nx-image-meta-is_public: True'],
          ['long', 'x'.repeat(8001)],
          ['longest', 'x'.repeat(8000)],
        ]),
      },
      left: {
        properties: new Map([
          ['os_distro', 'debian'],
          ['longest', 'x'.repeat(8000)],
        ]),
      },
      lost: ['Upper', 'hy-phen', 'größe', 'empty', 'blank', 'lines', 'long'],
    },
    {
      title: 'of properties that are too long together the longest are gone',
      given: { properties: new Map([...MANY].toReversed()) },
      left: { properties: new Map(MANY.slice(0, 6)) },
      lost: ['p7', 'p6'],
    },
  ] as const) {
    t.test(title, async t => {
      const image = imageOf(1, Buffer.of(1), given)
      const expressed = expressibleInV1(image)
      t.strictSame(
        forGood(expressed.lost).map(({ field }) => field),
        lost,
      )
      if (lost.length > 0) t.match(expressed.image, { ...image, ...left })
      t.strictSame(
        forGood(expressibleInV1(expressed.image).lost),
        [],
        'nothing more is lost by doing it again',
      )
    })
  }
  t.test('all that is left of an image has room among the headers that a server takes', async t => {
    const long = { name: 'ü'.repeat(255), owner: 'o'.repeat(255), properties: new Map(MANY) }
    const { image } = expressibleInV1(imageOf(1, Buffer.of(1), long))
    const { name, owner, properties } = image
    const headers = toV1Headers(Object.entries({ name, owner }), properties)
    const bytes = Object.entries(headers).map(([name, value]) => name.length + value.length + 4)
    t.ok(bytes.reduce((sum, length) => sum + length, 0) <= 48 * 1024)
  })
  t.test('a multihash is told of, and no image is the poorer for it', async t => {
    const image = imageOf(1, Buffer.of(1))
    const { value } = image.digest ?? {}
    const reason = 'v1 keeps no sha512, only an MD5'
    const lost = [{ kind: 'digest', field: 'os_hash_value', value, reason }]
    t.same(expressibleInV1(image).lost, lost)
    t.same(expressibleInV1({ ...image, digest: null }).lost, [])
  })
  t.test('and v2 of one of v1', async t => {
    const properties = new Map([
      ['tags', 'a'],
      ['deleted', 'b'],
      ['os_distro', 'debian'],
      ['owner', null],
    ])
    const { image, lost } = expressibleInV2(imageOf(1, Buffer.of(1), { properties }))
    t.match(image, { tags: [], owner: null })
    t.strictSame([...image.properties], [['os_distro', 'debian']])
    t.match(lost, [
      { kind: 'property', field: 'tags', value: 'a' },
      { kind: 'property', field: 'deleted', value: 'b' },
    ])
  })
  t.end()
})

t.test('a record of v1 is the same image as its headers', async t => {
  const record = {
    id: idOf(1),
    name: 'Grüße',
    status: 'active',
    is_public: false,
    protected: true,
    deleted: false,
    owner: null,
    disk_format: 'raw',
    container_format: 'bare',
    min_disk: 3,
    min_ram: 512,
    size: 7,
    virtual_size: null,
    checksum: 'f'.repeat(32),
    created_at: '2012-08-21T17:35:57',
    updated_at: '2012-08-21T17:35:57.123456',
    deleted_at: null,
  }
  const properties = new Map([
    ['os_distro', 'debian'],
    ['tags', 'not a list'],
  ])
  const image = imageFromV1({ ...record, properties: Object.fromEntries(properties) })
  t.match(image, { visibility: 'shared', protected: true, size: 7, tags: [], properties })
  t.equal(image.createdAt.toISOString(), '2012-08-21T17:35:57.000Z')
  const headers = toV1Headers(Object.entries(record), properties)
  t.strictSame(imageFromV1Headers({ ...headers, etag: 'x', 'set-cookie': ['y'] }), image)
  t.throws(() => imageFromV1Headers({ ...headers, 'x-image-meta-size': 'large' }), {
    code: 'corrupt',
    message: /size is "large", not a whole number/,
  })
})
