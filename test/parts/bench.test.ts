import t from 'tap'
import { busyParts, topCalls } from '../../bench/bounds.ts'
import { summary, verdict } from '../../bench/figures.ts'
import { GOALS } from '../../bench/goals.ts'
import { goalTable, raceTable, report } from '../../bench/report.ts'
import type { Entry, Race, Result, Run } from '../../bench/result.ts'
import { svg } from '../../bench/svg.ts'

const RUN: Run = {
  seconds: 1,
  amount: 100,
  userSeconds: 0.5,
  systemSeconds: 0.25,
  peakMiB: 50,
  serverSeconds: 10,
  serverPeakMiB: 200,
  foreign: 0,
  counted: null,
}

const RESULT: Result = {
  bench: 'files',
  at: '2026-01-02T03:04:05.678Z',
  machine: { processor: 'any', processors: 2, memoryGiB: 8, node: '20.0.0', kernel: '6.1' },
  scale: 0.1,
  rounds: 5,
  seconds: 60,
  races: [],
  failure: null,
}

t.test('a contestant is as fast as it was in the middle of its undisturbed runs', t => {
  const runs = [3, 1, 2].map(seconds => ({ ...RUN, seconds }))
  const disturbed = { ...RUN, seconds: 50, foreign: 1 }
  for (const { title, given, seconds, quiet } of [
    { title: 'of three', given: runs, seconds: 2, quiet: 3 },
    {
      title: 'one during which others had the machine is left out',
      given: [...runs, disturbed],
      seconds: 2,
      quiet: 3,
    },
    { title: 'unless too few are left', given: [disturbed, disturbed, RUN], seconds: 50, quiet: 1 },
  ]) {
    t.match(summary(entry('one', given)), { seconds, quiet, runs: given.length }, title)
  }
  t.end()
})

t.test('a goal is met, missed or not measured', t => {
  const race = raceOf([
    entry('curl | curl -T', [{ ...RUN, seconds: 3 }], true),
    entry("upstream's program", [{ ...RUN, seconds: 2.5 }], true),
    entry('livecopy', [{ ...RUN, seconds: 1 }]),
  ])
  const found = GOALS.filter(({ race: name, bench }) => bench === 'livecopy' && name === 'known')
  t.same(
    found.map(goal => verdict(goal, race)),
    [
      { is: 'met', measured: 3 },
      { is: 'missed', measured: 2.5 },
      { is: 'met', measured: 50 },
    ],
  )
  for (const goal of GOALS) t.same(verdict(goal, undefined), { is: 'not measured' })
  t.end()
})

t.test('a peer that got nothing done is nothing to be held against', t => {
  const race = raceOf([
    entry("Debian's glance-api", [{ ...RUN, amount: 0 }], true),
    entry('ours', [RUN]),
  ])
  const [goal] = GOALS.filter(({ bench }) => bench === 'requests')
  t.ok(goal)
  if (goal !== undefined) t.same(verdict(goal, race), { is: 'not measured' })
  t.end()
})

t.test('work of different amounts is compared by its rate', t => {
  const race = raceOf([
    entry("upstream's program", [{ ...RUN, seconds: 10, amount: 10 }], true),
    entry('compare', [{ ...RUN, seconds: 5, amount: 1000, counted: 1.2 }]),
  ])
  const goals = GOALS.filter(({ bench }) => bench === 'latency')
  t.same(
    goals.map(goal => verdict(goal, race)),
    [
      { is: 'met', measured: 200 },
      { is: 'met', measured: 1.2 },
    ],
  )
  t.end()
})

t.test('the processor time of a command is held against that of the services', t => {
  const [goal] = GOALS.filter(({ bench }) => bench === 'debian')
  t.ok(goal)
  if (goal !== undefined) {
    t.same(verdict(goal, raceOf([entry('livecopy', [RUN])])), { is: 'met', measured: 7.5 })
  }
  t.end()
})

t.test('the table of a race has what each took, as many times as the first peer', t => {
  const race = raceOf([
    entry('curl | curl -T', [{ ...RUN, seconds: 2 }], true),
    entry('livecopy', [{ ...RUN, seconds: 1 }]),
  ])
  const [head = '', , , ours = ''] = raceTable(race).split('\n')
  t.match(head, String.raw`× curl \| curl -T`, 'what would end a cell does not')
  t.same(cellsOf(ours), ['livecopy', '100', '2', '1', '1 – 1', '0.75', '50', '10', '200'])
  t.end()
})

