import { maySee, VISIBILITIES, WHO } from './images-show.ts'
import { create, OCTETS, patch, type Row, type Scenario, upload } from './table.ts'

const DATA10 = '0123456789'
const MD5 = '781e5e245d69b566979b86e28d23f2c7'
const EMPTY_MD5 = 'd41d8cd98f00b204e9800998ecf8427e'
const SHA512 =
  'bb96c2fc40d2d54617d6f276febe571f623a8dadf0b734855299b0e107fda32cf6b69f2da32b36445d73690b93cbd0f7bfc20e0f7f28553d2a4428f23b716e90'

const get = (title: string, headers: Record<string, string>, expected: Partial<Row>): Row => {
  return { title, ask: 'GET /v2/images/{image}/file', headers, status: 206, ...expected }
}

/** A `Range`, and what of the ten bytes it is: first, last. */
const RANGES: readonly (readonly [string, number, number])[] = [
  ['bytes=0-3', 0, 3],
  ['bytes=0-0', 0, 0],
  ['bytes=5-', 5, 9],
  ['bytes=0-', 0, 9],
  ['bytes=-3', 7, 9],
  ['bytes=-10', 0, 9],
  ['bytes=-11', 0, 9],
  ['bytes=9-9', 9, 9],
  ['bytes=9-', 9, 9],
  ['bytes=0-9', 0, 9],
  ['bytes=0-10', 0, 9],
  ['bytes=3-100', 3, 9],
  ['bytes=0-100000000000000000000', 0, 9],
  ['bytes=00-03', 0, 3],
]
const UNSATISFIABLE = [
  'bytes=10-',
  'bytes=10-20',
  'bytes=5-2',
  'bytes=',
  'bytes=-',
  'bytes=a-b',
  'bytes=1',
  'bits=0-3',
  'nonsense',
  'bytes=1--2',
]
const CONTENT_RANGES: readonly (readonly [string, number, number])[] = [
  ['bytes 0-3/10', 0, 3],
  ['bytes 0-3/*', 0, 3],
  ['bytes 2-9/*', 2, 9],
  ['bytes 9-9/10', 9, 9],
]
const UNSATISFIABLE_CONTENT = ['bytes 10-12/20', 'bytes 2-11/*', 'nonsense', 'bytes 3-0/10']

const part = (name: string, value: string, first: number, last: number): Row =>
  get(
    `${name}: ${value}`,
    { [name]: value },
    {
      answers: {
        'content-range': `bytes ${first}-${last}/10`,
        'content-type': 'application/octet-stream',
        'content-md5': MD5,
      },
      shows: DATA10.slice(first, last + 1),
    },
  )

/** Each upload to an image of its own. */
const SIZES: readonly (readonly [string, string, number])[] = [
  ['right', '4', 204],
  ['too-large', '5', 400],
  ['too-small', '3', 400],
  ['none', '0', 204],
  ['word', 'x', 400],
  ['broken', '4.0', 400],
]

