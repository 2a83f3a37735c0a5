import type { Race } from './result.ts'

/** How a benchmark is to be run, and where. */
export interface Context {
  /** Of the sizes and counts that the goals are about: 1 is all of them. */
  readonly scale: number
  /** How often each contestant does its work. */
  readonly rounds: number
  /** A folder that is empty at first and taken away in the end. */
  readonly folder: string
  /** Tells whoever waits what is being done. */
  say(line: string): void
}

export interface Benchmark {
  /** On a quiet machine of two processors with all sizes and counts, in seconds, its preparations included. */
  readonly expectedSeconds: number
  /** One line. */
  readonly summary: string
  /** Tells each race as it ends, so that what is told stays when a later one fails. */
  run(context: Context): AsyncGenerator<Race, void, undefined>
}

/** A size or count at the scale that was asked for, at least `least`. */
export function scaled({ scale }: Context, full: number, least = 1): number {
  return Math.max(least, Math.round(full * scale))
}
