import type { Options } from 'yargs'
import { GlanceError } from '../errors.ts'
import { DUMP_RANGES } from './dumps.ts'
import { IDENTITY, type IdentityOptions } from './identity-options.ts'
import type { Side } from './tokens.ts'
import { PACE_RANGES, type RequestOptions, REQUESTS } from './transfer-options.ts'

/** Options that every command has. */
export interface CommonOptions {
  readonly debug: boolean
  readonly verbose: boolean
  readonly logFile: string | undefined
  readonly syslog: boolean
  readonly logFormat: 'text' | 'json'
  readonly json: boolean
}

export const COMMON = {
  json: { type: 'boolean', default: false, describe: 'Print the results as one JSON document' },
  verbose: { alias: 'v', type: 'boolean', default: false, describe: 'Tell more' },
  debug: { alias: 'd', type: 'boolean', default: false, describe: 'Tell everything' },
  'log-file': {
    alias: ['l', 'logfile'],
    type: 'string',
    requiresArg: true,
    describe: 'Append what is told to FILE',
  },
  syslog: {
    alias: 's',
    type: 'boolean',
    default: false,
    describe: 'Send it to the local syslog',
  },
  'log-format': {
    type: 'string',
    requiresArg: true,
    default: 'text',
    describe: 'Put each line of it as text or as json',
  },
} as const satisfies Record<string, Options>

/** Options of every command that talks to endpoints. */
export interface EndpointOptions extends CommonOptions, IdentityOptions, RequestOptions {
  readonly token: string | undefined
  readonly sourceToken: string | undefined
  readonly targetToken: string | undefined
  readonly tokenFile: string | undefined
  readonly sourceTokenFile: string | undefined
  readonly targetTokenFile: string | undefined
  /** Seconds. */
  readonly timeout: number
  readonly attempts: number
  /** Bytes. */
  readonly chunksize: number
}

export const ENDPOINT = {
  token: { alias: 't', type: 'string', requiresArg: true, describe: 'Token for both sides' },
  'source-token': {
    alias: ['M', 'sourcetoken', 'mastertoken'],
    type: 'string',
    requiresArg: true,
    describe: 'Token for the source',
  },
  'target-token': {
    alias: ['S', 'targettoken', 'slavetoken'],
    type: 'string',
    requiresArg: true,
    describe: 'Token for the target',
  },
  'token-file': {
    type: 'string',
    requiresArg: true,
    describe: 'Read the token for both sides from FILE',
  },
  'source-token-file': {
    type: 'string',
    requiresArg: true,
    describe: 'Read the token for the source from FILE',
  },
  'target-token-file': {
    type: 'string',
    requiresArg: true,
    describe: 'Read the token for the target from FILE',
  },
  ...IDENTITY,
  timeout: {
    type: 'number',
    requiresArg: true,
    default: 300,
    describe: 'Seconds without a sign of life after which a request has failed',
  },
  attempts: {
    type: 'number',
    requiresArg: true,
    default: 3,
    describe: 'How often to try an image in all',
  },
  ...REQUESTS,
  chunksize: {
    alias: 'c',
    type: 'number',
    requiresArg: true,
    default: 1_048_576,
    describe: 'Bytes read from or written to a disk at a time',
  },
} as const satisfies Record<string, Options>

/** Options that say which version of the API a side speaks; each command has those of its sides. */
export interface ApiOptions {
  readonly sourceApi?: string | undefined
  readonly targetApi?: string | undefined
}

export const SOURCE_API = {
  'source-api': {
    type: 'string',
    requiresArg: true,
    describe: 'Version of the Images API to speak with the source, 1 or 2 (default: as it says)',
  },
} as const satisfies Record<string, Options>

export const TARGET_API = {
  'target-api': {
    type: 'string',
    requiresArg: true,
    describe: 'Version of the Images API to speak with the target, 1 or 2 (default: as it says)',
  },
} as const satisfies Record<string, Options>

/** The version that the user asks for; undefined when it is to be found out. */
export function apiFor(side: Side, { sourceApi, targetApi }: ApiOptions): 1 | 2 | undefined {
  const asked = side === 'target' ? targetApi : sourceApi
  return asked === undefined ? undefined : asked === '1' ? 1 : 2
}

/** Options of commands that are or look after a service. */
export interface ServiceOptions {
  /** Files, of which a later one comes before an earlier one. */
  readonly config: readonly string[] | undefined
  /** Folders of such files, which come before those. */
  readonly configDir: readonly string[] | undefined
  readonly dataDir: string | undefined
}

export const SERVICE = {
  config: {
    alias: 'config-file',
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'Read settings from FILE, in the form of glance-api.conf; repeatable',
  },
  'config-dir': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'Read settings from each *.conf in FOLDER as well; repeatable',
  },
  'data-dir': {
    type: 'string',
    requiresArg: true,
    describe: 'Folder for the database and the images (default ./glance-data)',
  },
} as const satisfies Record<string, Options>

