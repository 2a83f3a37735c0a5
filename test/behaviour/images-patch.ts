import { create, patch, type Row, type Scenario, upload, V20, V21 } from './table.ts'

const long = (length: number) => 'x'.repeat(length)

/** Steps to one image, and the status that they are answered with, or what the image then shows. */
type Case = readonly [title: string, steps: unknown, expected: number | object]

const rows = (cases: readonly Case[], headers: Record<string, string> = V21) =>
  cases.map(([title, steps, expected]): Row =>
    typeof expected === 'number'
      ? patch('image', steps, { title, headers, status: expected })
      : patch('image', steps, { title, headers, shows: expected }),
  )

const add = (path: string, value: unknown) => ({ op: 'add', path, value })
const replace = (path: string, value: unknown) => ({ op: 'replace', path, value })
const remove = (path: string) => ({ op: 'remove', path })

const READ_ONLY = [
  'created_at',
  'updated_at',
  'status',
  'checksum',
  'size',
  'virtual_size',
  'direct_url',
  'self',
  'file',
  'schema',
  'id',
  'os_hash_algo',
  'os_hash_value',
]
const RESERVED = ['location', 'deleted', 'deleted_at', 'os_glance_x', 'os_glancex']
const BASE = [
  'name',
  'visibility',
  'protected',
  'os_hidden',
  'owner',
  'container_format',
  'disk_format',
  'min_disk',
  'min_ram',
  'tags',
]

const forbidden = [...READ_ONLY, ...RESERVED].flatMap((name): Case[] => [
  [`${name} is not for anybody to add`, [add(`/${name}`, 'x')], 403],
  [`${name} is not for anybody to replace`, [replace(`/${name}`, 'x')], 403],
  [`${name} is not for anybody to remove`, [remove(`/${name}`)], 403],
])

const base: readonly Case[] = BASE.map(name => [
  `${name} may not be removed`,
  [remove(`/${name}`)],
  403,
])

const PATHS: Readonly<Record<string, unknown>> = {
  'that is empty': '',
  'without a slash': 'name',
  'with a slash at its end': '/a/',
  'of two parts': '/a/b',
  'with a tilde': '/a~b',
  'with a tilde at its end': '/a~',
  'into tags': '/tags/-',
  'that is a number': 5,
}

const SHAPES: readonly Case[] = [
  ['steps have to be a list', {}, 400],
  ['a step has to be an object', ['x'], 400],
  ['a step that is a number is none', [5], 400],
  ['a step without an operation is none', [{ path: '/name', value: 'x' }], 400],
  ['an empty step is none', [{}], 400],
  ['there is no test', [{ op: 'test', path: '/name', value: 'image' }], 400],
  ['there is no move', [{ op: 'move', path: '/name', from: '/foo' }], 400],
  ['there is no copy', [{ op: 'copy', path: '/name', from: '/foo' }], 400],
  ['operations are in small letters', [{ op: 'ADD', path: '/name', value: 'x' }], 400],
  ['a step needs a path', [{ op: 'add', value: 'x' }], 400],
  ['an addition needs a value', [{ op: 'add', path: '/name' }], 400],
  ['a replacement needs a value', [{ op: 'replace', path: '/name' }], 400],
  ...Object.entries(PATHS).map(([title, path]): Case => {
    return [`a path ${title} is none`, [{ op: 'add', path, value: 'x' }], 400]
  }),
  ['a slash alone is the property without a name', [add('/', 'x')], { '': 'x' }],
  ['a second slash is part of nothing', [add('//a', 'x')], { a: 'x' }],
  ['what is more in a step is of no account', [{ ...add('/extra', '1'), more: 1 }], { extra: '1' }],
  ['spaces around a name are left out', [add('/ spaced ', 'x')], { spaced: 'x' }],
  ['a tilde stands for a slash', [add('/a~1b', 'x')], { 'a/b': 'x' }],
  ['and for itself', [add('/a~0b', 'x')], { 'a~b': 'x' }],
]

