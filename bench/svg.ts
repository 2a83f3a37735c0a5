/** A curve: points with their names on neither axis. */
interface Curve {
  readonly name: string
  /** By rising x; all above 0. */
  readonly points: readonly (readonly [x: number, y: number])[]
}

export interface Plot {
  readonly title: string
  /** What the axes show, with the unit. */
  readonly x: string
  readonly y: string
  readonly curves: readonly Curve[]
}

interface Axis {
  readonly at: (value: number) => number
  readonly ticks: readonly number[]
}

const [WIDTH, HEIGHT] = [640, 400]
const BOX = { left: 72, right: 612, top: 64, bottom: 344 }
/** From where on each power of ten gets as much room as the next. */
const DECADES = 1

/** Colours that people who see few of them tell apart, for light and for dark pages. */
const STYLE = `text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}
.page{fill:#fff}.grid{stroke:#d0d7de}.axis{stroke:#57606a}.curve{fill:none;stroke-width:2}
.c0{stroke:#0550ae;fill:#0550ae}.c1{stroke:#bc4c00;fill:#bc4c00}.c2{stroke:#116329;fill:#116329}.c3{stroke:#8250df;fill:#8250df}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}.grid{stroke:#30363d}.axis{stroke:#8b949e}
.c0{stroke:#58a6ff;fill:#58a6ff}.c1{stroke:#f0883e;fill:#f0883e}.c2{stroke:#56d364;fill:#56d364}.c3{stroke:#bc8cff;fill:#bc8cff}}
polyline.curve{fill:none}`

/**
 * Draws curves. An axis whose values span ten times as much or more is logarithmic, another begins at 0. Equal plots are
 * equal texts.
 */
export function svg({ title, x, y, curves }: Plot): string {
  const points = curves.flatMap(curve => curve.points)
  const across = axis(
    points.map(([value]) => value),
    BOX.left,
    BOX.right,
  )
  const up = axis(
    points.map(([, value]) => value),
    BOX.bottom,
    BOX.top,
  )
  const middle = (BOX.left + BOX.right) / 2
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="page" width="${WIDTH}" height="${HEIGHT}"/>`,
    `<text class="title" x="18" y="22">${escaped(title)}</text>`,
    ...across.ticks.flatMap(value => [
      line('grid', across.at(value), BOX.top, across.at(value), BOX.bottom),
      label(across.at(value), BOX.bottom + 18, 'middle', short(value)),
    ]),
    ...up.ticks.flatMap(value => [
      line('grid', BOX.left, up.at(value), BOX.right, up.at(value)),
      label(BOX.left - 8, up.at(value) + 4, 'end', short(value)),
    ]),
    line('axis', BOX.left, BOX.bottom, BOX.right, BOX.bottom),
    line('axis', BOX.left, BOX.top, BOX.left, BOX.bottom),
    label(middle, HEIGHT - 14, 'middle', x),
    `<text x="18" y="${(BOX.top + BOX.bottom) / 2}" text-anchor="middle" transform="rotate(-90 18 ${(BOX.top + BOX.bottom) / 2})">${escaped(y)}</text>`,
    ...curves.flatMap((curve, i) => drawn(curve, i, across, up)),
    '</svg>',
    '',
  ].join('\n')
}

function drawn({ name, points }: Curve, i: number, across: Axis, up: Axis): readonly string[] {
  const colour = `c${i % 4}`
  const places = points.map(([x, y]) => [round(across.at(x)), round(up.at(y))] as const)
  const at = BOX.left + i * 180
  return [
    `<polyline class="curve ${colour}" points="${places.map(place => place.join(',')).join(' ')}"/>`,
    ...places.map(([x, y]) => `<circle class="${colour}" cx="${x}" cy="${y}" r="4"/>`),
    `<circle class="${colour}" cx="${at + 5}" cy="42" r="4"/>`,
    label(at + 15, 46, 'start', name),
  ]
}

function axis(values: readonly number[], from: number, to: number): Axis {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const spread = (part: number) => from + part * (to - from)
  if (least > 0 && Math.log10(most / least) >= DECADES) {
    const low = Math.floor(Math.log10(least) + 1e-9)
    const high = Math.ceil(Math.log10(most) - 1e-9)
    return {
      at: value => spread((Math.log10(value) - low) / (high - low)),
      ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)),
    }
  }
  const step = niceStep(most / 5)
  const end = step * Math.max(1, Math.ceil(most / step))
  return {
    at: value => spread(value / end),
    ticks: Array.from({ length: Math.round(end / step) + 1 }, (_, i) => i * step),
  }
}

/** The least of 1, 2, 5, 10, 20, … that is no less. */
function niceStep(least: number): number {
  if (!(least > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(least))
  return [1, 2, 5, 10].map(factor => factor * power).find(step => step >= least) ?? 10 * power
}

/** Such as `0.1`, `250`, `10k` and `1M`. */
function short(value: number): string {
  if (value >= 1_000_000) return `${round(value / 1_000_000)}M`
  if (value >= 10_000) return `${round(value / 1000)}k`
  return String(Number(value.toPrecision(3)))
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function line(kind: string, ...ends: readonly [number, number, number, number]): string {
  const [x1, y1, x2, y2] = ends.map(round)
  return `<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`
}

function label(x: number, y: number, anchor: string, text: string): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(text)}</text>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
