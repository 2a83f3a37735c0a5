import { statSync } from 'node:fs'
import type { Options } from 'yargs'
import { GlanceError } from '../errors.ts'
import { parseAmount } from '../filter/quantities.ts'
import { withoutCredentials } from '../http/redact.ts'

/** Options of commands that write images to a disk. */
export interface DumpOptions {
  readonly sparse: boolean
  readonly streams: number
  readonly streamsCutoff: string
}

export const DUMP = {
  sparse: {
    type: 'boolean',
    default: true,
    describe: 'Write zeros as holes, where the file system has such; --no-sparse writes them',
  },
  streams: {
    type: 'number',
    requiresArg: true,
    default: 1,
    describe: 'Ranges of one image read at once, for a directory, where the server has ranges',
  },
  'streams-cutoff': {
    type: 'string',
    requiresArg: true,
    default: '256MiB',
    describe: 'Size from which on --streams counts',
  },
} as const satisfies Record<string, Options>

/** What the numbers among them may be; whole numbers all. */
export const DUMP_RANGES = { streams: [1, 64] } as const satisfies Record<
  string,
  readonly [number, number]
>

/** How to read the data of images for a directory, where options say so. @throws {GlanceError} `usage`. */
export function rangesOf({ streams, streamsCutoff }: Partial<DumpOptions>) {
  if (streamsCutoff === undefined) return {}
  const rangesCutoff = parseAmount(streamsCutoff, 'bytes')
  if (rangesCutoff === undefined) {
    const expected = 'expected a size such as 256MiB or 1G'
    throw new GlanceError('usage', `--streams-cutoff: '${streamsCutoff}': ${expected}`)
  }
  return { ranges: streams, rangesCutoff }
}

/** @throws {GlanceError} `usage` for options that are for a directory and not for an archive. */
export function requireOneStream({ streams = 1 }: Partial<DumpOptions>): void {
  if (streams === 1) return
  const reason = 'an archive is written from its beginning to its end: dump to a directory'
  throw new GlanceError('usage', `--streams: ${reason}`)
}

/** Whether an address is that of images in files, which need no credentials. */
export function isDump(address: string): boolean {
  return address.startsWith('dir:') || isArchive(address)
}

export function isArchive(address: string): boolean {
  return address.startsWith('tar:')
}

/** Standard input or output, as an archive. */
export const STANDARD = 'tar:-'

/**
 * The address of a dump that is named by its path, as `dump` and `load` name it: an archive by what its name ends in, or a
 * directory.
 */
export function dumpAddress(path: string): string {
  if (/^tar:\/dev\/std(in|out)$/.test(path)) return STANDARD
  if (isDump(path)) return path
  if (path === '-') return STANDARD
  const named = ARCHIVE.test(path) && found(path)?.isDirectory() !== true
  return named ? `tar:${path}` : `dir:${path}`
}

const ARCHIVE = /\.(tar|tar\.gz|tgz|tar\.zst|tzst)$/i

/** The address of what may be a dump or a server: it is a dump when it looks like a path or is there. */
export function dumpOrServer(text: string): string {
  const isPath = /^(-$|\/|\.\.?(\/|$))/.test(text) || found(text) !== undefined
  return isPath ? dumpAddress(text) : text
}

/** What stands at a place of the command line, without the credentials that should not be there. */
export function shownEnd(place: string, text: string): string {
  const isPath = place === 'path' || (place === 'images' && isDump(dumpOrServer(text)))
  return isPath ? text : withoutCredentials(text)
}

function found(path: string) {
  return statSync(path, { throwIfNoEntry: false })
}
