import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { arch, cpus, release, tmpdir, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { format } from 'prettier'
import { BENCHMARKS, OF_GOALS } from './benchmarks.ts'
import type { Benchmark } from './context.ts'
import { goalTable, raceTable, report } from './report.ts'
import { type Machine, type Race, readResults, RESULTS, writeResult } from './result.ts'

const USAGE = `usage: npm run bench -- [--scale S] [--rounds N] [--results FOLDER] [NAME…]

Runs benchmarks next to their peers, prints their figures and writes them to FOLDER/NAME.json.

  --scale    of the sizes and counts that the goals are about, such as 0.01 (BENCH_SCALE; default 1)
  --rounds   how often each contestant takes its turn (BENCH_ROUNDS; default 5)
  --results  where figures are written, and read by report (default ${RESULTS})

all, or no name, is every benchmark that has a goal; report makes docs/performance.md from the figures.
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scale: { type: 'string', default: process.env['BENCH_SCALE'] ?? '1' },
    rounds: { type: 'string', default: process.env['BENCH_ROUNDS'] ?? '5' },
    results: { type: 'string', default: RESULTS },
    help: { type: 'boolean', default: false },
  },
})
const [scale, rounds] = [Number(values.scale), Number(values.rounds)]
const names = positionals.length > 0 ? positionals : ['all']
const wrong = names.find(name => !['all', 'report', ...Object.keys(BENCHMARKS)].includes(name))
if (values.help) {
  console.log(`${USAGE}\n${list()}`)
} else if (wrong !== undefined) {
  console.error(`no benchmark '${wrong}'; there are:\n${list()}`)
  process.exitCode = 2
} else if (!(scale > 0 && scale <= 1) || !(Number.isInteger(rounds) && rounds > 0)) {
  console.error('--scale is above 0 and at most 1, --rounds a whole number above 0')
  process.exitCode = 2
} else {
  for (const name of names.flatMap(name => (name === 'all' ? OF_GOALS : [name]))) {
    const benchmark = BENCHMARKS[name]
    if (benchmark !== undefined) await measure(name, benchmark)
  }
  if (names.includes('report')) await writeReport()
  else console.log(goalTable(await readResults(values.results)))
}

/** Runs one and keeps what it found, also when it does not come to its end. */
async function measure(bench: string, benchmark: Benchmark): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'glance-replicator-bench-'))
  const [races, at, began]: [Race[], string, number] = [
    [],
    new Date().toISOString(),
    performance.now(),
  ]
  const seconds = () => (performance.now() - began) / 1000
  let failure: string | null = null
  console.log(`${bench}: ${benchmark.summary}\n`)
  try {
    const context = { scale, rounds, folder, say: (line: string) => console.error(`  ${line}`) }
    for await (const race of benchmark.run(context)) {
      races.push(race)
      console.log(`${race.title}\n\n${raceTable(race)}\n`)
      for (const { name, lines } of race.bounds) {
        console.log([`${name} missed a goal:`, ...lines, ''].join('\n  '))
      }
    }
  } catch (error) {
    // The next one may well do.
    failure = error instanceof Error ? error.message : String(error)
    console.error(error)
    process.exitCode = 1
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  console.log(`${bench} took ${seconds().toFixed(0)} s\n`)
  const result = {
    bench,
    at,
    machine: machine(),
    scale,
    rounds,
    seconds: seconds(),
    races,
    failure,
  }
  await writeResult(values.results, result)
}

async function writeReport(): Promise<void> {
  for (const [name, text] of report(await readResults(values.results))) {
    const file = join('docs', name)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, name.endsWith('.md') ? await format(text, { parser: 'markdown' }) : text)
    console.log(file)
  }
}

function list(): string {
  return Object.entries(BENCHMARKS)
    .map(([name, { summary, expectedSeconds }]) => {
      const minutes = `${Math.ceil(expectedSeconds / 60)} min`.padStart(6)
      return `  ${name.padEnd(10)}${minutes}  ${summary}`
    })
    .join('\n')
}

function machine(): Machine {
  return {
    processor: cpus()[0]?.model ?? arch(),
    processors: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    node: process.version.slice(1),
    kernel: release().split('.').slice(0, 2).join('.'),
  }
}
