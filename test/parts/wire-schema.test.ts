import * as fc from 'fast-check'
import t from 'tap'
import { STANDARD_SCHEMA } from '../../lib/wire/schema/image-schema.ts'
import { MEMBER_SCHEMA, MEMBERS_SCHEMA } from '../../lib/wire/schema/member.ts'
import { validateNewImage } from '../../lib/wire/schema/new-image.ts'
import { imageToV2 } from '../../lib/wire/v2-image.ts'
import { imageToV2Text } from '../../lib/wire/v2-image-text.ts'
import { imageOf } from '../support/images.ts'

const ID = 'd3b07384-d9a0-4c9b-8f0e-5d2b8f0e5d2b'

t.test(
  'an image is the same JSON, however it is made, whatever its properties are called',
  async t => {
    const unlikely = fc.constantFrom(
      'id',
      'stores',
      'self',
      '7',
      '07',
      '__proto__',
      'toJSON',
      'a"b',
    )
    const name = fc.oneof(unlikely, fc.string({ unit: 'binary' }))
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.constant(null))
    const properties = fc.array(fc.tuple(name, value)).map(pairs => new Map(pairs))
    const others = fc.constantFrom({}, { self: '/v2/images/1' }, { locations: [], stores: 'a,b' })
    fc.assert(
      fc.property(properties, others, (properties, others) => {
        const image = { ...imageOf(1), properties, tags: ['é', '"'] }
        const text = imageToV2Text(image, others)
        t.equal(text, JSON.stringify({ ...imageToV2(image), ...others }))
      }),
    )
  },
)

t.test('the image schema', async t => {
  const { properties, additionalProperties, links } = STANDARD_SCHEMA.image
  const named = (has: (property: object) => boolean): string[] =>
    Object.keys(properties)
      .filter(name => has(properties[name] ?? {}))
      .toSorted()

  t.test('has the base attributes of Glance, each once', async t => {
    t.strictSame(
      named(property => !('is_base' in property)),
      words(`checksum container_format created_at direct_url disk_format file id locations
      min_disk min_ram name os_hash_algo os_hash_value os_hidden owner protected
      schema self size status stores tags updated_at virtual_size visibility`),
    )
  })

  t.test('says which ones only the service sets', async t => {
    t.strictSame(
      named(property => 'readOnly' in property),
      words(`checksum created_at direct_url file os_hash_algo os_hash_value schema self size
      status stores updated_at virtual_size`),
    )
  })

  t.test("has the properties of Glance's schema-image.json, which are not base ones", async t => {
    t.strictSame(
      named(property => 'is_base' in property),
      words(`architecture cinder_encryption_key_deletion_policy cinder_encryption_key_id
      description instance_uuid kernel_id os_distro os_version ramdisk_id`),
    )
  })

  t.test('lets formats be null before anything else, and other properties be text', async t => {
    t.match(properties['disk_format'], { enum: [null, 'ami'] })
    t.match(properties['container_format'], { enum: [null, 'ami'] })
    t.strictSame(additionalProperties, { type: 'string' })
  })

  t.test('links to the image, its data and the schema', async t => {
    t.strictSame(
      links.map(({ rel, href }) => `${rel} ${href}`),
      ['self {self}', 'enclosure {file}', 'describedby {schema}'],
    )
  })
})

t.test('the schema of a listing has the image schema as it is, and links to its pages', async t => {
  const { images } = STANDARD_SCHEMA.images.properties
  t.strictSame(images, { type: 'array', items: STANDARD_SCHEMA.image })
  t.strictSame(Object.keys(STANDARD_SCHEMA.images.properties), [
    'images',
    'first',
    'next',
    'schema',
  ])
  t.strictSame(
    STANDARD_SCHEMA.images.links.map(({ rel }) => rel),
    ['first', 'next', 'describedby'],
  )
})

t.test('the member schemas are of the short form', async t => {
  t.strictSame(Object.keys(MEMBER_SCHEMA), ['name', 'properties'])
  t.strictSame(MEMBERS_SCHEMA.properties.members.items, MEMBER_SCHEMA)
  t.strictSame(Object.keys(MEMBERS_SCHEMA.properties), ['members', 'schema'])
  t.strictSame(
    MEMBERS_SCHEMA.links.map(({ rel }) => rel),
    ['describedby'],
  )
})

