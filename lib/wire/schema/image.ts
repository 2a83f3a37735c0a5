import type { ImageStatus } from '../../image/status.ts'

/** The form of an id, as Glance's schemas spell it. */
export const UUID_PATTERN =
  '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$'

/** In the order of Glance's schema. */
const STATUSES: readonly ImageStatus[] = [
  'queued',
  'saving',
  'active',
  'killed',
  'deleted',
  'uploading',
  'importing',
  'pending_delete',
  'deactivated',
]

const LOCATION = {
  type: 'object',
  properties: {
    url: { type: 'string', maxLength: 255 },
    metadata: { type: 'object' },
    validation_data: {
      type: 'object',
      description: 'Digests of the data, for an image that has none yet.',
      writeOnly: true,
      additionalProperties: false,
      properties: {
        checksum: { type: 'string', minLength: 32, maxLength: 32 },
        os_hash_algo: { type: 'string', maxLength: 64 },
        os_hash_value: { type: 'string', maxLength: 128 },
      },
      required: ['os_hash_algo', 'os_hash_value'],
    },
  },
  required: ['url', 'metadata'],
} as const

/** The properties that every image has. */
export const BASE_PROPERTIES = {
  id: { type: 'string', description: 'Identifier of the image', pattern: UUID_PATTERN },
  name: { type: ['null', 'string'], description: 'Name for people to read', maxLength: 255 },
  status: {
    type: 'string',
    readOnly: true,
    description: 'Where the image is in its life',
    enum: STATUSES,
  },
  visibility: {
    type: 'string',
    description: 'Who may see the image',
    enum: ['community', 'public', 'private', 'shared'],
  },
  protected: { type: 'boolean', description: 'Whether the image is kept from being deleted' },
  os_hidden: { type: 'boolean', description: 'Whether listings leave the image out' },
  checksum: {
    type: ['null', 'string'],
    readOnly: true,
    description: 'MD5 of the data, in hex',
    maxLength: 32,
  },
  os_hash_algo: {
    type: ['null', 'string'],
    readOnly: true,
    description: 'Algorithm of os_hash_value',
    maxLength: 64,
  },
  os_hash_value: {
    type: ['null', 'string'],
    readOnly: true,
    description: 'Digest of the data by os_hash_algo, in hex',
    maxLength: 128,
  },
  owner: { type: ['null', 'string'], description: 'Project of the image', maxLength: 255 },
  size: { type: ['null', 'integer'], readOnly: true, description: 'Size of the data in bytes' },
  virtual_size: {
    type: ['null', 'integer'],
    readOnly: true,
    description: 'Size in bytes of the disk that the data holds',
  },
  container_format: {
    type: ['null', 'string'],
    description: 'Format of what the disk is wrapped in',
  },
  disk_format: {
    type: ['null', 'string'],
    description: 'Format of the disk',
  },
  created_at: { type: 'string', readOnly: true, description: 'When the image was created' },
  updated_at: { type: 'string', readOnly: true, description: 'When the image was last changed' },
  tags: {
    type: 'array',
    description: 'Words to find the image by',
    items: { type: 'string', maxLength: 255 },
  },
  direct_url: { type: 'string', readOnly: true, description: 'URL of the data in its store' },
  min_ram: { type: 'integer', description: 'Memory in MiB that the image needs to boot' },
  min_disk: { type: 'integer', description: 'Disk space in GiB that the image needs to boot' },
  self: { type: 'string', readOnly: true, description: 'URL of the image' },
  file: { type: 'string', readOnly: true, description: 'URL of the data of the image' },
  stores: {
    type: 'string',
    readOnly: true,
    description: 'Identifiers of the stores that hold the data, with commas between them',
  },
  schema: { type: 'string', readOnly: true, description: 'URL of this schema' },
  locations: { type: 'array', description: 'URLs of the data in its stores', items: LOCATION },
} as const

/**
 * The properties that Glance's etc/schema-image.json adds, which a deployer may change. They are shown with an
 * `is_base` that tells a client that they come and go like custom ones, although their values are held to a form.
 */
export const DEPLOYER_PROPERTIES = {
  kernel_id: {
    type: ['null', 'string'],
    description: 'Image of the kernel to boot an AMI image with',
    pattern: UUID_PATTERN,
  },
  ramdisk_id: {
    type: ['null', 'string'],
    description: 'Image of the ramdisk to boot an AMI image with',
    pattern: UUID_PATTERN,
  },
  instance_uuid: {
    type: 'string',
    description: 'Server that the image is a snapshot of; informative',
  },
  architecture: {
    type: 'string',
    description: 'Processor architecture that the image is for',
  },
  os_distro: {
    type: 'string',
    description: 'Common name of the distribution in the image',
  },
  os_version: {
    type: 'string',
    description: 'Version of the system in the image, as its maker writes it',
  },
  description: { type: 'string', description: 'What the image is, for people' },
  cinder_encryption_key_id: {
    type: 'string',
    description: 'Key in the key manager with which a volume of this image is encrypted',
  },
  cinder_encryption_key_deletion_policy: {
    type: 'string',
    description: 'What becomes of that key when the image is deleted',
    enum: ['on_image_deletion', 'do_not_delete'],
  },
} as const

/** What a deployer says of custom properties, in a `schema-image.json`. */
export interface DeployerSchema {
  /** JSON schemas by the names of the properties. */
  readonly properties: Readonly<Record<string, object>>
  /** Those that an image has to be created with. */
  readonly required: readonly string[]
}

/** The schema of an image at a service that takes these formats, and these properties besides. */
export function imageSchemaOf(
  containerFormats: readonly string[],
  diskFormats: readonly string[],
  { properties, required }: DeployerSchema,
) {
  const { container_format, disk_format } = BASE_PROPERTIES
  const added = Object.entries(properties).map(([name, schema]) => [
    name,
    { ...schema, is_base: false },
  ])
  return {
    name: 'image',
    properties: {
      ...BASE_PROPERTIES,
      container_format: { ...container_format, enum: [null, ...containerFormats] },
      disk_format: { ...disk_format, enum: [null, ...diskFormats] },
      ...Object.fromEntries(added),
    } as Readonly<Record<string, object>>,
    additionalProperties: { type: 'string' },
    ...(required.length > 0 && { required }),
    links: [
      { rel: 'self', href: '{self}' },
      { rel: 'enclosure', href: '{file}' },
      { rel: 'describedby', href: '{schema}' },
    ],
  }
}
