import { GlanceError, isGlanceError } from '../errors.ts'
import { parseBandwidth } from './bandwidth.ts'
import type { AnyCommand } from './command.ts'
import { dumpAddress, dumpOrServer } from './dumps.ts'
import { type FieldOptions, readFields } from './fields.ts'
import { readRemoval, type RemovalOptions } from './removal.ts'
import { readSelection, type SelectionOptions } from './selection.ts'
import { type PaceOptions, parseOrder } from './transfer-options.ts'

/**
 * Finds out what is wrong with a command line by itself, before anything is looked at that it names; the command would find
 * it out as well. @throws {GlanceError} `usage`, beginning with the option or the place of the command line.
 */
export async function checkCommand(command: AnyCommand, options: object): Promise<void> {
  const { parseAddress } = await import('../endpoint/open.ts')
  const given = options as Readonly<Record<string, unknown>>
  for (const [place, address] of addressesOf(command, given)) {
    if (address.startsWith('cloud:')) continue
    try {
      parseAddress(address)
    } catch (error) {
      if (!isGlanceError(error)) throw error
      throw new GlanceError('usage', `${place}: ${error.message}`, { cause: error })
    }
  }
  const has = (option: string) => Object.hasOwn(command.options, option)
  // Commands have these options by the groups that these read.
  if (has('filter')) {
    await readSelection({ ...(given as SelectionOptions), imagesFrom: undefined }, new Date())
  }
  if (has('set')) readFields(given as unknown as FieldOptions & { readonly dontreplicate: string })
  if (has('delete')) readRemoval(given as unknown as RemovalOptions)
  if (!has('bandwidth')) return
  const { bandwidth, order } = given as unknown as PaceOptions
  if (bandwidth !== undefined) parseBandwidth(bandwidth)
  parseOrder(order)
}

/** What stands at the places of the command line that are addresses. */
function addressesOf(
  { positionals }: AnyCommand,
  given: Readonly<Record<string, unknown>>,
): readonly (readonly [string, string])[] {
  return Object.entries(ADDRESSES).flatMap(([place, addressOf]) =>
    Object.hasOwn(positionals, place)
      ? [given[place]].flat().map(text => [place, addressOf(String(text))] as const)
      : [],
  )
}

const ADDRESSES: Readonly<Record<string, (text: string) => string>> = {
  source: text => text,
  target: text => text,
  path: dumpAddress,
  images: dumpOrServer,
}
