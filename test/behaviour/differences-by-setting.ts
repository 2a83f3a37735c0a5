import type { Listed } from './differences.ts'

/** What differs where a server is not as it comes, or is asked for what depends on how it is set up. */
export const LISTED_BY_SETTING: readonly Listed[] = [
  {
    reason: "Glance's routes have no word of which methods these two paths take",
    differs: ['status 404, ours 405'],
    rows: [
      'methods: HEAD /v2/images/{plain}/tasks is not allowed',
      'methods: POST /v2/images/{plain}/tasks is not allowed',
      'methods: PUT /v2/images/{plain}/tasks is not allowed',
      'methods: DELETE /v2/images/{plain}/tasks is not allowed',
      'methods: PATCH /v2/images/{plain}/tasks is not allowed',
      'methods: HEAD /v2/info/usage is not allowed',
      'methods: POST /v2/info/usage is not allowed',
      'methods: PUT /v2/info/usage is not allowed',
      'methods: DELETE /v2/info/usage is not allowed',
      'methods: PATCH /v2/info/usage is not allowed',
    ],
  },
  {
    reason: 'a 500 of Glance',
    differs: ['status 500, ours 400'],
    rows: [
      'no stores with names: nothing is copied',
      'what is no import: a list',
      'the cache: no document is expected: DELETE /v2/cache',
      'the cache: no document is expected: PUT /v2/cache/{image}',
      'the cache: no document is expected: DELETE /v2/cache/{image}',
      'what is no import: a method that is text',
      'what is no import: a method that is null',
      'what is no import: a method that is a list',
    ],
  },
  {
    reason: 'newer than 25.1: location_import',
    differs: ['body: properties'],
    rows: ['tasks: the schema of one', 'tasks: the schema of several'],
  },
  {
    reason: 'Glance takes 0.0.0.0 for an address of somebody else, and connects to itself',
    differs: ['status 202, ours 400'],
    rows: ['downloads from near: not from this machine as any address'],
  },
  {
    reason:
      "who is nobody is refused by Glance's context before it makes a request id; ours makes one for every answer",
    differs: ['x-openstack-request-id -, ours <request>', 'wording'],
    rows: [
      'several stores: info/import to the nobody',
      'several stores: info/stores to the nobody',
      'several stores: info/stores/detail to the nobody',
      'several stores: info/usage to the nobody',
    ],
  },
  {
    reason: 'newer than 25.1: weights; and ours writes in larger pieces',
    differs: ['body: stores'],
    rows: ['several stores: info/stores/detail to the admin'],
  },
  {
    reason: 'newer than 25.1: services are told',
    differs: ['status 403, ours 200'],
    rows: ['several stores: details for a service'],
  },
  {
    reason:
      'newer than 25.1, which has no 2.17; and what answers before its context makes no request id',
    differs: ['x-openstack-request-id -, ours <request>', 'body: versions'],
    rows: ['several stores: the versions are more', 'the cache: the versions are more'],
  },
  {
    reason:
      'Glance takes stores in a patch for a property of any name; ours is as strict as on creation',
    differs: ['status 200, ours 403'],
    rows: ['several stores: nor put into one', 'several stores: nor out of one'],
  },
  {
    reason: 'newer than 25.1: x-openstack-image-size',
    differs: ['status 204, ours 400'],
    rows: ['staging: data of another size than was said'],
  },
  {
    reason: 'Glance takes apart what is no list of names, and finds no such store',
    differs: ['status 409, ours 400'],
    rows: ['what is no import: stores are a list', 'what is no import: by name'],
  },
  {
    reason: 'Glance imports into no store, and the image is being imported for ever',
    differs: ['status 202, ours 400'],
    rows: ['what is no import: of some'],
  },
  {
    reason:
      'Glance fails once more as it undoes what failed, and the image is being imported for ever',
    differs: ['body: status, virtual_size'],
    rows: ['importing what is staged: and nothing is left of it'],
  },
  {
    reason: 'Glance takes a size that nobody says for a number, and fails',
    differs: [
      'body: checksum, direct_url, locations, os_glance_failed_import, os_hash_algo, os_hash_value, size, status, stores, virtual_size',
    ],
    rows: ['downloads: is as good'],
  },
  {
    reason: 'Glance forgets the stores that it was to import to when it does not find the other',
    differs: ['body: os_glance_failed_import, os_glance_importing_to_stores'],
    rows: ['data of another Glance: the image waits'],
  },
  {
    reason: "Glance's store reads no parts from a web; ours does",
    differs: ['status 400, ours 206'],
    rows: ['locations: and so are its parts'],
  },
  {
    reason: 'Glance shows again whatever it does not know of a location',
    differs: ['body: locations'],
    rows: ['locations: what nobody knows is left out'],
  },
  {
    reason: 'Glance shows once what a location was to be held against',
    differs: ['body: locations'],
    rows: [
      'locations and digests: digests are believed',
      'locations and digests: but the same',
      'locations and digests: or are those of one',
      'locations and digests: a digest is',
    ],
  },
  {
    reason:
      "the image that a task of Glance makes is nobody's, and so everybody sees it; ours is of whoever asked",
    differs: ['body: images'],
    rows: ['tasks at work: there is an image then', 'tasks at work: and leaves no image'],
  },
  {
    reason: 'Glance counts tags that are there twice as two',
    differs: ['status 413, ours 201'],
    rows: ['how many tags: twice is created'],
  },
  {
    reason:
      'Glance fails once more as it undoes what failed, and the image is being saved for ever',
    differs: ['body: status'],
    rows: ['how many bytes: which waits as well'],
  },
  {
    reason: 'Glance stages what there is no room for, and fails when it is imported',
    differs: ['status 204, ours 413'],
    rows: ['how many bytes: nor are they staged'],
  },
  {
    reason: 'Glance stages what there is no room for, and fails when it is imported',
    differs: ['body: size, status'],
    rows: ['how many bytes: which waits after all'],
  },
  {
    reason: 'a 500 of Glance',
    differs: ['status 500, ours 200'],
    rows: ['properties protected by roles: x_blind_owner: is added by the owner'],
  },
  {
    reason: 'Glance loses a property that whoever makes it may not read',
    differs: ['body: x_blind_owner'],
    rows: [
      'properties protected by roles: x_blind_admin: is added by the admin',
      'properties protected by roles: x_blind_admin: is replaced by the admin',
      'properties protected by roles: x_blind_admin: is shown to the admin',
      'properties protected by roles: x_blind_admin: is removed by the admin',
    ],
  },
  {
    reason: 'Glance loses a property that whoever makes it may not read',
    differs: ['body: x_blind_a'],
    rows: [
      'unseen properties: an administrator sees them',
      'unseen properties: leaves them as they are',
    ],
  },
  {
    reason: 'Glance finds images by what it does not show of them, so that it can be found out',
    differs: ['body: images'],
    rows: ['unseen properties: nor by those that others have made'],
  },
  {
    reason:
      'Glance looks at the image only when something of it is changed, and not whether it may be seen',
    differs: ['status 200, ours 404'],
    rows: [
      'what roles may: owner as service: PATCH /v2/images/{image} []',
      'what roles may: owner as nobody special: PATCH /v2/images/{image} []',
    ],
  },
  {
    reason:
      'Glance looks at the image only when something of it is changed, and not whether it may be seen',
    differs: ['status 403, ours 404'],
    rows: [
      'what roles may: owner as service: PATCH /v2/images/{queued} [{"op":"replace","path":"/visibility","value":"public"}]',
      'what roles may: owner as nobody special: PATCH /v2/images/{queued} [{"op":"replace","path":"/visibility","value":"public"}]',
    ],
  },
  {
    reason: 'Glance tells whoever may not see an image what it is waiting for',
    differs: ['status 409, ours 404'],
    rows: [
      'what roles may: owner as service: POST /v2/images/{image}/import {"method":{"name":"glance-direct"}}',
      'what roles may: owner as nobody special: POST /v2/images/{image}/import {"method":{"name":"glance-direct"}}',
    ],
  },
  {
    reason: 'a 500 of Glance',
    differs: ['status 500, ours 400'],
    rows: [
      'what roles may: owner as admin,member,reader: POST /v2/images/{image}/import {"method":{"name":"copy-image"}}',
    ],
  },
]
