import { hostname } from 'node:os'
import type { Options } from 'yargs'
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
    describe: 'Have --delete do nothing when it were more than N images, or P% of them',
  },
  provenance: {
    type: 'string',
    requiresArg: true,
    describe: 'Mark copies as those of NAME (default with --delete: where the source is)',
  },
} as const satisfies Record<string, Options>

/** What the options mean before the two ends are known. */
export interface RemovalWish {
  readonly how: Withdrawal | null
  readonly unknown: boolean
  readonly most: RemovalLimit | null
  readonly provenance: string | undefined
}

/** @throws {GlanceError} `usage`. */
export function readRemoval(options: RemovalOptions): RemovalWish {
  const { delete: text, deleteUnknown: unknown, maxDelete, provenance } = options
  const how = WITHDRAWALS.find(name => name === text) ?? null
  if (how === null && text !== 'never') {
    const modes = `never, ${WITHDRAWALS.slice(0, -1).join(', ')} or ${WITHDRAWALS.at(-1)}`
    throw new GlanceError('usage', `--delete: expected ${modes}, not '${text}'`)
  }
  if (unknown && how === null) {
    const message = '--delete-unknown: say by --delete whether to hide, deactivate or delete them'
    throw new GlanceError('usage', message)
  }
  if (provenance !== undefined) requireName(provenance, '--provenance: expected a name')
  return { how, unknown, most: maxDelete === undefined ? null : limitOf(maxDelete), provenance }
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

/** @throws {GlanceError} `usage` for what the source, or any of the targets, cannot do. */
export function orderRemoval(
  { how, unknown, most, provenance }: RemovalWish,
  source: Endpoint,
  targets: readonly Endpoint[],
): RemovalOrder {
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
  const name = provenance ?? placeOf(source)
  requireName(name, '--delete: give a name to the source by --provenance')
  return { removal: { how, copiesFrom: unknown ? null : name, most }, provenance: name }
}

/** Why an image that only the target has is left as it is. */
export const WHY_KEPT = {
  unknown: 'it is no copy of ours',
  protected: 'it is protected',
  done: 'that is done already',
  no_data: 'it has no data',
  withheld: 'no image is',
} as const satisfies Record<KeepReason, string>

/** Whether an address means something else on every machine. */
export function isThisMachine(address: string): boolean {
  return /^dir:|^https?:\/\/(localhost|127\.|\[::1\])/i.test(address)
}

/** What tells the source from all others, wherever the program runs and however it is named there. */
function placeOf({ name, address = name }: Endpoint): string {
  return isThisMachine(address) ? `${address} on ${hostname()}` : address
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
