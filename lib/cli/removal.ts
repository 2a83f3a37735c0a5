import { isIP } from 'node:net'
import type { Options } from 'yargs'
import type { Abortable } from '../abort.ts'
import { type Endpoint, type Withdrawal, WITHDRAWALS } from '../endpoint/endpoint.ts'
import { GlanceError } from '../errors.ts'
import { LONGEST_PROVENANCE } from '../replicate/provenance.ts'
import type { KeepReason, Removal, RemovalLimit } from '../replicate/removal.ts'

/** Options that say what becomes of images that left the source, and by what they are known. */
export interface RemovalOptions {
  readonly delete: string
  readonly deleteUnknown: boolean
  readonly maxDelete: string | undefined
  readonly provenance: string | undefined
}

export const REMOVAL = {
  delete: {
    type: 'string',
    requiresArg: true,
    default: 'never',
    describe:
      'What becomes of our copies on the target that left the source: never, hide, deactivate or delete',
  },
  'delete-unknown': {
    type: 'boolean',
    default: false,
    describe: 'Have --delete take every image that only the target has, not only our copies',
  },
  'max-delete': {
    type: 'string',
    requiresArg: true,
    describe: 'Have --delete do nothing when it were more than N images, or P% (default 50%)',
  },
  provenance: {
    type: 'string',
    requiresArg: true,
    describe:
      'Mark copies as those of NAME (default with --delete: the URL and project of the source)',
  },
} as const satisfies Record<string, Options>

/** How much of what we have copied may go where nobody says it. */
const MOST: RemovalLimit = { type: 'percent', percent: 50 }

/** What the options mean before the two ends are known. */
export interface RemovalWish {
  readonly how: Withdrawal | null
  readonly unknown: boolean
  readonly most: RemovalLimit | null
  readonly provenance: string | undefined
}

/** @throws {GlanceError} `usage`. */
export function readRemoval(
  options: RemovalOptions & { readonly newest?: number | undefined },
): RemovalWish {
  const { delete: text, deleteUnknown: unknown, maxDelete, provenance, newest } = options
  const how = WITHDRAWALS.find(name => name === text) ?? null
  if (how === null && text !== 'never') {
    const modes = `never, ${WITHDRAWALS.slice(0, -1).join(', ')} or ${WITHDRAWALS.at(-1)}`
    throw new GlanceError('usage', `--delete: expected ${modes}, not '${text}'`)
  }
  if (unknown && how === null) {
    const message = '--delete-unknown: say by --delete whether to hide, deactivate or delete them'
    throw new GlanceError('usage', message)
  }
  if (how === null && maxDelete !== undefined) {
    const message = '--max-delete: say by --delete whether to hide, deactivate or delete them'
    throw new GlanceError('usage', message)
  }
  if (how !== null && newest !== undefined) {
    const message = `--newest: of what only the target has nobody knows whether it was among them, and --delete ${how} would remove nothing: leave one of them away`
    throw new GlanceError('usage', message)
  }
  if (provenance !== undefined) requireName(provenance, '--provenance: expected a name')
  return { how, unknown, most: maxDelete === undefined ? MOST : limitOf(maxDelete), provenance }
}

/** @throws {GlanceError} `usage` where something is to be removed from an archive, which is always written anew. */
export function requireNoRemoval({ how }: RemovalWish, archive: string): void {
  if (how === null) return
  const message = `--delete ${how}: ${archive} is written anew, and has nothing to remove: leave it away`
  throw new GlanceError('usage', message)
}

/** What is to be done with images that only the target has, and how copies are marked; undefined where they are not. */
export interface RemovalOrder {
  readonly removal: Removal | null
  readonly provenance: string | undefined
}

/**
 * @throws {GlanceError} `usage` for what the source, or any of the targets, cannot do, and for a source that cannot be told
 * from others.
 */
export async function orderRemoval(
  { how, unknown, most, provenance }: RemovalWish,
  source: Endpoint,
  targets: readonly Endpoint[],
  { signal }: Abortable = {},
): Promise<RemovalOrder> {
  if (how === null) return { removal: null, provenance }
  for (const { name, features } of targets) {
    const { withdrawals = [] } = features
    if (withdrawals.includes(how)) continue
    const can = withdrawals.length === 0 ? 'nothing of that kind' : withdrawals.join(' and ')
    const message = `--delete ${how}: ${name} cannot do that to images, only ${can}`
    throw new GlanceError('usage', message)
  }
  if (source.get === undefined) {
    const message = `--delete ${how}: ${source.name} cannot be asked again whether an image is gone`
    throw new GlanceError('usage', message)
  }
  if (unknown) return { removal: { how, copiesFrom: null, most }, provenance }
  const name = provenance ?? (await identityOf(source, `--delete ${how}`, signal))
  requireName(name, '--delete: give a name to the source by --provenance')
  return { removal: { how, copiesFrom: name, most }, provenance: name }
}

/** Why an image that only the target has is left as it is. */
export const WHY_KEPT = {
  unknown: 'it is no copy of ours',
  protected: 'it is protected',
  done: 'that is done already',
  gone: 'somebody else has deleted it',
  no_data: 'it has no data',
  unreadable: 'it cannot be understood',
  withheld: 'none is removed',
} as const satisfies Record<KeepReason, string>

/**
 * What tells the source, as we see it, from all others, wherever the program runs: its URL, and the project of our token.
 * @throws {GlanceError} `usage` where something else may be at the same place, or be seen there by another token.
 */
async function identityOf(
  source: Endpoint,
  option: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { name, address = name } = source
  const needed = 'name the source by --provenance, and each source its own'
  const host = URL.canParse(address) ? new URL(address).hostname : ''
  if (!isKnownEverywhere(host)) {
    const message = `${option}: at ${address} may be something else at another time or place: ${needed}`
    throw new GlanceError('usage', message)
  }
  const scope = (await source.scope?.({ signal })) ?? null
  if (scope !== null) return `${address} ${scope}`
  const message = `${option}: nothing says which project of ${address} the images are listed for: ${needed}`
  throw new GlanceError('usage', message)
}

/** Whether a host is the same for everybody: neither a name of a local network nor an address of one. */
function isKnownEverywhere(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, '$1')
  switch (isIP(address)) {
    case 4:
      return !/^(?:0|10|127|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./.test(
        address,
      )
    case 6:
      // What is given out to everybody begins so (RFC 4291); an IPv4 address within has other means to be written.
      return /^[23][0-9a-f]{3}:/i.test(address)
    default:
      return (
        /\.(?!$)/.test(host) && !/\.(?:localhost|local|internal|lan|home\.arpa)\.?$/i.test(host)
      )
  }
}

function requireName(name: string, otherwise: string): void {
  if (
    name !== '' &&
    name.length <= LONGEST_PROVENANCE &&
    /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(name)
  )
    return
  const form = `1 to ${LONGEST_PROVENANCE} printable characters of ASCII`
  throw new GlanceError('usage', `${otherwise}, of ${form}`)
}

function limitOf(text: string): RemovalLimit {
  const [, digits, percent] = /^(\d{1,9}(?:\.\d+)?)(%)?$/.exec(text) ?? []
  const number = Number(digits ?? Number.NaN)
  if (percent === undefined && Number.isInteger(number)) return { type: 'images', images: number }
  if (percent !== undefined && number <= 100) return { type: 'percent', percent: number }
  const message = `--max-delete: expected a whole number, or a share from 0% to 100%, not '${text}'`
  throw new GlanceError('usage', message)
}
