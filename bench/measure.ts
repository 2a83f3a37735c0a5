import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** One way of doing the same work. */
export interface Contestant {
  readonly name: string
  /** A shell command. */
  readonly command: string
  /** Makes the command possible again; not measured. */
  readonly prepare?: () => Promise<void>
}

/** What a contestant took: medians over the rounds. */
export interface Figures {
  readonly name: string
  readonly seconds: number
  /** Of the processor, by the command and what it started. */
  readonly cpuSeconds: number
  /** MiB: the most that one process of the command held. */
  readonly peakMiB: number
  /** How many times as fast as the first contestant. */
  readonly ratio: number
}

/** Lets the contestants take turns, round after round, so that what else the machine does troubles all alike. */
export async function race(contestants: readonly Contestant[], rounds: number): Promise<Figures[]> {
  const runs = contestants.map(() => [] as Omit<Figures, 'name' | 'ratio'>[])
  for (let round = 0; round < rounds; round += 1) {
    for (const [i, { command, prepare }] of contestants.entries()) {
      await prepare?.()
      runs[i]?.push(await time(command))
    }
  }
  const figures = runs.map((taken, i) => ({
    name: contestants[i]?.name ?? '',
    seconds: median(taken.map(({ seconds }) => seconds)),
    cpuSeconds: median(taken.map(({ cpuSeconds }) => cpuSeconds)),
    peakMiB: median(taken.map(({ peakMiB }) => peakMiB)),
  }))
  return figures.map(one => ({ ...one, ratio: (figures[0]?.seconds ?? NaN) / one.seconds }))
}

export function table(figures: readonly Figures[]): string {
  const rows = figures.map(({ name, seconds, cpuSeconds, peakMiB, ratio }) =>
    [
      name.padEnd(28),
      seconds.toFixed(3),
      cpuSeconds.toFixed(2),
      peakMiB.toFixed(0),
      ratio.toFixed(2),
    ].join('\t'),
  )
  return ['contestant'.padEnd(28) + '\ts\tCPU s\tMiB\tratio', ...rows].join('\n')
}

/** By bash's `times` and the kernel's high-water mark, which `wait4` gives to a parent. */
async function time(command: string): Promise<Omit<Figures, 'name' | 'ratio'>> {
  const script = [
    'import os, sys, time, resource, subprocess',
    'began = time.monotonic()',
    'status = subprocess.call(["bash", "-o", "pipefail", "-c", sys.argv[1]], stdout=subprocess.DEVNULL)',
    'took = time.monotonic() - began',
    'used = resource.getrusage(resource.RUSAGE_CHILDREN)',
    'print(status, took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)',
  ].join('\n')
  const child = spawn('/usr/bin/python3', ['-c', script, command], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more))
  await once(child, 'close')
  const [status = 1, seconds = NaN, cpuSeconds = NaN, peakMiB = NaN] = text
    .trim()
    .split(' ')
    .map(Number)
  if (status !== 0) throw new Error(`exit status ${status}: ${command}`)
  return { seconds, cpuSeconds, peakMiB }
}

/** The middle one, or the upper of two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}
