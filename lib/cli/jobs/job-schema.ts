import type { Options } from 'yargs'
import type { AnyCommand } from '../command.ts'
import { COMMON } from '../options.ts'

/** What a job may say besides the arguments and options of its command. */
export const JOB_KEYS = ['command', 'schedule', 'time-zone'] as const

/** Options that hold a secret: it would lie about in the file. */
export const SECRETS: readonly string[] = ['token', 'source-token', 'target-token']

/** The options of a command that a job may have. */
export function optionsOf(command: Pick<AnyCommand, 'options'>): Readonly<Record<string, Options>> {
  const all = Object.entries<Options>({ ...command.options, ...COMMON })
  return Object.fromEntries(all.filter(([name]) => !SECRETS.includes(name)))
}

/** Those of several commands; of the same name they are the same. */
export function optionsOfAll(commands: readonly AnyCommand[]): Readonly<Record<string, Options>> {
  return Object.fromEntries(commands.flatMap(command => Object.entries(optionsOf(command))))
}

/** The JSON Schema of a file, but for what jobs have by their commands; the same object for the same commands. */
export const fileSchema = once((commands: readonly AnyCommand[]): object => {
  return {
    $defs: { text: TEXT },
    type: 'object',
    additionalProperties: false,
    required: ['jobs'],
    properties: {
      defaults: {
        type: 'object',
        additionalProperties: false,
        properties: {
          'time-zone': { type: 'string' },
          ...valuesOf(optionsOfAll(commands)),
        },
      },
      jobs: {
        type: 'object',
        minProperties: 1,
        propertyNames: { pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]*$' },
        additionalProperties: {
          type: 'object',
          required: ['command'],
          properties: { command: { enum: commands.map(({ name }) => name) } },
        },
      },
    },
  }
})

/** Numbers need not be quoted, as in `source-api: 2`; whether there may be several the command line knows. */
const TEXT = {
  type: ['string', 'number', 'array'],
  items: { type: ['string', 'number'] },
  minItems: 1,
}

/** By reference, for it is nearly every option's. */
const A_TEXT = { $ref: '#/$defs/text' }

/** The JSON Schema of a job of this command; the same object for the same command. */
export const jobSchema = once((command: AnyCommand): object => {
  return {
    $defs: { text: TEXT },
    type: 'object',
    additionalProperties: false,
    properties: {
      ...Object.fromEntries(JOB_KEYS.map(name => [name, { type: 'string' }])),
      ...Object.fromEntries(Object.keys(command.positionals).map(name => [name, A_TEXT])),
      ...valuesOf(optionsOf(command)),
    },
  }
})

/** Makes what belongs to an object once, for as long as that object is held by anybody. */
function once<Of extends object, Made>(make: (of: Of) => Made): (of: Of) => Made {
  const made = new WeakMap<Of, Made>()
  return of => {
    const known = made.get(of) ?? make(of)
    made.set(of, known)
    return known
  }
}

function valuesOf(options: Readonly<Record<string, Options>>): Readonly<Record<string, object>> {
  return Object.fromEntries(
    Object.entries(options).map(([name, option]) => [name, valueOf(option)]),
  )
}

function valueOf({ type, choices }: Options): object {
  if (choices !== undefined) return { enum: [...choices] }
  return type === 'boolean' || type === 'number' ? { type } : A_TEXT
}
