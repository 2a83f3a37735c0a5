import type { Figure, Goal } from './goals.ts'
import type { Entry, Race, Run } from './result.ts'

/** More than so much of a processor taken by others spoils a run. */
const SPOILED = 0.15
/** So many runs that were not spoiled are enough to leave the others out. */
const ENOUGH = 3

/** What a contestant took: medians over the runs that count. */
export interface Summary {
  readonly name: string
  readonly isPeer: boolean
  readonly seconds: number
  readonly fastest: number
  readonly slowest: number
  /** Amounts a second. */
  readonly rate: number
  readonly cpuSeconds: number
  readonly serverSeconds: number
  readonly peakMiB: number
  readonly serverPeakMiB: number
  /** How many runs there were, and in how many of them the machine was ours. */
  readonly runs: number
  readonly quiet: number
}

/** What became of a goal. */
export type Verdict =
  { readonly is: 'met' | 'missed'; readonly measured: number } | { readonly is: 'not measured' }

export function summary({ name, isPeer, runs }: Entry): Summary {
  const counted = undisturbed(runs)
  const middle = (of: (run: Run) => number) => median(counted.map(of))
  const seconds = counted.map(run => run.seconds)
  return {
    name,
    isPeer,
    seconds: median(seconds),
    fastest: Math.min(...seconds),
    slowest: Math.max(...seconds),
    rate: middle(run => run.amount / run.seconds),
    cpuSeconds: middle(run => run.userSeconds + run.systemSeconds),
    serverSeconds: middle(run => run.serverSeconds),
    peakMiB: median(runs.map(run => run.peakMiB)),
    serverPeakMiB: median(runs.map(run => run.serverPeakMiB)),
    runs: runs.length,
    quiet: runs.filter(isQuiet).length,
  }
}

/** The runs during which the machine was ours, or, where too few are, those during which it was most so. */
function undisturbed(runs: readonly Run[]): readonly Run[] {
  const quiet = runs.filter(isQuiet)
  if (quiet.length >= Math.min(ENOUGH, runs.length)) return quiet
  return runs.toSorted((a, b) => a.foreign - b.foreign).slice(0, ENOUGH)
}

function isQuiet({ foreign }: Run): boolean {
  return foreign < SPOILED
}

/** The middle one, or the upper of two; NaN of none. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

/** Whether a race, undefined when it was not run, keeps what a goal of it promises. */
export function verdict({ name, figure, wanted }: Goal, race: Race | undefined): Verdict {
  const measured = race === undefined ? NaN : measure(race, name, figure)
  // A peer that got nothing done is no measure.
  if (!Number.isFinite(measured)) return { is: 'not measured' }
  const isMet = 'atLeast' in wanted ? measured >= wanted.atLeast : measured <= wanted.atMost
  return { is: isMet ? 'met' : 'missed', measured }
}

function measure(race: Race, name: string, figure: Figure): number {
  const entry = race.entries.find(one => one.name === name)
  if (entry === undefined) return NaN
  const ours = summary(entry)
  switch (figure.of) {
    case 'rate': {
      const peer = race.entries.find(one => one.name === figure.peer)
      return peer === undefined ? NaN : ours.rate / summary(peer).rate
    }
    case 'speed':
      return ours.rate
    case 'memory':
      return ours.peakMiB
    case 'memory of the service':
      return ours.serverPeakMiB
    case 'processor':
      return (100 * ours.cpuSeconds) / ours.serverSeconds
    case 'count':
      return median(entry.runs.map(({ counted }) => counted ?? NaN))
  }
}
