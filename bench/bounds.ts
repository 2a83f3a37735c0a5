import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { commandOf, type Contestant } from './contestant.ts'
import type { Figure } from './goals.ts'
import { OURS } from './ours.ts'
import { taken } from './processes.ts'
import { shell, timed } from './shell.ts'

/** So many functions and calls are told of. */
const TOP = 6

/** A profile as V8 writes it; the parts that are read. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: {
      readonly functionName: string
      readonly url: string
      readonly lineNumber: number
    }
  }[]
  readonly samples: readonly number[]
  /** Microseconds. */
  readonly timeDeltas: readonly number[]
}

/** What a contestant of ours that missed goals about these figures is busy with, told of runs that are not measured. */
export async function boundsOf(
  contestant: Contestant,
  missed: readonly Figure['of'][],
  folder: string,
): Promise<string[]> {
  const to = join(folder, 'lens')
  return [
    ...(missed.includes('memory') ? await leastMemory() : []),
    ...(await functions(contestant, to)),
    ...(await calls(contestant, to)),
  ]
}

/** What no command of ours can do without. */
async function leastMemory(): Promise<string[]> {
  const [node, program] = [
    await timed(`${process.execPath} -e 0`),
    await timed(`${OURS} --version`),
  ]
  const [alone, ours] = [node, program].map(({ peakMiB }) => peakMiB.toFixed(0))
  return [
    `of the memory, Node that does nothing takes ${alone} MiB, and the program that tells its version ${ours} MiB`,
  ]
}

/** The functions in which the threads were found most often, of the busiest one first. */
async function functions(contestant: Contestant, to: string): Promise<string[]> {
  await mkdir(to, { recursive: true })
  try {
    await contestant.prepare?.()
    const lens = ['--cpu-prof', `--cpu-prof-dir=${to}`]
    await (contestant.under?.(lens) ?? shell(contestant.looked ?? commandOf(contestant), lens))
    const names = (await readdir(to)).filter(name => name.endsWith('.cpuprofile'))
    const texts = await Promise.all(names.map(name => readFile(join(to, name), 'utf8')))
    const threads = texts.map(text => busyParts(JSON.parse(text) as Profile)) // V8 wrote it.
    return threads
      .toSorted((a, b) => b.busy * b.seconds - a.busy * a.seconds)
      .slice(0, 2)
      .map(
        ({ busy, seconds, top }) =>
          `a thread, busy for ${percent(busy)} of ${seconds.toFixed(1)} s: ${top.join(', ')}`,
      )
  } finally {
    await rm(to, { recursive: true, force: true })
  }
}

/** Of a thread: for which part of its time it was at work, and at what. */
export function busyParts({ nodes, samples, timeDeltas }: Profile): {
  readonly seconds: number
  readonly busy: number
  readonly top: readonly string[]
} {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const spent = new Map<string, number>()
  for (const [i, sample] of samples.entries()) {
    const name = names.get(sample) ?? ''
    spent.set(name, (spent.get(name) ?? 0) + (timeDeltas[i] ?? 0))
  }
  const all = [...spent.values()].reduce((sum, one) => sum + one, 0)
  const idle = spent.get('(idle)') ?? 0
  const top = [...spent]
    .filter(([name]) => name !== '(idle)')
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, TOP)
    .map(([name, time]) => `${name} ${percent(time / all)}`)
  return { seconds: all / 1e6, busy: (all - idle) / all, top }
}

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  const file = url.split('/').slice(-2).join('/')
  const name = functionName === '' ? 'a function' : functionName
  return file === '' ? name : `${name} (${file}:${lineNumber + 1})`
}

/** The system calls that were most in number, of the command and, where it has some, of its services. */
async function calls(contestant: Contestant, to: string): Promise<string[]> {
  await mkdir(to, { recursive: true })
  const file = join(to, 'calls')
  try {
    await contestant.prepare?.()
    const servers = contestant.servers?.() ?? []
    const before = taken(servers)
    const began = performance.now()
    const looked = contestant.looked ?? commandOf(contestant)
    const command = looked.replaceAll("'", String.raw`'\''`)
    await shell(`strace -f -c -S calls -o ${file} bash -o pipefail -c '${command}'`)
    const seconds = (performance.now() - began) / 1000
    const after = taken(servers)
    const line = `system calls of the command: ${topCalls(await readFile(file, 'utf8')).join(', ')}`
    if (servers.length === 0) return [line]
    const thread = after.busiestThread - before.busiestThread
    return [
      line,
      `the services meanwhile: ${(after.seconds - before.seconds).toFixed(1)} s of CPU in ${seconds.toFixed(1)} s, ${thread.toFixed(1)} s of it by the busiest thread`,
    ]
  } finally {
    await rm(to, { recursive: true, force: true })
  }
}

/** Of the table that `strace -c` writes. */
export function topCalls(table: string): readonly string[] {
  const rows = table.matchAll(/^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$/gm)
  return [...rows]
    .filter(([, , name]) => name !== 'total')
    .slice(0, TOP)
    .map(([, count, name]) => `${Number(count).toLocaleString('en-US')} ${name}`)
}

function percent(part: number): string {
  return `${(100 * part).toFixed(0)} %`
}
