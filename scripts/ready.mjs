/**
 * Makes a fresh clone ready to run: installs the dependencies when `node_modules` does not match the
 * lock file, compiles, and with `--tap` builds tap's plugin set. Uses nothing but Node and npm, and does
 * nothing twice.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const INSTALLED = 'node_modules/.installed'
const TAP_BUILT = 'node_modules/.tap-built'

function run(command, ...args) {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 2, 2] })
  if (status !== 0) process.exit(status ?? 1)
}

const lock = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex')
if (!existsSync(INSTALLED) || readFileSync(INSTALLED, 'utf8') !== lock) {
  run('npm', 'ci', '--no-fund', '--no-audit', '--loglevel=error')
  writeFileSync(INSTALLED, lock)
}
run('node_modules/.bin/tsc', '-p', '.')
if (process.argv.includes('--tap') && !existsSync(TAP_BUILT)) {
  run('node_modules/.bin/tap', 'build')
  writeFileSync(TAP_BUILT, '')
}
