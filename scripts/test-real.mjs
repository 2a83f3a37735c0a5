/**
 * Runs the tests against real parts: installs what Debian has and is missing here, which takes root, then runs tap on
 * dist/test/real, or on the files given. Nothing is ever skipped.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { install } from './debian.mjs'

const PACKAGES = [
  'bsdutils',
  'ceph-base',
  'ceph-common',
  'ceph-mon',
  'ceph-osd',
  'diffutils',
  'glance-api',
  'grub-rescue-pc',
  'ipxe',
  'keystone',
  'lhasa',
  'mariadb-server',
  'mandoc',
  'memcached',
  'memtest86+',
  'mount',
  'postgresql',
  'python3-boto3',
  'python3-glance',
  'python3-glanceclient',
  'python3-keystonemiddleware',
  'python3-openstackclient',
  'python3-openstacksdk',
  'python3-psycopg2',
  'python3-pymysql',
  'python3-rados',
  'python3-rbd',
  'qemu-utils',
  'radosgw',
  'swift-account',
  'swift-container',
  'swift-object',
  'swift-proxy',
  'systemd',
  'util-linux',
  'uwsgi-core',
  'uwsgi-plugin-python3',
  'wrk',
  'zstd',
]
/** Seconds for one file of tests. */
const TIMEOUT = 1200

install(PACKAGES, 'test:real')

const given = process.argv.slice(2)
const files = readdirSync('dist/test/real').filter(name => name.endsWith('.test.js'))
const { status, error } = spawnSync(
  'node_modules/.bin/tap',
  [
    'run',
    '--disable-coverage',
    '--jobs=2',
    `--timeout=${TIMEOUT}`,
    ...(given.length > 0 ? given : files.map(name => `dist/test/real/${name}`)),
  ],
  { stdio: 'inherit' },
)
if (error) console.error(`test:real: ${error.message}`)
process.exitCode = status ?? 1
