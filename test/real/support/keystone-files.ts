import type { ApplicationCredential, Person } from './keystone-session.ts'

/** Fast rather than safe: nobody keeps what is in it. */
export const keystoneConf = (folder: string, tokenLifetime: number): string => `[DEFAULT]
use_stderr = True
log_file =
log_dir =

[database]
connection = sqlite:///${folder}/keystone.sqlite
sqlite_synchronous = False

[token]
provider = fernet
expiration = ${tokenLifetime}
# How long after that a service that says who it is may still use it for what was begun before.
allow_expired_window = 172800

[fernet_tokens]
key_repository = ${folder}/fernet-keys/

[credential]
key_repository = ${folder}/credential-keys/

[cache]
enabled = True
# The plain one hands out the very objects that it keeps, which Keystone changes.
backend = dogpile.cache.memory_pickle

[identity]
password_hash_rounds = 4

[unified_limit]
enforcement_model = flat

[oslo_policy]
policy_dirs = ${folder}/policy.d

[oslo_messaging_notifications]
driver = noop
`

export const uwsgiIni = (folder: string, port: number): string => `[uwsgi]
plugins = python3
http-socket = 127.0.0.1:${port}
wsgi-file = /usr/bin/keystone-wsgi-public
master = true
processes = 1
threads = 1
enable-threads = true
lazy-apps = true
die-on-term = true
no-orphans = true
buffer-size = 65535
rem-header = Content-Length
add-header = Connection: close
disable-logging = true
pyargv = --config-file ${folder}/keystone.conf
env = OS_KEYSTONE_CONFIG_DIR=${folder}
env = OS_KEYSTONE_CONFIG_FILES=keystone.conf
`

/** A cloud for each person and region, and one for each region by application credential. */
export function cloudsYaml(
  url: string,
  people: Readonly<Record<string, Person>>,
  regions: readonly string[],
  credential: ApplicationCredential,
): string {
  const clouds = regions.flatMap((region, index) => {
    const suffix = index === 0 ? '' : '-two'
    const byPassword = Object.entries(people).map(
      ([cloud, { name, password, project }]) => `  ${cloud}${suffix}:
    auth:
      auth_url: ${url}
      username: ${name}
      password: ${password}
      project_name: ${project}
      user_domain_id: default
      project_domain_id: default
    region_name: ${region}
    identity_api_version: 3
`,
    )
    const byCredential = `  member-appcred${suffix}:
    auth_type: v3applicationcredential
    auth:
      auth_url: ${url}
      application_credential_id: ${credential.id}
      application_credential_secret: ${credential.secret}
    region_name: ${region}
    identity_api_version: 3
`
    return [...byPassword, byCredential]
  })
  return `clouds:\n${clouds.join('')}`
}