export const DATA: readonly Scenario[] = [
  {
    name: 'upload',
    rows: [
      create('image'),
      {
        title: 'without data there is none',
        ask: 'GET /v2/images/{image}/file',
        status: 204,
      },
      ...['text/plain', 'application/json', 'application/octet-stream-not'].map((type): Row => {
        return {
          title: `data is not ${type}`,
          ask: 'PUT /v2/images/{image}/file',
          headers: { 'content-type': type },
          body: 'data',
          status: 415,
        }
      }),
      {
        title: 'nor of no type',
        ask: 'PUT /v2/images/{image}/file',
        body: 'data',
        status: 415,
      },
      upload('image', DATA10),
      {
        title: 'what is active knows its data',
        ask: 'GET /v2/images/{image}',
        status: 200,
        shows: {
          status: 'active',
          size: 10,
          checksum: MD5,
          os_hash_algo: 'sha512',
          os_hash_value: SHA512,
          virtual_size: 10,
        },
      },
      { ...upload('image', 'other'), title: 'and takes no other', status: 409 },
      {
        title: 'it is the same as before',
        ask: 'GET /v2/images/{image}/file',
        status: 200,
        answers: { 'content-type': 'application/octet-stream', 'content-md5': MD5 },
        shows: DATA10,
      },
      create('bare', { container_format: 'bare' }),
      { ...upload('bare', 'x'), title: 'no data without a disk format', status: 400 },
      create('formatted', { disk_format: 'raw' }),
      { ...upload('formatted', 'x'), title: 'nor without a container format', status: 400 },
      create('neither', {}),
      { ...upload('neither', 'x'), title: 'nor without both', status: 400 },
      {
        title: 'which stays queued',
        ask: 'GET /v2/images/{neither}',
        status: 200,
        shows: { status: 'queued', size: null, checksum: null },
      },
      create('empty'),
      upload('empty', ''),
      {
        title: 'an empty image is one',
        ask: 'GET /v2/images/{empty}',
        status: 200,
        shows: { status: 'active', size: 0, checksum: EMPTY_MD5 },
      },
      { ...upload('nowhere', 'x'), title: 'there is an image to upload to', status: 404 },
      ...SIZES.flatMap(([name, size, status]): Row[] => [
        create(name),
        {
          ...upload(name, 'data'),
          title: `x-openstack-image-size: ${size} of 4 bytes`,
          headers: { ...OCTETS, 'x-openstack-image-size': size },
          status,
        },
        {
          title: `${name}: the image is ${status === 204 ? 'active' : 'queued'}`,
          ask: `GET /v2/images/{${name}}`,
          status: 200,
          shows: status === 204 ? { status: 'active', size: 4 } : { status: 'queued', size: null },
        },
      ]),
      create('qcow', { disk_format: 'qcow2', container_format: 'bare' }),
      {
        ...upload('qcow', 'no qcow2 at all'),
        title: 'content contradicts its format',
        status: 415,
      },
      {
        title: 'and the image waits for other',
        ask: 'GET /v2/images/{qcow}',
        status: 200,
        shows: { status: 'queued', size: null, checksum: null },
      },
      create('sized'),
      {
        ...upload('sized', 'data'),
        title: 'a store is not for the caller to choose where there is one',
        headers: { ...OCTETS, 'x-image-meta-store': 'other' },
        status: 204,
      },
    ],
  },
  {
    name: 'download',
    rows: [
      create('image'),
      upload('image', DATA10),
      ...RANGES.map(([value, first, last]) => part('range', value, first, last)),
      ...UNSATISFIABLE.map(value =>
        get(`range: ${value} is none`, { range: value }, { status: 416 }),
      ),
      get('several ranges are refused', { range: 'bytes=0-1,3-4' }, { status: 400 }),
      ...CONTENT_RANGES.map(([value, first, last]) => part('content-range', value, first, last)),
      ...UNSATISFIABLE_CONTENT.map(value =>
        get(`content-range: ${value} is none`, { 'content-range': value }, { status: 416 }),
      ),
      get(
        'a Range counts before a Content-Range',
        { range: 'bytes=5-6', 'content-range': 'bytes 0-3/10' },
        { shows: '56' },
      ),
      get(
        'whatever is accepted, data is octets',
        { accept: 'text/plain' },
        { status: 200, shows: DATA10 },
      ),
    ],
  },
  {
    name: 'who downloads',
    rows: VISIBILITIES.flatMap(visibility => [
      create(visibility),
      upload(visibility, DATA10),
      {
        title: `the ${visibility} one gets a member`,
        ask: `POST /v2/images/{${visibility}}/members`,
        body: { member: 'member' },
        status: 200,
      },
      patch(visibility, [{ op: 'replace', path: '/visibility', value: visibility }], {
        title: `and becomes ${visibility}`,
        as: 'admin',
      }),
      ...WHO.flatMap((who): Row[] => {
        const sees = maySee(who, visibility)
        const isOwners = who === 'owner' || who === 'admin'
        const ask = `{${visibility}}/file`
        return [
          {
            title: `the ${who} ${sees ? 'downloads' : 'does not download'} ${visibility} data`,
            as: who,
            ask: `GET /v2/images/${ask}`,
            status: sees ? 200 : 404,
            ...(sees && { shows: DATA10 }),
          },
          {
            title: `the ${who} does not replace ${visibility} data`,
            as: who,
            ask: `PUT /v2/images/${ask}`,
            headers: OCTETS,
            body: 'other',
            status: isOwners ? 409 : sees ? 403 : 404,
          },
        ]
      }),
    ]),
  },
  {
    name: 'ranges of nothing',
    rows: [
      create('image'),
      get('a range of no data is no data', { range: 'bytes=0-3' }, { status: 204 }),
      get('several are refused all the same', { range: 'bytes=0-1,3-4' }, { status: 400 }),
      upload('image', ''),
      get(
        'no bytes are data',
        {},
        { status: 200, answers: { 'content-md5': EMPTY_MD5 }, shows: '' },
      ),
      get('but have no first one', { range: 'bytes=0-0' }, { status: 416 }),
      get('nor what follows', { range: 'bytes=0-' }, { status: 416 }),
    ],
  },
]
