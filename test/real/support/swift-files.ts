export const SWIFT_CONF = `[swift-hash]
swift_hash_path_suffix = tests
swift_hash_path_prefix = tests

[storage-policy:0]
name = gold
default = yes
`

/** \`/etc/swift\` stands in the code of every server; with this they read another folder: FOLDER PROGRAM ARGS… */
export const RUN = `import runpy
import sys

from swift.common import utils

folder, program = sys.argv[1:3]
utils.set_swift_dir(folder)
from swift.common import constraints  # noqa: E402
constraints.reload_constraints()
sys.argv[:] = [program] + sys.argv[3:]
runpy.run_path(program, run_name='__main__')
`

export const serverConf = (name: string, folder: string, port: number): string => `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 0
user = root
swift_dir = ${folder}
devices = ${folder}/node
mount_check = false
disable_fallocate = true

[pipeline:main]
pipeline = healthcheck ${name}-server

[app:${name}-server]
use = egg:swift#${name}

[filter:healthcheck]
use = egg:swift#healthcheck

[${name}-replicator]
[${name}-auditor]
[${name}-updater]
`

export interface ProxyPlaces {
  readonly port: number
  readonly memcached: number
  /** Who asks Keystone about tokens; nobody does where the URL is null. */
  readonly service: {
    readonly url: string | null
    readonly name: string
    readonly password: string
    readonly project: string
  }
}

export const proxyConf = (
  folder: string,
  { port, memcached, service: { url, name, password, project } }: ProxyPlaces,
): string => `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 0
user = root
swift_dir = ${folder}

[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk ${url === null ? 's3api ' : 'authtoken s3api keystoneauth '}tempauth copy container-quotas slo dlo proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true

[filter:catch_errors]
use = egg:swift#catch_errors

[filter:gatekeeper]
use = egg:swift#gatekeeper

[filter:healthcheck]
use = egg:swift#healthcheck

[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:${memcached}

[filter:listing_formats]
use = egg:swift#listing_formats

[filter:bulk]
use = egg:swift#bulk

[filter:s3api]
use = egg:swift#s3api
location = us-east-1
storage_domain = s3.test
min_segment_size = 1
# It knows no order of filters with two ways to log in.
auth_pipeline_check = False

[filter:tempauth]
use = egg:swift#tempauth
reseller_prefix = TEST
user_test_tester = testing .admin

[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
delay_auth_decision = True
auth_type = password
auth_url = ${url}
www_authenticate_uri = ${url}
username = ${name}
password = ${password}
project_name = ${project}
user_domain_id = default
project_domain_id = default
cache = swift.cache
include_service_catalog = False

[filter:keystoneauth]
use = egg:swift#keystoneauth
reseller_prefix = AUTH
operator_roles = admin, member

[filter:copy]
use = egg:swift#copy

[filter:container-quotas]
use = egg:swift#container_quotas

[filter:slo]
use = egg:swift#slo
min_segment_size = 1

[filter:dlo]
use = egg:swift#dlo
# Else it sends a segment each second, from the eleventh on.
rate_limit_after_segment = 100000
`
