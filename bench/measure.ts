import { boundsOf } from './bounds.ts'
import type { Context } from './context.ts'
import { commandOf, type Contestant } from './contestant.ts'
import { verdict } from './figures.ts'
import { GOALS } from './goals.ts'
import { forgetPeaks, taken } from './processes.ts'
import type { Race, Run } from './result.ts'
import { timed } from './shell.ts'

export interface RaceOptions {
  readonly bench: string
  readonly name: string
  readonly title: string
  readonly unit: string
  readonly note?: string
}

/**
 * Lets the contestants take turns, round after round and every other round in reverse, so that what else the machine
 * does troubles all alike. Those of ours that miss a goal are then looked at once more.
 */
export async function race(
  { bench, name, title, unit, note = '' }: RaceOptions,
  contestants: readonly Contestant[],
  context: Context,
): Promise<Race> {
  const runs = contestants.map(() => [] as Run[])
  for (let round = 0; round < context.rounds; round += 1) {
    const turns = [...contestants.entries()]
    for (const [i, contestant] of round % 2 === 0 ? turns : turns.toReversed()) {
      if (round >= (contestant.rounds ?? Infinity)) continue
      await contestant.prepare?.()
      const run = await one(contestant)
      context.say(`${contestant.name}: ${run.seconds.toFixed(2)} s`)
      await contestant.proved?.()
      runs[i]?.push(run)
    }
  }
  const entries = contestants.map(({ name, isPeer = false, series = null }, i) => ({
    name,
    isPeer,
    series,
    runs: runs[i] ?? [],
  }))
  const found: Race = { name, title, unit, note, entries, bounds: [] }
  const missed = GOALS.filter(goal => goal.bench === bench && goal.race === name).filter(
    goal => verdict(goal, found).is === 'missed',
  )
  const bounds = []
  for (const contestant of contestants) {
    const figures = missed.filter(goal => goal.name === contestant.name).map(goal => goal.figure.of)
    if (figures.length === 0) continue
    context.say(`${contestant.name}: missed, looking why`)
    const lines = await boundsOf(contestant, figures, context.folder)
    bounds.push({ name: contestant.name, lines })
  }
  return { ...found, bounds }
}

async function one(contestant: Contestant): Promise<Run> {
  const { amount, seconds, counted } = contestant
  const servers = contestant.servers?.() ?? []
  forgetPeaks(servers)
  const before = taken(servers)
  const { output, busySeconds, ...used } = await timed(commandOf(contestant))
  const after = taken(servers)
  const serverSeconds = after.seconds - before.seconds
  const ours = used.userSeconds + used.systemSeconds + serverSeconds
  return {
    ...used,
    seconds: seconds?.(output) ?? used.seconds,
    amount: typeof amount === 'number' ? amount : amount(output),
    serverSeconds,
    serverPeakMiB: after.peakMiB,
    foreign: Math.max(0, busySeconds - ours) / used.seconds,
    counted: (await counted?.()) ?? null,
  }
}
