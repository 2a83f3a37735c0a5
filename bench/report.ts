import { type Summary, summary, verdict } from './figures.ts'
import { GOALS, type Goal } from './goals.ts'
import type { Entry, Machine, Race, Result } from './result.ts'
import { type Plot, svg } from './svg.ts'

/** The name of a file, from `docs/`, and what is in it. */
export type Files = ReadonlyMap<string, string>

type Results = ReadonlyMap<string, Result>

/**
 * The page about performance and its plots, made from results alone: equal results make equal files. A goal that was
 * missed stands there as missed with what bounds it, and one that was not measured as that.
 */
export function report(results: Results): Files {
  const plots = new Map<string, string>()
  const sections = [...results.values()]
    .toSorted((a, b) => order(a.bench) - order(b.bench))
    .map(result => section(result, plots))
  const page = [
    '# Performance',
    '',
    'Made by `npm run bench all` and `npm run bench report` from `bench/results`; do not edit it. Each figure is a ratio taken in one run in which the contestants took turns: machines differ, and so do their seconds.',
    '',
    ...machines(results).map(line => `- ${line}`),
    '',
    '## Goals',
    '',
    goalTable(results),
    '',
    ...sections,
  ].join('\n')
  return new Map([['performance.md', page], ...plots])
}

/** What is promised and what was found, a row for each goal; as Markdown. */
export function goalTable(results: Results): string {
  const rows = GOALS.map(goal => {
    const result = results.get(goal.bench)
    const found = verdict(goal, raceOf(result, goal))
    const peer = goal.figure.of === 'rate' ? goal.figure.peer : ''
    const measured = found.is === 'not measured' ? '' : quantity(found.measured, goal.unit)
    const words = found.is === 'missed' ? '**missed**' : found.is
    const verdictWords = found.is === 'not measured' ? words : `${words}${small(result)}`
    return [goal.work, wanted(goal), peer, measured, verdictWords]
  })
  return markdown(['work', 'goal', 'next to', 'measured', 'verdict'], rows, '-rl-l')
}

/** The figures of one race, for a terminal or a page. */
export function raceTable(race: Race): string {
  const all = race.entries.map(summary)
  const peer =
    all.find(({ isPeer }) => isPeer) ?? (isGrowth(race) || all.length < 2 ? undefined : all[0])
  const hasServers = all.some(({ serverSeconds }) => serverSeconds > 0)
  const head = ['', `${race.unit}/s`, ...(peer === undefined ? [] : [`× ${peer.name}`])]
  const more = ['s', 'fastest – slowest', 'CPU s', 'peak MiB']
  const servers = hasServers ? ['CPU s of services', 'their peak MiB'] : []
  const counts = all.some(({ runs, quiet }) => quiet < runs) ? ['undisturbed runs'] : []
  const rows = all.map(one => [
    one.name,
    number(one.rate),
    ...(peer === undefined ? [] : [number(one.rate / peer.rate)]),
    ...timesOf(one),
    ...(hasServers ? [number(one.serverSeconds), number(one.serverPeakMiB)] : []),
    ...(counts.length > 0 ? [`${one.quiet} of ${one.runs}`] : []),
  ])
  return markdown([...head, ...more, ...servers, ...counts], rows)
}

function isGrowth({ entries }: Race): boolean {
  return entries.some(({ series }) => series !== null)
}

function timesOf(one: Summary): readonly string[] {
  const span = `${number(one.fastest)} – ${number(one.slowest)}`
  return [number(one.seconds), span, number(one.cpuSeconds), number(one.peakMiB)]
}

function section(result: Result, plots: Map<string, string>): string {
  const lines = [`## ${result.bench}`, '']
  if (result.scale !== 1) {
    lines.push(`At ${number(result.scale)} of the sizes and counts that the goals are about.`, '')
  }
  if (result.failure !== null) lines.push(`**It did not come to its end:** ${result.failure}`, '')
  for (const race of result.races) {
    lines.push(`### ${race.title}`, '')
    if (race.note !== '') lines.push(race.note, '')
    lines.push(raceTable(race), '')
    for (const entry of race.entries) lines.push(...why(result, race, entry))
    lines.push(...growth(result, race, plots))
  }
  return lines.join('\n')
}