t.test('the page tells of every goal, and of what bounds who missed one', t => {
  const race: Race = {
    ...raceOf([entry('curl -T', [RUN], true), entry('load', [{ ...RUN, seconds: 4 }])]),
    name: 'load',
    bounds: [{ name: 'load', lines: ['a thread, busy for 99 % of 4.0 s: read 90 %'] }],
  }
  const files = report(new Map([['files', { ...RESULT, bench: 'files', races: [race] }]]))
  const page = files.get('performance.md') ?? ''
  for (const { work } of GOALS) t.match(page, work)
  t.match(page, /\| load of 2 GiB .* 0\.25 × .*\*\*missed\*\*, at 0\.1 of the size/)
  t.match(page, /\| dump of 2 GiB .* not measured/)
  t.match(page, 'At 0.1 of the sizes and counts that the goals are about.')
  t.match(page, '**Missed** by load: 0.25 × curl -T, where at least 0.85 × is the goal.')
  t.match(page, 'in 4 s the command took 0.75 s of CPU, 33 % of it in the kernel')
  t.match(page, '- a thread, busy for 99 % of 4.0 s: read 90 %')
  t.end()
})

t.test('a benchmark that did not come to its end says so on the page', t => {
  const broken = { ...RESULT, bench: 'small', failure: 'exit status 1: livecopy' }
  const page = report(new Map([['small', broken]])).get('performance.md') ?? ''
  t.match(page, '**It did not come to its end:** exit status 1: livecopy')
  t.end()
})

t.test('growth is drawn, the same each time, with a logarithm where it spans ten times', t => {
  const race: Race = {
    ...raceOf([1000, 10, 100].map(amount => grown(amount))),
    name: 'pages',
  }
  const results = new Map([['million', { ...RESULT, bench: 'million', races: [race] }]])
  const [files, again] = [report(results), report(results)]
  t.same(
    [...files.keys()],
    [
      'performance.md',
      'performance/million-pages-time.svg',
      'performance/million-pages-memory.svg',
    ],
  )
  t.same([...files], [...again])
  const time = files.get('performance/million-pages-time.svg') ?? ''
  t.match(time, '(prefers-color-scheme:dark)')
  for (const text of ['images', 'seconds', '10', '100', '1000']) t.match(time, `>${text}<`)
  t.match(time, 'points="72,344 342,204 612,64"', 'ten times as much is as far again')
  t.match(files.get('performance/million-pages-memory.svg'), '>0<', 'a little growth begins at 0')
  t.end()
})

t.test('what would be markup in a plot is text', t => {
  const curves = [{ name: '<b>', points: [[1, 1]] as const }]
  t.match(svg({ title: 'a & b', x: 'x', y: 'y', curves }), />a &amp; b<[^]*>&lt;b&gt;</)
  t.end()
})

t.test('an empty page says that nothing is measured', t => {
  t.match(report(new Map()).get('performance.md'), 'nothing has been measured yet')
  t.equal(goalTable(new Map()).split('\n').length, GOALS.length + 2)
  t.end()
})

t.test('a profile tells how busy a thread was, and with what most', t => {
  const frame = (id: number, functionName: string, url = '') => ({
    id,
    callFrame: { functionName, url, lineNumber: 9 },
  })
  const nodes = [frame(1, '(idle)'), frame(2, 'read', 'file:///a/lib/store/read.js'), frame(3, '')]
  const profile = { nodes, samples: [1, 2, 3, 2], timeDeltas: [500_000, 200_000, 100_000, 200_000] }
  t.same(busyParts(profile), {
    seconds: 1,
    busy: 0.5,
    top: ['read (store/read.js:10) 40 %', 'a function 10 %'],
  })
  t.end()
})

t.test('system calls are told by their number', t => {
  const table = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 44.62    0.004062           1      4062           read
  3.54    0.000322           1       300        12 futex
------ ----------- ----------- --------- --------- ----------------
100.00    0.009104           1      4362        12 total
`
  t.same(topCalls(table), ['4,062 read', '300 futex'])
  t.end()
})

function raceOf(entries: readonly Entry[]): Race {
  return { name: 'known', title: 'a race', unit: 'images', note: '', entries, bounds: [] }
}

function entry(name: string, runs: readonly Run[], isPeer = false): Entry {
  return { name, isPeer, series: null, runs }
}

function grown(amount: number): Entry {
  const run = { ...RUN, amount, seconds: amount / 10, peakMiB: 50 + amount / 100 }
  return { name: `compare of ${amount}`, isPeer: false, series: 'compare', runs: [run] }
}

function cellsOf(row: string): readonly string[] {
  return row
    .split('|')
    .slice(1, -1)
    .map(cell => cell.trim())
}
