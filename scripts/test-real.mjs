/**
 * Runs the tests against real parts: installs what Debian has and is missing here, which takes root, then runs tap on
 * dist/test/real, or on the files given. Nothing is ever skipped.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'

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
/** What Debian asks before it starts a service that was installed: 101 is no. Each test starts its own. */
const POLICY = '/usr/sbin/policy-rc.d'
/** Seconds for one file of tests. */
const TIMEOUT = 1200

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', ...options })
  if (error) fail(`${command}: ${error.message}`)
  if (status !== 0) process.exit(status ?? 1)
}

function fail(message) {
  console.error(`test:real: ${message}`)
  process.exit(1)
}

function isInstalled(name) {
  const { error, stdout } = spawnSync('dpkg-query', ['-W', '-f=${db:Status-Abbrev}', name], {
    encoding: 'utf8',
  })
  if (error)
    fail('these tests run on Debian, for whose packages dpkg-query is asked: it is not there')
  return stdout.startsWith('ii')
}

const missing = PACKAGES.filter(name => !isInstalled(name))
if (missing.length > 0) {
  if (process.getuid() !== 0) {
    fail(
      `packages are missing; run as root: apt-get install --no-install-recommends ${missing.join(' ')}`,
    )
  }
  console.error(`test:real: installing ${missing.join(' ')}`)
  if (!existsSync(POLICY)) {
    writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
    process.on('exit', () => rmSync(POLICY, { force: true }))
  }
  const apt = {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 2, 2],
  }
  run('apt-get', ['-qq', 'update'], apt)
  run('apt-get', ['-qq', 'install', '-y', '--no-install-recommends', ...missing], apt)
}

const given = process.argv.slice(2)
const files = readdirSync('dist/test/real').filter(name => name.endsWith('.test.js'))
run('node_modules/.bin/tap', [
  'run',
  '--disable-coverage',
  '--jobs=2',
  `--timeout=${TIMEOUT}`,
  ...(given.length > 0 ? given : files.map(name => `dist/test/real/${name}`)),
])
