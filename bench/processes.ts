import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** Of the kernel's clock, in a second. */
const TICKS = 100

/** What processes have taken so far. */
export interface Taken {
  /** Of the processor. */
  readonly seconds: number
  /** MiB: the most that each has held since {@link forgetPeaks}, together. */
  readonly peakMiB: number
  /** Of the processor, by the busiest thread of all. */
  readonly busiestThread: number
}

/** These processes and those that they started; what has ended meanwhile is left out. */
function familyOf(pids: readonly number[]): readonly number[] {
  return pids.flatMap(pid => {
    const threads = listed(`/proc/${pid}/task`)
    const children = threads.flatMap(thread => numbers(`/proc/${pid}/task/${thread}/children`))
    return threads.length === 0 ? [] : [pid, ...familyOf(children)]
  })
}

export function taken(pids: readonly number[]): Taken {
  const family = familyOf(pids)
  const threads = family.flatMap(pid =>
    listed(`/proc/${pid}/task`).map(thread => ticksOf(`/proc/${pid}/task/${thread}/stat`)),
  )
  const sum = (values: readonly number[]) => values.reduce((all, one) => all + one, 0)
  return {
    seconds: sum(family.map(pid => ticksOf(`/proc/${pid}/stat`))) / TICKS,
    peakMiB: sum(family.map(peakOf)),
    busiestThread: Math.max(0, ...threads) / TICKS,
  }
}

/** Begins the high-water marks anew. */
export function forgetPeaks(pids: readonly number[]): void {
  for (const pid of familyOf(pids)) writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

function peakOf(pid: number): number {
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(text(`/proc/${pid}/status`))?.[1] ?? 0) / 1024
}

function ticksOf(path: string): number {
  // The name of the program is in parentheses, and may hold spaces.
  const fields = text(path)
    .replace(/^.*\) /s, '')
    .split(' ')
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
}

function numbers(path: string): readonly number[] {
  return text(path).trim().split(/\s+/).filter(Boolean).map(Number)
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // It has ended.
  }
}

function listed(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
