import { type Family, isGauge } from './families.ts'

/** Values by series, such as `glance_api_requests_total{method="GET"}`: what several processes have adds up. */
export type Series = ReadonlyMap<string, number>

export type Labels = Readonly<Record<string, string>>

/** Upper bounds in seconds: from a row of a database to the upload of a large image. */
const BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 3600]

/** Counts and measures what one process does. No label is of a client's choosing. */
export class Metrics {
  readonly #series = new Map<string, number>()

  get series(): Series {
    return this.#series
  }

  add(family: Family, labels: Labels = {}, amount = 1): void {
    this.#add(family, labels, amount)
  }

  observe(family: Family, labels: Labels, seconds: number): void {
    for (const bound of BUCKETS) {
      this.#add(`${family}_bucket`, { ...labels, le: String(bound) }, seconds <= bound ? 1 : 0)
    }
    this.#add(`${family}_bucket`, { ...labels, le: '+Inf' }, 1)
    this.#add(`${family}_sum`, labels, seconds)
    this.#add(`${family}_count`, labels, 1)
  }

  /** Takes over what another process has counted that has ended. */
  join(series: Series): void {
    for (const [name, value] of series) {
      if (!isGauge(name)) this.#series.set(name, (this.#series.get(name) ?? 0) + value)
    }
  }

  #add(name: string, labels: Labels, amount: number): void {
    const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escaped(value)}"`)
    const series = pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`
    this.#series.set(series, (this.#series.get(series) ?? 0) + amount)
  }
}

/** What several have together. */
export function sum(parts: readonly Series[]): Series {
  const total = new Map<string, number>()
  for (const part of parts) {
    for (const [series, value] of part) total.set(series, (total.get(series) ?? 0) + value)
  }
  return total
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
