import type { Options } from 'yargs'

/** Options that say how patiently and how fast image data is moved. */
export interface PaceOptions {
  /** Seconds; undefined: as `timeout`. */
  readonly stallTimeout?: number | undefined
}

export const PACE = {
  'stall-timeout': {
    type: 'number',
    requiresArg: true,
    describe:
      'Seconds without a byte of image data after which reading it is tried again (default: --timeout)',
  },
} as const satisfies Record<string, Options>

/** What the numbers among them may be; whole numbers all. */
export const PACE_RANGES = {
  'stall-timeout': [1, 86_400],
} as const satisfies Record<string, readonly [number, number]>