const PROPERTIES: readonly Case[] = [
  ['what is not there is not replaced', [replace('/foo', 'x')], 409],
  ['what is not there is not removed', [remove('/foo')], 409],
  ['a property is added', [add('/foo', 'a')], { foo: 'a' }],
  ['and added again', [add('/foo', 'b')], { foo: 'b' }],
  ['and replaced', [replace('/foo', 'c')], { foo: 'c' }],
  ['and removed', [remove('/foo')], {}],
  ['and is no longer there', [remove('/foo')], 409],
  ['steps follow one another', [add('/x', '1'), remove('/x'), add('/y', '2')], { y: '2' }],
  ['one that fails undoes all', [add('/z', '1'), remove('/nothing')], 409],
  ['what was undone is not there', [remove('/z')], 409],
  ['a property is text, not null', [add('/foo', null)], 400],
  ['nor a number', [add('/foo', 5)], 400],
  ['nor beyond the first plane', [add('/foo', '😀')], 400],
  ['its name neither', [add('/😀', 'x')], 400],
  ['a name has 255 characters', [add(`/${long(255)}`, 'x')], { [long(255)]: 'x' }],
  ['as it goes', [remove(`/${long(255)}`)], {}],
  ['one named as a method is one', [add('/constructor', 'x')], { constructor: 'x' }],
  ['a kernel may be none', [add('/kernel_id', null)], { kernel_id: null }],
  ['a kernel is an id', [add('/kernel_id', 'x')], 400],
  ['such as that of the image', [add('/kernel_id', '{image}')], { kernel_id: '{image}' }],
  ['a kernel is removed', [remove('/kernel_id')], {}],
  [
    'there may be 128 of them, and no more',
    Array.from({ length: 129 }, (_, index) => add(`/p${index}`, '1')),
    413,
  ],
]

const VALUES: readonly Case[] = [
  ['a name is replaced', [replace('/name', 'new')], { name: 'new' }],
  ['a name is added', [add('/name', 'added')], { name: 'added' }],
  ['a name may be none', [replace('/name', null)], { name: null }],
  ['a name is text', [replace('/name', 5)], 400],
  ['a name has 255 characters at the most', [replace('/name', long(256))], 400],
  ['a name is of the first plane', [replace('/name', '😀')], 400],
  ['tags are replaced', [replace('/tags', ['b', 'a', 'b'])], { tags: ['a', 'b'] }],
  ['tags are added, which replaces them', [add('/tags', ['c'])], { tags: ['c'] }],
  ['tags are not null', [replace('/tags', null)], 400],
  ['tags have 255 characters', [replace('/tags', [long(256)])], 400],
  [
    'there are 128 tags at the most',
    [
      replace(
        '/tags',
        Array.from({ length: 129 }, (_, index) => `t${index}`),
      ),
    ],
    413,
  ],
  ['min_disk is replaced', [replace('/min_disk', 3)], { min_disk: 3 }],
  ['min_disk is not below 0', [replace('/min_disk', -1)], 400],
  ['min_disk has 31 bits', [replace('/min_disk', 2_147_483_648)], 400],
  ['min_ram is replaced', [replace('/min_ram', 7)], { min_ram: 7 }],
  ['min_ram is not null', [replace('/min_ram', null)], 400],
  ['protection is a truth', [replace('/protected', 'yes')], 400],
  ['protection is set', [replace('/protected', true)], { protected: true }],
  ['and taken back', [replace('/protected', false)], { protected: false }],
  ['an image is hidden', [replace('/os_hidden', true)], { os_hidden: true }],
  ['and shown again', [replace('/os_hidden', false)], { os_hidden: false }],
  ['visibility becomes private', [replace('/visibility', 'private')], { visibility: 'private' }],
  ['and community', [replace('/visibility', 'community')], { visibility: 'community' }],
  ['and shared', [replace('/visibility', 'shared')], { visibility: 'shared' }],
  ['public is for administrators', [replace('/visibility', 'public')], 403],
  ['other visibilities there are not', [replace('/visibility', 'x')], 400],
  ['a disk format is replaced', [replace('/disk_format', 'qcow2')], { disk_format: 'qcow2' }],
  ['a disk format may be none', [replace('/disk_format', null)], { disk_format: null }],
  ['a disk format there is', [replace('/disk_format', 'nope')], 400],
  ['an owner is not replaced', [replace('/owner', 'stranger')], 403],
  ['by oneself neither', [replace('/owner', 'owner')], 403],
  [
    'locations are not shown, nor added',
    [add('/locations/-', { url: 'http://x', metadata: {} })],
    403,
  ],
  ['nor replaced', [replace('/locations', [])], 403],
  ['nor removed', [remove('/locations/0')], 403],
  ['a location is removed by its place', [remove('/locations')], 400],
  ['stores are not replaced', [replace('/stores', 'x')], 403],
]

