import type { Options } from 'yargs'
import { GlanceError } from '../errors.ts'
import { PULL_METHODS } from '../endpoint/endpoint.ts'
import type { Order } from '../replicate/order.ts'
import type { Via } from '../replicate/pull.ts'

/** Options that say how patiently, how fast and in which order image data is moved. */
export interface PaceOptions {
  /** Seconds; undefined: as `timeout`. */
  readonly stallTimeout?: number | undefined
  readonly bandwidth?: string | undefined
  readonly order?: string | undefined
  readonly checkers?: number | undefined
}

export const PACE = {
  'stall-timeout': {
    type: 'number',
    requiresArg: true,
    describe:
      'Seconds without a byte of image data after which reading it is tried again (default: --timeout)',
  },
  bandwidth: {
    type: 'string',
    requiresArg: true,
    describe: "Bytes per second for all images, as 10M, or a timetable, as '08:00,1M 19:00,off'",
  },
  order: {
    type: 'string',
    requiresArg: true,
    describe:
      'Copy first what is first by id, size (large), age (old) or name (default: the largest known)',
  },
  checkers: {
    type: 'number',
    requiresArg: true,
    default: 8,
    describe: 'Images brought up to date at once, besides those that are copied',
  },
} as const satisfies Record<string, Options>

/** Options of the command between two services. */
export interface ViaOptions {
  readonly via?: Via | undefined
}

export const VIA = {
  via: {
    type: 'string',
    requiresArg: true,
    choices: ['relay', 'auto', ...PULL_METHODS],
    default: 'relay',
    describe: 'Send the data through here, or have the target fetch it by itself',
  },
} as const satisfies Record<string, Options>

/** Options of every command that talks to services. */
export interface RequestOptions {
  readonly requestsPerSecond?: number | undefined
}

export const REQUESTS = {
  'requests-per-second': {
    type: 'number',
    requiresArg: true,
    describe: 'Requests to begin in a second, on each side (default: no limit)',
  },
} as const satisfies Record<string, Options>

/** What the numbers among them may be; whole numbers all. */
export const PACE_RANGES = {
  'stall-timeout': [1, 86_400],
  checkers: [1, 1000],
} as const satisfies Record<string, readonly [number, number]>

/**
 * In which order to copy, by the text of `--order`: `size`, or `size,ascending`; undefined where it is not given.
 * @throws {GlanceError} `usage`.
 */
export function parseOrder(text: string | undefined): Order | undefined {
  if (text === undefined) return undefined
  const [, by, way] = /^(id|size|age|name)(?:,(ascending|asc|descending|desc))?$/.exec(text) ?? []
  if (by !== 'id' && by !== 'size' && by !== 'age' && by !== 'name') {
    const expected = 'id, size, age or name, with ,ascending or ,descending after it or not'
    throw new GlanceError('usage', `--order: '${text}': expected ${expected}`)
  }
  const first = by === 'size' || by === 'age'
  return { by, descending: way === undefined ? first : way.startsWith('desc') }
}

/** How many requests a second, which need not be a whole number. @throws {GlanceError} `usage`. */
export function requestRate({ requestsPerSecond: rate }: RequestOptions): number | null {
  if (rate === undefined) return null
  if (rate >= 0.01 && rate <= 100_000) return rate
  throw new GlanceError('usage', '--requests-per-second: expected a number from 0.01 to 100000')
}
