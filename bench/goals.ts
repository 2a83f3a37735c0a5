/** What is measured of one contestant. */
export type Figure =
  /** Its rate, as many times another's. */
  | { readonly of: 'rate'; readonly peer: string }
  /** Amounts a second. */
  | { readonly of: 'speed' }
  /** MiB: the most that one process of the command held. */
  | { readonly of: 'memory' }
  /** MiB: the most that the service held. */
  | { readonly of: 'memory of the service' }
  /** The command's time of the processor, in percent of the services'. */
  | { readonly of: 'processor' }
  /** What the race counts. */
  | { readonly of: 'count' }

export interface Goal {
  readonly work: string
  /** Where it is measured: a benchmark, a race of it, one who takes part. */
  readonly bench: string
  readonly race: string
  readonly name: string
  readonly figure: Figure
  readonly wanted: Wanted
  /** What the numbers are, as it is printed behind them. */
  readonly unit: string
}

type Wanted = { readonly atLeast: number } | { readonly atMost: number }

const CURL = 'curl | curl -T'
const UPSTREAM = "upstream's program"
const PYTHON = 'Python, MD5 and SHA-512'
const DEBIAN = "Debian's glance-api"

const MEMORY = { of: 'memory' } as const
const SERVICE_MEMORY = { of: 'memory of the service' } as const

/** Everything that is promised of speed: each row is one of the table that `report` makes. */
export const GOALS: readonly Goal[] = [
  ...goals('livecopy', 'known', 'livecopy', [
    ['livecopy of one image of 2 GiB, whose digests both ends know', than(CURL), times(1.5)],
    ['… next to upstream', than(UPSTREAM), times(3)],
    ['… in memory', MEMORY, mebibytes(80)],
  ]),
  ...goals('livecopy', 'unknown', 'livecopy', [
    ['… whose digests have to be computed here', than(PYTHON), times(1.6)],
  ]),
  ...goals('files', 'dump', 'dump', [['dump of 2 GiB with digests', than(PYTHON), times(1.7)]]),
  ...goals('files', 'load', 'load', [['load of 2 GiB', than('curl -T'), times(0.85)]]),
  ...goals('small', '1 MiB', 'livecopy', [
    ['livecopy of 1,000 images of 1 MiB between two of our servers', than(UPSTREAM), times(5)],
  ]),
  ...goals('small', '4 KiB', 'livecopy', [
    ['… of 5,000 images of 4 KiB', than(UPSTREAM), times(5)],
  ]),
  ...goals('debian', '1 MiB', 'livecopy', [
    ["livecopy between two of Debian's Glances, 1 MiB: our CPU of theirs", ...share(10)],
  ]),
  ...goals('debian', '4 KiB', 'livecopy', [['… images of 4 KiB', ...share(10)]]),
  ...goals('latency', 'compare', 'compare', [
    ['compare of 10,000 images, nothing to do, 20 ms away', than(UPSTREAM), times(200)],
    ['… requests for 1,000 images of a side', { of: 'count' }, { atMost: 1.25, unit: '' }],
  ]),
  ...goals('million', 'pages', 'compare', [
    ['compare of 1,000,000 images, answered by nginx from files: a side', ...perSecond(30_000)],
    ['… in memory', MEMORY, mebibytes(150)],
  ]),
  ...goals('million', 'servers', 'compare', [
    ['… between two of our servers on the same machine: a side', ...perSecond(30_000)],
    ['… in memory', MEMORY, mebibytes(150)],
  ]),
  ...goals('requests', 'list', 'ours', [
    ['embedded server, 2 workers: list of 100 images', than(DEBIAN), times(20)],
  ]),
  ...goals('requests', 'show', 'ours', [['… show one image', than(DEBIAN), times(40)]]),
  ...goals('transfer', 'download', 'ours', [
    ['embedded server: download of 1 GiB', than('nginx, sendfile'), times(0.85)],
  ]),
  ...goals('transfer', 'upload', 'ours', [
    ['… upload of 1 GiB with both digests', than(DEBIAN), times(2)],
  ]),
  ...goals('parallel', 'uploads', '32 at once', [
    ['… 32 uploads at once, in sum', than('one after another'), times(1)],
    ['… in memory', SERVICE_MEMORY, mebibytes(300)],
  ]),
  ...goals('parallel', 'downloads', '64 at once', [
    ['… 64 downloads at once, in sum', than('one after another'), times(1)],
    ['… in memory', SERVICE_MEMORY, mebibytes(300)],
  ]),
]

type Row = readonly [work: string, figure: Figure, wanted: Wanted & { readonly unit: string }]

function goals(bench: string, race: string, name: string, rows: readonly Row[]): readonly Goal[] {
  return rows.map(([work, figure, { unit, ...wanted }]) => ({
    work,
    bench,
    race,
    name,
    figure,
    unit,
    wanted,
  }))
}

function than(peer: string): Figure {
  return { of: 'rate', peer }
}

function times(atLeast: number): Row[2] {
  return { atLeast, unit: '×' }
}

function mebibytes(atMost: number): Row[2] {
  return { atMost, unit: 'MiB' }
}

function share(atMost: number): [Figure, Row[2]] {
  return [{ of: 'processor' }, { atMost, unit: '%' }]
}

function perSecond(atLeast: number): [Figure, Row[2]] {
  return [{ of: 'speed' }, { atLeast, unit: 'images/s' }]
}
