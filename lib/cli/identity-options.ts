import type { Options } from 'yargs'
import type { Side } from './tokens.ts'

/** What may be said of both sides, or of one. */
type Setting = 'cloud' | 'region' | 'interface' | 'cacert' | 'cert' | 'key'
type PerSide<N extends string> = N | `source${Capitalize<N>}` | `target${Capitalize<N>}`

/** Options that say who we are, and whom we trust: of both sides by `--NAME`, of one by `--source-NAME`. */
export type IdentityOptions = {
  readonly [K in PerSide<Setting>]: string | undefined
} & { readonly [K in PerSide<'insecure'>]: boolean | undefined }

/** Each with what it says, and the sides that it says it of. */
const SETTINGS: readonly (readonly [Setting | 'insecure', Options, string])[] = [
  [
    'cloud',
    { type: 'string', requiresArg: true },
    'Credentials by the name of a cloud in clouds.yaml',
  ],
  ['region', { type: 'string', requiresArg: true }, 'Region of the cloud'],
  [
    'interface',
    { type: 'string', requiresArg: true, choices: ['public', 'internal', 'admin'] },
    'Interface of the image service',
  ],
  ['cacert', { type: 'string', requiresArg: true }, 'Trust the authorities in FILE'],
  ['cert', { type: 'string', requiresArg: true }, 'Show the client certificate in FILE'],
  ['key', { type: 'string', requiresArg: true }, 'Its private key'],
  ['insecure', { type: 'boolean' }, 'Trust anybody who answers'],
]

export const IDENTITY: Readonly<Record<string, Options>> = Object.fromEntries(
  SETTINGS.flatMap(([name, options, says]) => [
    [name, { ...options, describe: `${says}, both sides` }],
    [`source-${name}`, { ...options, describe: `${says}, source` }],
    [`target-${name}`, { ...options, describe: `${says}, target` }],
  ]),
)

/** What was said of a side, and by which option. */
export interface SaidOption<T> {
  readonly value: T
  /** With its dashes. */
  readonly option: string
}

/** What the options say of a side: its own, else that of both; a sole side has those of both sides. */
export function optionFor<N extends Setting | 'insecure'>(
  options: IdentityOptions,
  side: Side,
  name: N,
): SaidOption<NonNullable<IdentityOptions[N]>> | undefined {
  const sides = side === 'sole' ? (['source', 'target'] as const) : [side]
  const said = options as Readonly<Record<string, IdentityOptions[N]>> // The same, by names put together.
  for (const prefix of [...sides, '']) {
    const key = prefix === '' ? name : `${prefix}${name.charAt(0).toUpperCase()}${name.slice(1)}`
    const value = said[key]
    if (value != null) return { value, option: `--${prefix === '' ? '' : `${prefix}-`}${name}` }
  }
  return undefined
}
