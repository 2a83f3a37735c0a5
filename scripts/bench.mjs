/**
 * Runs the benchmarks that are named: installs what Debian has to measure them against and is missing here, which takes
 * root, then starts dist/bench/run.js. Nothing is installed to make the report, or to tell what there is.
 */
import { spawnSync } from 'node:child_process'
import { install } from './debian.mjs'

const PACKAGES = [
  'coreutils',
  'curl',
  'gcc',
  'glance-api',
  'libc6-dev',
  'nginx-light',
  'python3',
  'python3-glance',
  'strace',
  'util-linux',
  'wrk',
]

const words = process.argv.slice(2)
const isMeasuring = !words.includes('report') && !words.includes('--help')
if (isMeasuring) install(PACKAGES, 'bench')
const { status } = spawnSync(process.execPath, ['dist/bench/run.js', ...words], {
  stdio: 'inherit',
})
process.exitCode = status ?? 1
