/** How a server is set up: in the words of `glance-api.conf`, which both servers read. */
export interface Setting {
  /** `{folder}` is a folder of the server's own, and the one that this stands in. */
  readonly config: string
  /** What only Glance has to be told. */
  readonly theirs?: string
  /** Files in the folder, by name. */
  readonly files?: Readonly<Record<string, string>>
}

const CACHING = `
[paste_deploy]
flavor = trusted+cachemanagement
`

const IMPORTS = `
enabled_import_methods = [glance-direct,web-download,copy-image,glance-download]
`

/** The tests' own source listens on this machine, which nobody may read from by default. */
const FILTER = `
[import_filtering_opts]
allowed_hosts = [127.0.0.1]
allowed_ports = []
disallowed_ports = []
disallowed_hosts = [forbidden.example.com]
`

/** Of schemas, properties and formats that a deployer chooses. */
const SCHEMA = {
  instance_uuid: { type: 'string', pattern: '^[0-9a-f]{8}$', description: 'of eight digits' },
  rack: { type: ['null', 'string'], enum: ['a', 'b', null], description: 'where it stands' },
}

/** With sections that say who may create, read, update and delete. */
function protections(rows: Readonly<Record<string, readonly string[]>>): string {
  return Object.entries(rows)
    .map(([pattern, [create, read, update, remove]]) =>
      [
        `[${pattern}]`,
        `create = ${create}`,
        `read = ${read}`,
        `update = ${update}`,
        `delete = ${remove}`,
      ].join('\n'),
    )
    .join('\n')
}

/** Each is a pair of servers, but the one that needs no words. */
export const SETTINGS = {
  plain: { config: '' },
  /** Several stores, data from elsewhere, and places that everybody sees. */
  stores: {
    config: `[DEFAULT]
enabled_backends = fast:file,slow:file,web:http
show_multiple_locations = True
show_image_direct_url = True
${IMPORTS}
[glance_store]
default_backend = fast
[fast]
filesystem_store_datadir = {folder}/fast
store_description = the fast one
[slow]
filesystem_store_datadir = {folder}/slow
[web]
[os_glance_staging_store]
filesystem_store_datadir = {folder}/staging
[os_glance_tasks_store]
filesystem_store_datadir = {folder}/tasks
${FILTER}`,
  },
  /** One store without a name, little room, and what comes with an import. */
  quotas: {
    config: `[DEFAULT]
image_property_quota = 2
image_tag_quota = 2
image_member_quota = 2
image_location_quota = 2
user_storage_quota = 20B
image_size_cap = 15
show_multiple_locations = True
hashing_algorithm = sha256
limit_param_default = 2
api_limit_max = 3
${IMPORTS}
[glance_store]
stores = file,http
filesystem_store_datadir = {folder}/images
[image_import_opts]
image_import_plugins = [inject_image_metadata]
[inject_metadata_properties]
inject = injected:yes
ignore_user_roles = admin
${FILTER}`,
  },
  /** Data that was downloaded is kept near. */
  cache: {
    config: `[DEFAULT]
image_cache_dir = {folder}/cache
`,
    theirs: CACHING,
  },
  /** Properties that not everybody may have to do with, and formats and schemas of a deployer. */
  'protected by roles': {
    config: `[DEFAULT]
property_protection_file = {folder}/protections.conf
property_protection_rule_format = roles
[image_format]
disk_formats = raw,qcow2,novel
container_formats = bare,crate
`,
    files: {
      'protections.conf': protections({
        '^x_all_': ['@', '@', '@', '@'],
        '^x_none_': ['!', '!', '!', '!'],
        '^x_admin_': ['admin', 'admin', 'admin', 'admin'],
        '^x_shown_': ['admin', '@', 'admin', 'admin'],
        '^x_given_': ['member', 'member', 'admin', 'admin'],
        '^x_kept_': ['member', 'member', 'member', '!'],
        '^x_blind_': ['member', 'admin', 'member', 'member'],
        '^rack$': ['@', '@', '@', '@'],
        '^instance_uuid$': ['@', '@', '@', '@'],
      }),
      'schema-image.json': JSON.stringify(SCHEMA),
    },
  },
  /** The same by rules of the policy; callers without a name may look. */
  'protected by policies': {
    config: `[DEFAULT]
allow_anonymous_access = True
property_protection_file = {folder}/protections.conf
property_protection_rule_format = policies
[oslo_policy]
policy_file = {folder}/rules.json
`,
    files: {
      'protections.conf': protections({
        '^x_all_': ['@', '@', '@', '@'],
        '^x_none_': ['!', '!', '!', '!'],
        '^x_admin_': ['the_admin', 'the_admin', 'the_admin', 'the_admin'],
        '^x_shown_': ['the_admin', '@', 'the_admin', 'the_admin'],
        '^x_given_': ['the_member', 'the_member', 'the_admin', 'the_admin'],
      }),
      'rules.json': JSON.stringify({
        the_admin: 'role:admin',
        the_member: 'role:member or role:admin',
        communitize_image: 'role:admin',
        add_image: 'role:member or role:admin',
        get_image: '',
        get_images: '',
        upload_image: 'role:admin',
        download_image: 'role:admin or role:member',
        delete_member: 'role:admin',
        deactivate: 'role:admin',
        modify_image: 'not role:barred',
      }),
    },
  },
  /** Glance's own rules as they are meant to be, without those of before that let most people through. */
  roles: {
    config: `[DEFAULT]
enforce_secure_rbac = True
[oslo_policy]
enforce_new_defaults = True
enforce_scope = True
`,
  },
} as const satisfies Readonly<Record<string, Setting>>

export type SettingName = keyof typeof SETTINGS
