import type { OptionDoc } from './option.ts'

/** Which stores there are. */
export const STORES: OptionDoc = {
  section: 'glance_store',
  name: 'stores',
  also: ['known_stores', 'DEFAULT.stores', 'DEFAULT.known_stores'],
  type: 'list',
  default: 'file,http',
  doc: "The types of the stores that there are, or modules with somebody else's, when they have no names.",
}

export const DEFAULT_STORE: OptionDoc = {
  section: 'glance_store',
  name: 'default_store',
  also: ['DEFAULT.default_store'],
  type: 'text',
  default: 'file',
  doc: 'The one of these that data goes to. Without it that is the first that can be written to.',
}

export const ENABLED_BACKENDS: OptionDoc = {
  section: 'DEFAULT',
  name: 'enabled_backends',
  type: 'pairs',
  default: '',
  doc: 'Stores with names, each with the type behind a colon and options in a section of its name, in the place of stores.',
}

export const DEFAULT_BACKEND: OptionDoc = {
  section: 'glance_store',
  name: 'default_backend',
  type: 'text',
  default: null,
  doc: 'The name of the one of enabled_backends that data goes to unless a client chooses, which these need.',
}

/** Of the section of a store with a name, which has those of its type besides. */
export const STORE_DESCRIPTION: OptionDoc = {
  section: 'NAME',
  name: 'store_description',
  type: 'text',
  default: null,
  doc: 'What clients are told of the store.',
}

export const WEIGHT: OptionDoc = {
  section: 'NAME',
  name: 'weight',
  type: 'whole number',
  default: '0',
  doc: 'Of several locations of an image the one in the store of the greatest weight comes first.',
}

/** What is the same of all options of stores. */
function options(docs: readonly Omit<OptionDoc, 'section' | 'also'>[]): readonly OptionDoc[] {
  return docs.map(doc => ({ ...doc, section: 'glance_store', also: [`DEFAULT.${doc.name}`] }))
}

const FILE = options([
  {
    name: 'filesystem_store_datadir',
    type: 'folder',
    default: null,
    doc: 'The folder of the images. Without it that is images in the data directory.',
  },
  {
    name: 'filesystem_store_datadirs',
    type: 'text',
    isMultiple: true,
    default: null,
    doc: 'A folder and, behind a colon, its priority: data goes to that of the greatest which has room.',
  },
  {
    name: 'filesystem_store_metadata_file',
    type: 'file',
    default: null,
    doc: 'JSON that says as what others have mounted the folders. Without it nothing is said of that.',
  },
  {
    name: 'filesystem_store_file_perm',
    type: 'text',
    default: '0',
    doc: 'The permissions of files, in octal; 0 is those that they are written with, 640.',
  },
  {
    name: 'filesystem_store_chunk_size',
    type: 'whole number',
    default: '1048576',
    unit: 'bytes',
    doc: 'How much is read or written at once.',
  },
  {
    name: 'filesystem_thin_provisioning',
    type: 'boolean',
    default: 'false',
    doc: 'Whether zeros are left out of the files, as holes.',
  },
])

const MEGABYTES = 'megabytes of 1,024,000 bytes'

