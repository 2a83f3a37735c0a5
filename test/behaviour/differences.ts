import { LISTED_BY_SETTING } from './differences-by-setting.ts'
import { WORDINGS_BY_SETTING } from './wordings-by-setting.ts'
import { WORDINGS } from './wordings.ts'

/** What differs from Debian's Glance in an answer, in the words of the runner, and why. */
export interface Difference {
  readonly differs: readonly string[]
  readonly reason: string
}

export interface Listed extends Difference {
  readonly rows: readonly string[]
}

const LISTED: readonly Listed[] = [
  {
    reason:
      'newer than 25.1, which has no 2.17; and what answers before its context makes no request id',
    differs: ['x-openstack-request-id -, ours <request>', 'body: versions'],
    rows: [
      'versions: the root offers a choice of versions',
      'versions: a version that there is not offers a choice',
      'versions: a minor version that there is not offers a choice',
      'versions: the first version offers a choice',
      'versions: a path of nothing known offers a choice',
      'versions: a version is spelled in lower case',
      'versions: a version that there is not offers a choice in Accept as well',
      'versions: the versions are for everybody, with absolute links',
      'versions: the versions come with a slash too',
      'versions: whatever follows',
      'versions: the root answers POST alike',
      'versions: the versions answer POST alike',
    ],
  },
  {
    reason: 'what answers before its context makes no request id',
    differs: ['x-openstack-request-id -, ours <request>'],
    rows: ['versions: the service says that it is well to everybody'],
  },
  {
    reason: "Glance's routes lead to /v2/, where nothing is either",
    differs: ['status 302, ours 404'],
    rows: ['paths: GET /v2 is not found'],
  },
  {
    reason: "Glance's routes take no notice of a slash too many",
    differs: ['status 200, ours 404'],
    rows: ['paths: GET /v2//images is not found'],
  },
  {
    reason: 'Glance decodes a path before it takes it apart, and so takes an id for more than that',
    differs: ['status 204, ours 404'],
    rows: ['paths: GET /v2/images/{plain}%2Ffile is not found'],
  },
  {
    reason: 'a 500 of Glance',
    differs: ['status 500, ours 400'],
    rows: [
      'paths: a path that is no UTF-8 is wrong',
      'misfortunes: lists in lists',
      'misfortunes: lists in lists, deeper than any stack',
      'misfortunes: objects in objects',
      'misfortunes: half a character',
      'misfortunes: half a character in a property',
      'misfortunes: no path',
      'misfortunes: a patch deeper than any stack',
      'misfortunes: a member that is a list',
      'create: a list is refused',
      'create: a list with an image is refused',
      'patch: a path that is a number is none',
      'tags: of UTF-8',
      'namespaces: tags without names is refused',
    ],
  },
  {
    reason:
      "who is nobody is refused by Glance's context before it makes a request id; ours makes one for every answer",
    differs: ['x-openstack-request-id -, ours <request>', 'wording'],
    rows: [
      'identities: GET /v2/images is for those who say who they are',
      'identities: POST /v2/images is for those who say who they are',
      'identities: GET /v2/images/{plain} is for those who say who they are',
      'identities: PATCH /v2/images/{plain} is for those who say who they are',
      'identities: DELETE /v2/images/{plain} is for those who say who they are',
      'identities: GET /v2/images/{plain}/file is for those who say who they are',
      'identities: PUT /v2/images/{plain}/file is for those who say who they are',
      'identities: GET /v2/images/{plain}/members is for those who say who they are',
      'identities: PUT /v2/images/{plain}/tags/a is for those who say who they are',
      'identities: POST /v2/images/{plain}/actions/deactivate is for those who say who they are',
      'identities: GET /v2/schemas/image is for those who say who they are',
      'identities: GET /v2/metadefs/namespaces is for those who say who they are',
      'identities: GET /v2/nope is for those who say who they are',
      'identities: who is not confirmed is nobody',
      'misfortunes: nobody with a role',
    ],
  },
  {
    reason: 'a 500 of Glance that a client can provoke: ours reads no catalogue',
    differs: ['status 500, ours 200'],
    rows: ['identities: a catalogue that is no JSON is of no account'],
  },
  {
    reason: 'a 500 of Glance',
    differs: ['status 500, ours 200'],
    rows: ['misfortunes: many filters'],
  },
  {
    reason: "Glance's filter for CORS answers, which ours does not have",
    differs: ['status 200, ours 405'],
    rows: ['misfortunes: OPTIONS'],
  },
  {
    reason: 'as in all of HTTP, a media type of ours is in any case',
    differs: ['status 415, ours 200'],
    rows: ['misfortunes: a media type in capitals'],
  },
  {
    reason: 'SQLite takes a number for text, and Glance asks nobody',
    differs: ['status 200, ours 400'],
    rows: ['misfortunes: a member that is a number'],
  },
  {
    reason: 'on SQLite Glance takes what its other databases have no room for',
    differs: ['status 200, ours 400'],
    rows: ['misfortunes: a member of 256 characters'],
  },
  {
    reason: 'a 500 of Glance',
    differs: ['status 500, ours 431'],
    rows: ['misfortunes: a long request id is refused'],
  },
  {
    reason: 'Glance compares a size that is null as text, which SQLite puts behind every number',
    differs: ['body: images'],
    rows: ['list: the owner lists sort_key=size&sort_dir=asc&marker={d}'],
  },
  {
    reason: 'Glance looks for the visibility that is empty, and finds nothing',
    differs: ['status 200, ours 400'],
    rows: ['list: the owner lists visibility='],
  },
  {
    reason: 'Glance 25.1 looks for what cannot be, and finds nothing',
    differs: ['status 200, ours 400'],
    rows: [
      'list: the owner lists name=%F0%9F%98%80',
      'list: the owner lists foo=%F0%9F%98%80',
      'list: the owner lists tag=%F0%9F%98%80',
    ],
  },
  {
    reason:
      'Glance takes stores in a patch for a property of any name; ours is as strict as on creation',
    differs: ['status 409, ours 403'],
    rows: ['patch: stores are not replaced'],
  },
  {
    reason: 'newer than 25.1: x-openstack-image-size',
    differs: ['status 204, ours 400'],
    rows: [
      'upload: x-openstack-image-size: 5 of 4 bytes',
      'upload: x-openstack-image-size: 3 of 4 bytes',
      'upload: x-openstack-image-size: x of 4 bytes',
      'upload: x-openstack-image-size: 4.0 of 4 bytes',
    ],
  },
  {
    reason: 'newer than 25.1: x-openstack-image-size',
    differs: ['body: checksum, os_hash_algo, os_hash_value, size, status, virtual_size'],
    rows: [
      'upload: too-large: the image is queued',
      'upload: too-small: the image is queued',
      'upload: word: the image is queued',
      'upload: broken: the image is queued',
    ],
  },
  {
    reason: 'newer than 25.1: content is inspected',
    differs: ['status 204, ours 415'],
    rows: ['upload: content contradicts its format'],
  },
  {
    reason: 'newer than 25.1: content is inspected',
    differs: ['body: checksum, os_hash_algo, os_hash_value, size, status'],
    rows: ['upload: and the image waits for other'],
  },
  {
    reason: 'a 500 of Glance',
    differs: ['status 500, ours 416'],
    rows: ['download: range: bytes=- is none'],
  },
  {
    reason: 'Glance takes 1--2 for 1-',
    differs: ['status 206, ours 416'],
    rows: ['download: range: bytes=1--2 is none'],
  },
  {
    reason: 'a 500 of Glance',
    differs: ['status 500, ours 204'],
    rows: ['ranges of nothing: a range of no data is no data'],
  },
  {
    reason: 'Glance takes the bytes of a path for Latin-1',
    differs: ['status 204, ours 400'],
    rows: ['tags: of the first plane'],
  },
  {
    reason: 'Glance takes the bytes of a path for Latin-1',
    differs: ['body: tags'],
    rows: ['tags: all are there'],
  },
]

/** What any answer may differ in, and why. */
export const ANYWHERE: ReadonlyMap<string, string> = new Map([
  [
    'openstack-image-store-ids fast,slow,web,os_glance_staging_store,os_glance_tasks_store, ours fast,slow,web',
    'Glance takes the stores of its own for some of the deployer as soon as it has used them',
  ],
])

/** Glance explains an error, and describes a schema, in words of its own, which nobody can depend on. */
const WORDED: readonly Listed[] = Object.entries({
  ...WORDINGS,
  ...WORDINGS_BY_SETTING,
}).map(([scenario, titles]) => ({
  reason: 'wording',
  differs: ['wording'],
  rows: titles.map(title => `${scenario}: ${title}`),
}))

/** By scenario and title of a row. Each is one that there is: a test fails for one that has gone. */
export const DIFFERENCES: ReadonlyMap<string, Difference> = new Map(
  [...LISTED, ...LISTED_BY_SETTING, ...WORDED].flatMap(({ rows, differs, reason }) =>
    rows.map((row): [string, Difference] => [row, { differs, reason }]),
  ),
)
