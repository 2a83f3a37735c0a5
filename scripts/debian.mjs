import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'

/** What Debian asks before it starts a service that was installed: 101 is no. Who needs one starts it. */
const POLICY = '/usr/sbin/policy-rc.d'

/** Installs Debian's packages that are missing, which takes root; ends the process, by the name of `who`, when it cannot. */
export function install(packages, who) {
  const fail = message => {
    console.error(`${who}: ${message}`)
    process.exit(1)
  }
  const run = (...words) => {
    const { status, error } = spawnSync('apt-get', ['-qq', ...words], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 2, 2],
    })
    if (error) fail(`apt-get: ${error.message}`)
    if (status !== 0) process.exit(status ?? 1)
  }
  const isInstalled = name => {
    const { error, stdout } = spawnSync('dpkg-query', ['-W', '-f=${db:Status-Abbrev}', name], {
      encoding: 'utf8',
    })
    if (error) fail('it runs on Debian, for whose packages dpkg-query is asked: it is not there')
    return stdout.startsWith('ii')
  }
  const missing = packages.filter(name => !isInstalled(name))
  if (missing.length === 0) return
  if (process.getuid() !== 0) {
    fail(
      `packages are missing; run as root: apt-get install --no-install-recommends ${missing.join(' ')}`,
    )
  }
  console.error(`${who}: installing ${missing.join(' ')}`)
  if (!existsSync(POLICY)) {
    writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
    process.on('exit', () => rmSync(POLICY, { force: true }))
  }
  run('update')
  run('install', '-y', '--no-install-recommends', ...missing)
}