const SWIFT = options([
  {
    name: 'swift_store_auth_version',
    type: 'text',
    choices: ['1', '2', '3'],
    default: '2',
    doc: "1 is Swift's own authentication, the others are Keystone's.",
  },
  { name: 'swift_store_auth_address', type: 'URL', default: null, doc: 'Where that is.' },
  {
    name: 'swift_store_user',
    type: 'text',
    isSecret: true,
    default: null,
    doc: 'The user, with the project before a colon for the versions 2 and 3.',
  },
  { name: 'swift_store_key', type: 'text', isSecret: true, default: null, doc: 'Its password.' },
  {
    name: 'swift_store_config_file',
    type: 'file',
    default: null,
    doc: 'Has accounts in sections, in the place of these. Without it there are none.',
  },
  {
    name: 'default_swift_reference',
    type: 'text',
    default: 'ref1',
    doc: 'The section of that file which is written to.',
  },
  {
    name: 'swift_store_container',
    type: 'text',
    default: 'glance',
    doc: 'The container, or what the names of several begin with.',
  },
  {
    name: 'swift_store_multiple_containers_seed',
    type: 'whole number',
    default: '0',
    unit: 'digits',
    doc: "In how many of an image's id the containers differ; 0 is one container.",
  },
  {
    name: 'swift_store_create_container_on_put',
    type: 'boolean',
    default: 'false',
    doc: 'Whether a container is made that is missing.',
  },
  {
    name: 'swift_store_large_object_size',
    type: 'whole number',
    default: '5120',
    unit: MEGABYTES,
    doc: 'From which size on data is in segments.',
  },
  {
    name: 'swift_store_large_object_chunk_size',
    type: 'whole number',
    default: '200',
    unit: MEGABYTES,
    doc: 'How large a segment is.',
  },
  {
    name: 'swift_store_region',
    type: 'text',
    default: null,
    doc: 'Which Swift of the catalog. Without it any.',
  },
  {
    name: 'swift_store_endpoint',
    type: 'URL',
    default: null,
    doc: 'Where the account is, in the place of what authentication says.',
  },
  {
    name: 'swift_store_endpoint_type',
    type: 'text',
    choices: ['publicURL', 'internalURL', 'adminURL'],
    default: 'publicURL',
    doc: 'Which of its endpoints in the catalog.',
  },
  {
    name: 'swift_store_service_type',
    type: 'text',
    default: 'object-store',
    doc: 'What it is called in the catalog.',
  },
  {
    name: 'swift_store_multi_tenant',
    type: 'boolean',
    default: 'false',
    doc: 'Whether images are kept in the accounts of who uploads them.',
  },
  {
    name: 'swift_store_admin_tenants',
    type: 'list',
    default: '',
    doc: 'Projects that may read and write the containers of all of them.',
  },
  {
    name: 'swift_store_auth_insecure',
    type: 'boolean',
    default: 'false',
    doc: 'Whether any certificate is believed.',
  },
  {
    name: 'swift_store_cacert',
    type: 'file',
    default: null,
    doc: 'The authorities to trust, in PEM form. Without it those of the system are.',
  },
  {
    name: 'swift_store_retry_get_count',
    type: 'whole number',
    default: '0',
    unit: 'times',
    doc: 'How often a download that breaks off is gone on with.',
  },
  {
    name: 'swift_buffer_on_upload',
    type: 'boolean',
    default: 'false',
    doc: 'Has to be false: segments are sent as they come.',
  },
  {
    name: 'swift_store_use_trusts',
    type: 'boolean',
    default: 'true',
    doc: "Whether what takes longer than the caller's token holds goes on by a trust, with swift_store_multi_tenant.",
  },
  {
    name: 'swift_store_expire_soon_interval',
    type: 'whole number',
    default: '60',
    unit: 'seconds',
    doc: 'How long before the end of a token another one is asked for by the trust.',
  },
  ...unused('boolean', 'true', 'swift_store_ssl_compression'),
  ...unused('boolean', 'false', 'swift_enable_snet'),
  ...unused('folder', null, 'swift_upload_buffer_dir'),
])

const MIB = 'MiB'

