import { USER_MADE } from '../wire/v2-image.ts'

const FINGERPRINT = {
  type: 'object',
  additionalProperties: false,
  required: [
    'status',
    'size',
    'checksum',
    'os_hash_algo',
    'os_hash_value',
    'updated_at',
    'metadata',
  ],
  properties: {
    status: { type: 'string' },
    size: { type: ['integer', 'null'], minimum: 0 },
    checksum: { type: ['string', 'null'] },
    os_hash_algo: { type: ['string', 'null'] },
    os_hash_value: { type: ['string', 'null'] },
    updated_at: { type: 'string' },
    metadata: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  },
} as const

const ID = { type: 'string', pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' }

const VALUE = {
  type: ['string', 'number', 'boolean', 'null', 'array'],
  items: { type: 'string' },
} as const

/** What an image has to say: what is left out would be set to nothing. */
const IMAGE = [
  'id',
  ...USER_MADE,
  'status',
  'size',
  'virtual_size',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'created_at',
  'updated_at',
  'properties',
] as const

const WRITING = {
  id: ID,
  image: {
    type: 'object',
    additionalProperties: false,
    required: IMAGE,
    properties: {
      // Read as an answer of the v2 API.
      ...Object.fromEntries(IMAGE.map(name => [name, {}])),
      properties: { type: 'object', additionalProperties: { type: ['string', 'null'] } },
    },
  },
  members: {
    type: 'array',
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['project', 'status', 'canShare'],
      properties: {
        project: { type: 'string', minLength: 1 },
        status: { enum: ['pending', 'accepted', 'rejected', null] },
        canShare: { type: ['boolean', 'null'] },
      },
    },
  },
  lost: {
    type: 'array',
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['kind', 'field', 'value', 'reason'],
      properties: {
        kind: { enum: ['attribute', 'property', 'digest'] },
        field: { type: 'string' },
        value: VALUE,
        reason: { type: 'string' },
      },
    },
  },
  source: FINGERPRINT,
} as const

const CREATE = {
  type: 'object',
  additionalProperties: false,
  required: ['step', 'id', 'image', 'with_data', 'new_id', 'lost', 'source', 'target'],
  properties: {
    step: { const: 'create' },
    ...WRITING,
    with_data: { type: 'boolean' },
    new_id: { anyOf: [ID, { type: 'null' }] },
    target: { anyOf: [FINGERPRINT, { type: 'null' }] },
  },
} as const

const UPDATE = {
  type: 'object',
  additionalProperties: false,
  required: ['step', 'id', 'image', 'changes', 'lost', 'source', 'target'],
  properties: {
    step: { const: 'update' },
    ...WRITING,
    changes: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['field'],
        properties: { field: { type: 'string' }, from: VALUE, to: VALUE },
      },
    },
    target: FINGERPRINT,
  },
} as const

const REMOVE = {
  type: 'object',
  additionalProperties: false,
  required: ['step', 'id', 'name', 'target'],
  properties: {
    step: { enum: ['hide', 'deactivate', 'delete'] },
    id: ID,
    name: { type: ['string', 'null'] },
    target: FINGERPRINT,
  },
} as const

const END = {
  type: 'object',
  additionalProperties: false,
  required: ['step', 'steps', 'bytes', 'listed'],
  properties: {
    step: { const: 'end' },
    steps: { type: 'integer', minimum: 0 },
    bytes: { type: 'integer', minimum: 0 },
    listed: {
      type: 'object',
      additionalProperties: false,
      required: ['source', 'both', 'copies', 'known'],
      properties: {
        source: { type: 'integer', minimum: 0 },
        both: { type: 'integer', minimum: 0 },
        copies: { type: 'boolean' },
        known: { type: 'array', items: ID },
      },
    },
  },
} as const

/** The JSON Schemas of the lines of a plan after the first, by their `step`. */
export const LINE_SCHEMAS: Readonly<Record<string, object>> = {
  create: CREATE,
  update: UPDATE,
  hide: REMOVE,
  deactivate: REMOVE,
  delete: REMOVE,
  end: END,
}

const PLACE = {
  type: 'object',
  additionalProperties: false,
  required: ['named', 'address', 'host', 'scope', 'api'],
  properties: {
    named: { type: 'string', minLength: 1 },
    address: { type: 'string', minLength: 1 },
    host: { type: ['string', 'null'] },
    scope: { type: ['string', 'null'], minLength: 1 },
    api: { enum: [1, 2, null] },
  },
} as const

/** That of the first line, of this version. */
export const HEADER_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: [
    'glance_replicator_plan',
    'command',
    'created_at',
    'source',
    'target',
    'on_conflict',
    'id_map',
    'dontreplicate',
    'only',
    'removal',
  ],
  properties: {
    glance_replicator_plan: { type: 'integer' },
    command: { enum: ['livecopy', 'load', 'dump'] },
    created_at: { type: 'string' },
    source: PLACE,
    target: PLACE,
    on_conflict: { enum: ['fail', 'skip', 'new-id'] },
    id_map: { type: ['string', 'null'], minLength: 1 },
    dontreplicate: { type: 'string' },
    only: { type: ['string', 'null'] },
    set: { type: 'array', items: { type: 'string' } },
    unset: { type: 'array', items: { type: 'string' } },
    removal: {
      anyOf: [
        { type: 'null' },
        {
          type: 'object',
          additionalProperties: false,
          required: ['how', 'copies_from', 'most'],
          properties: {
            how: { enum: ['hide', 'deactivate', 'delete'] },
            copies_from: { type: ['string', 'null'] },
            most: {
              anyOf: [
                { type: 'null' },
                {
                  type: 'object',
                  additionalProperties: false,
                  required: ['type', 'images'],
                  properties: {
                    type: { const: 'images' },
                    images: { type: 'integer', minimum: 0 },
                  },
                },
                {
                  type: 'object',
                  additionalProperties: false,
                  required: ['type', 'percent'],
                  properties: {
                    type: { const: 'percent' },
                    percent: { type: 'number', minimum: 0, maximum: 100 },
                  },
                },
              ],
            },
          },
        },
      ],
    },
  },
} as const