const OLD: readonly Case[] = [
  ['the old way replaces', [{ replace: '/name', value: 'old' }], { name: 'old' }],
  ['but adds nothing that is there', [{ add: '/name', value: 'x' }], 409],
  ['it adds a property', [{ add: '/foo', value: 'x' }], { foo: 'x' }],
  ['but not twice', [{ add: '/foo', value: 'y' }], 409],
  ['it replaces it', [{ replace: '/foo', value: 'z' }], { foo: 'z' }],
  ['it removes it', [{ remove: '/foo' }], {}],
  ['but not twice either', [{ remove: '/foo' }], 409],
  ['it replaces nothing that is not there', [{ replace: '/foo', value: 'z' }], 409],
  ['it replaces tags', [{ replace: '/tags', value: ['q'] }], { tags: ['q'] }],
  ['but adds none', [{ add: '/tags', value: ['r'] }], 409],
  ['a step is one operation', [{ replace: '/name', add: '/x', value: 'y' }], 400],
  ['a step is at least one', [{ value: 'y' }], 400],
  ['the new way is not understood', [{ op: 'replace', path: '/name', value: 'x' }], 400],
  ['an addition needs a value in it', [{ add: '/foo' }], 400],
]

const TYPES: readonly (readonly [string, string])[] = [
  ['plain JSON', 'application/json'],
  ['the patch of everybody else', 'application/json-patch+json'],
  ['text', 'text/plain'],
  ['a version that there is not', 'application/openstack-images-v2.2-json-patch'],
]

export const PATCH: readonly Scenario[] = [
  {
    name: 'patch',
    rows: [
      create('image', {}),
      ...TYPES.map(([title, type]) =>
        patch('image', [], {
          title: `${title} is refused, with what is taken`,
          headers: { 'content-type': type },
          status: 415,
          answers: {
            'accept-patch':
              'application/openstack-images-v2.0-json-patch, application/openstack-images-v2.1-json-patch',
          },
        }),
      ),
      patch('image', [], { title: 'no steps change nothing', shows: { name: 'image' } }),
      ...rows(SHAPES),
      ...rows(PROPERTIES),
      ...rows(VALUES),
      ...rows(base),
      ...rows(forbidden),
      ...rows(OLD, V20),
      patch('image', [add('/owner', 'stranger')], {
        title: 'an administrator gives it to somebody else',
        as: 'admin',
        shows: { owner: 'stranger' },
      }),
      patch('image', [replace('/owner', 'owner')], {
        title: 'and back',
        as: 'admin',
        shows: { owner: 'owner' },
      }),
      patch('image', [replace('/visibility', 'public')], {
        title: 'and makes it public',
        as: 'admin',
        shows: { visibility: 'public' },
      }),
      patch('image', [], { title: 'nothing is anybody to do', as: 'stranger', status: 200 }),
      patch('image', [{ op: 'nope' }], {
        title: 'what is wrong is so before it is forbidden',
        as: 'stranger',
        status: 400,
      }),
      patch('nowhere', [{ op: 'nope' }], { title: 'and before it is not there', status: 400 }),
      patch('nowhere', [replace('/name', 'x')], { title: 'what is not there is not', status: 404 }),
      patch('nowhere', [], {
        title: 'the media type is looked at before everything',
        headers: { 'content-type': 'application/json' },
        status: 415,
      }),
    ],
  },
  {
    name: 'patch of an active image',
    rows: [
      create('image'),
      upload('image', 'data'),
      ...rows([
        ['a disk format stays', [replace('/disk_format', 'qcow2')], 403],
        ['also when it is the same', [replace('/disk_format', 'raw')], 403],
        ['a container format stays', [replace('/container_format', 'ovf')], 403],
        ['when it is added too', [add('/container_format', 'bare')], 403],
        ['the rest changes', [replace('/min_disk', 5)], { min_disk: 5, status: 'active', size: 4 }],
      ]),
    ],
  },
]
