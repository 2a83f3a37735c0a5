/** Fails when the last test run covered less than the thresholds below, in per cent. */
import { readFileSync } from 'node:fs'

const THRESHOLDS = { lines: 85, branches: 80, functions: 85 }

const { total } = JSON.parse(readFileSync('.tap/report/coverage-summary.json', 'utf8'))
for (const [kind, least] of Object.entries(THRESHOLDS)) {
  const { pct } = total[kind]
  console.log(`coverage of ${kind}: ${pct} % (at least ${least} %)`)
  if (pct < least) process.exitCode = 1
}