t.test('the body of a new image', async t => {
  t.test('may be empty: nothing is said, not even what is default', async t => {
    t.strictSame(validateNewImage({}), { properties: new Map() })
  })

  t.test('may say all that a user sets, and custom properties', async t => {
    const body = {
      id: ID,
      name: 'Ünïcode ☃',
      visibility: 'community',
      os_hidden: true,
      protected: true,
      owner: null,
      container_format: 'bare',
      disk_format: null,
      min_disk: 0,
      min_ram: 2147483647,
      tags: ['b', 'a', 'b'],
      kernel_id: null,
      os_distro: 'debian',
      '': 'a nameless property',
      ['__proto__']: 'not a prototype',
    }
    t.strictSame(validateNewImage(body), {
      id: ID,
      name: 'Ünïcode ☃',
      visibility: 'community',
      hidden: true,
      protected: true,
      owner: null,
      containerFormat: 'bare',
      diskFormat: null,
      minDisk: 0,
      minRam: 2147483647,
      tags: ['a', 'b'],
      properties: new Map<string, string | null>([
        ['kernel_id', null],
        ['os_distro', 'debian'],
        ['', 'a nameless property'],
        ['__proto__', 'not a prototype'],
      ]),
    })
  })

  t.test('may have hashes, which Glance takes and never shows', async t => {
    const { properties } = validateNewImage({ os_hash_algo: 'sha512', os_hash_value: 'ff' })
    t.equal(properties.size, 0)
  })

  for (const { title, body } of [
    { title: 'a body that is a list', body: [] },
    { title: 'a body that is nothing', body: null },
    { title: 'an id that is no UUID', body: { id: 'gabe' } },
    { title: 'an id that is null', body: { id: null } },
    { title: 'a name that is a number', body: { name: 1 } },
    { title: 'a name of 256 characters', body: { name: 'x'.repeat(256) } },
    { title: 'an unknown visibility', body: { visibility: 'secret' } },
    { title: 'a visibility of null', body: { visibility: null } },
    { title: 'a flag in text', body: { protected: 'true' } },
    { title: 'an unknown disk format', body: { disk_format: 'floppy' } },
    { title: 'an unknown container format', body: { container_format: '' } },
    { title: 'a negative minimum', body: { min_ram: -1 } },
    { title: 'a minimum beyond 32 bits', body: { min_disk: 2147483648 } },
    { title: 'a broken minimum', body: { min_disk: 1.5 } },
    { title: 'a minimum of true', body: { min_disk: true } },
    { title: 'tags that are no list', body: { tags: 'a' } },
    { title: 'a tag that is no text', body: { tags: [1] } },
    { title: 'a tag of 256 characters', body: { tags: ['x'.repeat(256)] } },
    { title: 'a custom property that is a number', body: { version: 12 } },
    { title: 'a custom property that is true', body: { version: true } },
    { title: 'a custom property that is null', body: { version: null } },
    { title: 'a custom property that is a list', body: { version: ['1'] } },
    { title: 'a name of a custom property of 256 characters', body: { ['x'.repeat(256)]: '' } },
    { title: 'a kernel that is no image', body: { kernel_id: 'vmlinuz' } },
    { title: 'a wrong value from schema-image.json', body: { architecture: 64 } },
    { title: 'a read-only attribute of a wrong type', body: { size: 'big' } },
    { title: 'four-byte text in the name', body: { name: '😀' } },
    { title: 'four-byte text in a tag', body: { tags: ['ok', '😀'] } },
    { title: 'four-byte text in a property', body: { note: 'a😀b' } },
    { title: 'four-byte text in the name of a property', body: { '😀': 'a' } },
    { title: 'half a character', body: { name: '\ud83d' } },
  ]) {
    t.test(`is invalid with ${title}`, async t => {
      t.throws(() => validateNewImage(body), { code: 'invalid' })
    })
  }

  for (const [name, value] of Object.entries({
    direct_url: null,
    self: null,
    file: null,
    schema: null,
    stores: null,
    status: 'active',
    checksum: null,
    size: 1,
    virtual_size: 1,
    created_at: 'now',
    updated_at: 'now',
    locations: [],
    location: '',
    deleted: '',
    deleted_at: '',
    os_glance: '',
    os_glance_importing: '',
  })) {
    t.test(`is forbidden to have ${name}`, async t => {
      t.throws(() => validateNewImage({ [name]: value }), { code: 'forbidden' })
    })
  }

  t.test('is told what is wrong with it', async t => {
    t.throws(() => validateNewImage({ name: 1 }), {
      message: "Provided object does not match schema 'image': /name must be null,string",
    })
    t.throws(() => validateNewImage({ visibility: 'secret' }), {
      message: /\/visibility must be equal to one of the allowed values: \["community",/,
    })
    t.throws(() => validateNewImage({ size: 1 }), { message: "Attribute 'size' is read-only." })
    t.throws(() => validateNewImage({ locations: [] }), {
      message: "Attribute 'locations' is reserved.",
    })
    t.throws(() => validateNewImage({ min_ram: -1 }), {
      message: "Invalid value '-1' for parameter 'min_ram': Cannot be a negative value",
    })
  })
})

function words(text: string): string[] {
  return text.split(/\s+/)
}
