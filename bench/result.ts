import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** One time that a contestant did its work. */
export interface Run {
  readonly seconds: number
  /** How much was done, in the unit of the race. */
  readonly amount: number
  /** Of the processor, by the command and what it started. */
  readonly userSeconds: number
  readonly systemSeconds: number
  /** MiB: the most that one process of the command held. */
  readonly peakMiB: number
  /** Of the processor, by the services that the contestant names. */
  readonly serverSeconds: number
  /** MiB: the most that these held, each at its own worst moment, together. */
  readonly serverPeakMiB: number
  /** Processors that were busy with what is none of this, on average. */
  readonly foreign: number
  /** What only this race counts; null when it counts nothing. */
  readonly counted: number | null
}

export interface Entry {
  readonly name: string
  /** What we are compared with. */
  readonly isPeer: boolean
  /** The curve that it is a point of, by `amount`; null in a race that is no growth. */
  readonly series: string | null
  readonly runs: readonly Run[]
}

/** Why a contestant was no faster: what of it was looked at, and what was seen. */
interface Bound {
  readonly name: string
  readonly lines: readonly string[]
}

/** Several ways of doing the same, which took turns. */
export interface Race {
  readonly name: string
  readonly title: string
  /** What is done: `MiB`, `images`, `requests`. */
  readonly unit: string
  /** What has to be known to read its figures; empty when nothing has. */
  readonly note: string
  readonly entries: readonly Entry[]
  readonly bounds: readonly Bound[]
}

/** What one benchmark found, as it is kept in `bench/results`. */
export interface Result {
  readonly bench: string
  readonly at: string
  readonly machine: Machine
  /** Of the sizes and counts that the goals are about: 1 is all of them. */
  readonly scale: number
  readonly rounds: number
  /** How long it took in all, with what it had to prepare. */
  readonly seconds: number
  readonly races: readonly Race[]
  /** What stopped it; null when nothing did. */
  readonly failure: string | null
}

export interface Machine {
  readonly processor: string
  readonly processors: number
  readonly memoryGiB: number
  readonly node: string
  readonly kernel: string
}

/** Where results are that documents are made from. */
export const RESULTS = 'bench/results'

export async function writeResult(folder: string, result: Result): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, `${result.bench}.json`), `${JSON.stringify(result, null, 2)}\n`)
}

/** By the name of the benchmark; none where nothing has been written yet. */
export async function readResults(folder: string): Promise<ReadonlyMap<string, Result>> {
  await mkdir(folder, { recursive: true })
  const names = (await readdir(folder)).filter(name => name.endsWith('.json')).toSorted()
  const texts = await Promise.all(names.map(name => readFile(join(folder, name), 'utf8')))
  // We wrote them.
  return new Map(texts.map(text => JSON.parse(text) as Result).map(one => [one.bench, one]))
}