/** Options of commands that decide what is to be replicated. */
export interface PlanOptions {
  readonly metaonly: boolean
  readonly dontreplicate: string
  readonly lossReport: string | undefined
  readonly strict: boolean
}

/** What the original replicator left out: times and places, which the services make themselves. */
export const LEFT_OUT_BY_DEFAULT = 'created_at date deleted_at location updated_at'

export const PLAN = {
  metaonly: {
    alias: 'm',
    type: 'boolean',
    default: false,
    describe: 'Only metadata, no image data',
  },
  dontreplicate: {
    alias: 'D',
    type: 'string',
    requiresArg: true,
    default: LEFT_OUT_BY_DEFAULT,
    describe:
      'Attributes and properties to leave alone: API names or patterns, separated by spaces',
  },
  'loss-report': {
    type: 'string',
    requiresArg: true,
    describe: 'Write to FILE what the target cannot express of each image, as lines of JSON',
  },
  strict: {
    type: 'boolean',
    default: false,
    describe: 'Refuse images of which something would be lost',
  },
} as const satisfies Record<string, Options>

/** Options of commands that carry a plan out. */
export interface TransferOptions {
  readonly concurrency: number | 'auto'
  readonly dryRun: boolean
  readonly discardUnfinished: boolean
}

/** How many images at once, for commands that copy none. */
export const AT_ONCE = {
  alias: 'j',
  type: 'number',
  requiresArg: true,
  default: 4,
} as const satisfies Options

/** How many that is for whoever does not adapt. */
export function atOnceOf({ concurrency }: Pick<TransferOptions, 'concurrency'>): number {
  return concurrency === 'auto' ? AT_ONCE.default : concurrency
}

export const TRANSFER = {
  concurrency: {
    ...AT_ONCE,
    type: 'string',
    // A list is what is given twice.
    coerce: (value: unknown) => (value === 'auto' || Array.isArray(value) ? value : Number(value)),
    describe: 'Images copied at once, or auto for as many as the servers gain by',
  },
  'dry-run': {
    type: 'boolean',
    default: false,
    describe: 'Tell what would be done, and do nothing',
  },
  'discard-unfinished': {
    type: 'boolean',
    default: false,
    describe:
      'Delete records on the target whose data did not arrive, instead of leaving them for the next run',
  },
} as const satisfies Record<string, Options>

/** Options that may be given several times. */
const REPEATABLE: ReadonlySet<string> = new Set([
  'filter',
  'exclude',
  'set',
  'unset',
  'rename',
  'delete-orphans',
])

/** What the numbers among the options may be; whole numbers all. */
const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  timeout: [1, 86_400],
  attempts: [1, 1000],
  chunksize: [1, 1_073_741_824],
  concurrency: [1, 1000],
  newest: [1, 1_000_000],
  port: [0, 65_535],
  age: [0, 36_500],
  'min-age': [0, 876_000],
  'max-rows': [1, 2_147_483_647],
  ...PACE_RANGES,
  ...DUMP_RANGES,
}

/** @throws {GlanceError} `usage`, naming the option that is out of its range or was given more than once. */
export function checkOptions(
  options: Readonly<Record<string, unknown>>,
  command: {
    readonly positionals: Readonly<Record<string, unknown>>
    readonly options: Readonly<Record<string, Options>>
  },
): void {
  const repeatable = new Set([...REPEATABLE, ...Object.keys(command.positionals)])
  for (const [name, { array, alias = [] }] of Object.entries(command.options)) {
    if (array === true) for (const one of [name, ...[alias].flat()]) repeatable.add(one)
  }
  for (const [name, value] of Object.entries(options)) {
    // Names with dashes are there a second time without them.
    const isOne = !repeatable.has(name) && !/[A-Z]/.test(name)
    if (name.length > 1 && Array.isArray(value) && isOne)
      throw new GlanceError('usage', `--${name}: give it once`)
  }
  for (const name of ['source-api', 'target-api']) {
    const value = options[name]
    if (value !== undefined && value !== '1' && value !== '2') {
      throw new GlanceError('usage', `--${name}: expected 1 or 2`)
    }
  }
  const format = options['log-format']
  if (format !== undefined && format !== 'text' && format !== 'json') {
    throw new GlanceError('usage', '--log-format: expected text or json')
  }
  for (const [name, [least, most]] of Object.entries(RANGES)) {
    const value = options[name]
    if (value === undefined) continue
    if (value === 'auto' && name === 'concurrency') continue // As far as the option takes it.
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
      throw new GlanceError('usage', `--${name}: expected a whole number from ${least} to ${most}`)
    }
  }
}