const S3 = options([
  {
    name: 's3_store_host',
    type: 'text',
    default: null,
    doc: 'The server: a host, a host and a port, or a URL. The store needs it, and the next three.',
  },
  {
    name: 's3_store_access_key',
    type: 'text',
    isSecret: true,
    default: null,
    doc: 'By what it is let in.',
  },
  {
    name: 's3_store_secret_key',
    type: 'text',
    isSecret: true,
    default: null,
    doc: 'The secret of that.',
  },
  { name: 's3_store_bucket', type: 'text', default: null, doc: 'The bucket of the images.' },
  {
    name: 's3_store_create_bucket_on_put',
    type: 'boolean',
    default: 'false',
    doc: 'Whether it is made when it is missing.',
  },
  {
    name: 's3_store_bucket_url_format',
    type: 'text',
    choices: ['auto', 'path', 'virtual', 'subdomain'],
    default: 'auto',
    doc: 'Where in a URL the bucket stands; subdomain is what virtual was called in 2012.',
  },
  {
    name: 's3_store_region_name',
    type: 'text',
    default: null,
    doc: "The region. Without it that is the one in the name of Amazon's host, or us-east-1.",
  },
  {
    name: 's3_store_cacert',
    type: 'file',
    default: null,
    doc: 'The authorities to trust, in PEM form. Without it those of the system are.',
  },
  {
    name: 's3_store_large_object_size',
    type: 'whole number',
    default: '100',
    unit: MIB,
    doc: 'From which size on data is sent in parts. What is larger than a part is in any case.',
  },
  {
    name: 's3_store_large_object_chunk_size',
    type: 'whole number',
    default: '10',
    unit: MIB,
    doc: 'How large a part is, 5 at least and 525 at most.',
  },
  {
    name: 's3_store_thread_pools',
    type: 'whole number',
    default: '10',
    unit: 'parts',
    doc: 'How many of an image are on their way at once, as far as 32 MiB hold them, or two.',
  },
  ...unused('folder', null, 's3_store_object_buffer_dir'),
])

const HTTP = options([
  {
    name: 'https_ca_certificates_file',
    type: 'file',
    default: null,
    doc: 'The authorities to trust, in PEM form. Without it those of the system are.',
  },
  {
    name: 'https_insecure',
    type: 'boolean',
    default: 'false',
    doc: 'Whether any certificate is believed where no file of authorities is named.',
  },
  {
    name: 'http_proxy_information',
    type: 'pairs',
    isSecret: true,
    default: '',
    doc: 'By which proxies data is fetched: http, https or all, a colon and the address of an http proxy.',
  },
])

const RBD = options([
  {
    name: 'rbd_store_pool',
    type: 'text',
    default: 'images',
    doc: 'The pool of the images.',
  },
  {
    name: 'rbd_store_user',
    type: 'text',
    default: null,
    doc: "Whom Ceph knows the service as, without client. before it. Without it that is whom Ceph's programs are unless told otherwise.",
  },
  {
    name: 'rbd_store_ceph_conf',
    type: 'file',
    default: null,
    doc: "The configuration of Ceph. Without it that is where Ceph's programs look for it.",
  },
  {
    name: 'rbd_store_chunk_size',
    type: 'whole number',
    default: '8',
    unit: MIB,
    doc: 'How large the objects are that an image is cut into: the power of two below, 32 at the most.',
  },
  {
    name: 'rados_connect_timeout',
    type: 'whole number',
    default: '0',
    unit: 'seconds',
    doc: "In what time the cluster has to be reached; 0 and less: Ceph's own.",
  },
  {
    name: 'rbd_thin_provisioning',
    type: 'boolean',
    default: 'false',
    doc: 'Changes nothing but what is told of the store: zeros are never written.',
  },
])

/** Those of a store of each type, in `[glance_store]` or in the section of its name. */
export const STORE_OPTIONS: Readonly<Record<string, readonly OptionDoc[]>> = {
  file: FILE,
  http: HTTP,
  swift: SWIFT,
  s3: S3,
  rbd: RBD,
}

/** Of Glance, and without anything to say here. */
function unused(
  type: OptionDoc['type'],
  standard: string | null,
  ...names: readonly string[]
): readonly Omit<OptionDoc, 'section' | 'also'>[] {
  return names.map(name => ({ name, type, default: standard, doc: 'Changes nothing here.' }))
}