/** What bounds who missed goals: how its time was spent, and what was seen when it was looked at once more. */
function why({ bench }: Result, race: Race, entry: Entry): readonly string[] {
  const missed = GOALS.filter(goal => goal.bench === bench && goal.race === race.name)
    .filter(goal => goal.name === entry.name)
    .flatMap(goal => {
      const found = verdict(goal, race)
      if (found.is !== 'missed') return []
      const peer = goal.figure.of === 'rate' ? ` ${goal.figure.peer}` : ''
      return [`${quantity(found.measured, goal.unit)}${peer}, where ${wanted(goal)} is the goal`]
    })
  if (missed.length === 0) return []
  const { name, seconds, cpuSeconds, serverSeconds } = summary(entry)
  const user = entry.runs.reduce((sum, run) => sum + run.userSeconds, 0)
  const system = entry.runs.reduce((sum, run) => sum + run.systemSeconds, 0)
  const kernel = Math.round((100 * system) / (user + system))
  const services = serverSeconds > 0 ? `, and the services ${number(serverSeconds)} s` : ''
  const processors = number((cpuSeconds + serverSeconds) / seconds)
  const seen = race.bounds.find(bound => bound.name === name)?.lines ?? []
  return [
    `**Missed** by ${name}: ${missed.join('; ')}. What bounds it:`,
    '',
    `- in ${number(seconds)} s the command took ${number(cpuSeconds)} s of CPU, ${kernel} % of it in the kernel${services}: ${processors} processors were busy`,
    ...seen.map(line => `- ${line}`),
    '',
  ]
}

/** Plots of a race whose contestants are points of curves: time and memory, by how much there was to do. */
function growth(result: Result, race: Race, plots: Map<string, string>): readonly string[] {
  const names = [...new Set(race.entries.flatMap(({ series }) => series ?? []))]
  if (names.length === 0) return []
  const kinds = [
    { kind: 'time', y: 'seconds', of: (one: Summary) => one.seconds },
    { kind: 'memory', y: 'peak of the command, MiB', of: (one: Summary) => one.peakMiB },
  ]
  return kinds.flatMap(({ kind, y, of }) => {
    const curves = names.map(name => ({
      name,
      points: race.entries
        .filter(({ series }) => series === name)
        .map(entry => [entry.runs[0]?.amount ?? NaN, of(summary(entry))] as const)
        .toSorted(([a], [b]) => a - b),
    }))
    const plot: Plot = { title: race.title, x: race.unit, y, curves }
    const file = `performance/${result.bench}-${slug(race.name)}-${kind}.svg`
    plots.set(file, svg(plot))
    return [`![${kind}: ${race.title}](${file})`, '']
  })
}

function machines(results: Results): readonly string[] {
  const all = [...results.values()].toSorted((a, b) => order(a.bench) - order(b.bench))
  const first = all[0]
  if (first === undefined) return ['nothing has been measured yet']
  return [
    words(first.machine),
    ...all.map(({ bench, at, rounds, scale, machine }) => {
      const size = scale === 1 ? '' : `, at ${number(scale)} of the size`
      const other = words(machine) === words(first.machine) ? '' : `, ${words(machine)}`
      return `${bench}: ${at.slice(0, 10)}, ${rounds} ${rounds === 1 ? 'round' : 'rounds'}${size}${other}`
    }),
  ]
}

function words({ processor, processors, memoryGiB, node, kernel }: Machine): string {
  return `${processors} × ${processor}, ${memoryGiB} GiB, Node ${node}, Linux ${kernel}`
}

function raceOf(result: Result | undefined, goal: Goal): Race | undefined {
  return result?.races.find(({ name }) => name === goal.race)
}

/** As the goals are, and what there is no goal for after them. */
function order(bench: string): number {
  const at = GOALS.findIndex(goal => goal.bench === bench)
  return at < 0 ? GOALS.length : at
}

function small(result: Result | undefined): string {
  return result === undefined || result.scale === 1
    ? ''
    : `, at ${number(result.scale)} of the size`
}

function wanted({ wanted, unit }: Goal): string {
  return 'atLeast' in wanted
    ? `at least ${quantity(wanted.atLeast, unit)}`
    : `at most ${quantity(wanted.atMost, unit)}`
}

function quantity(value: number, unit: string): string {
  return unit === '' ? number(value) : `${number(value)} ${unit}`
}

/** Three digits that count, and no less than whole numbers. */
function number(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}

function slug(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
}

/** A table; all columns but the first are numbers unless `sides` has another letter than `r`. */
function markdown(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  sides = '',
): string {
  const isNumber = (column: number) => column > 0 && (sides[column] ?? 'r') === 'r'
  const cells = rows.map(row => row.map(cell => cell.replaceAll('|', String.raw`\|`)))
  const titles = head.map(cell => cell.replaceAll('|', String.raw`\|`))
  const widths = titles.map((_, i) =>
    Math.max(3, ...[titles, ...cells].map(row => (row[i] ?? '').length)),
  )
  const lines = [titles, ...cells].map(row =>
    row.map((cell, i) =>
      isNumber(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
    ),
  )
  const rule = widths.map((width, i) =>
    isNumber(i) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  )
  return [lines[0] ?? [], rule, ...lines.slice(1)].map(row => `| ${row.join(' | ')} |`).join('\n')
}
