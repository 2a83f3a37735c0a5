import { statSync } from 'node:fs'
import type { Options } from 'yargs'
import { withoutCredentials } from '../http/redact.ts'

/** Options of commands that write images to a disk. */
export interface DumpOptions {
  readonly sparse: boolean
}

export const DUMP = {
  sparse: {
    type: 'boolean',
    default: true,
    describe: 'Write zeros as holes, where the file system has such; --no-sparse writes them',
  },
} as const satisfies Record<string, Options>

/** Whether an address is that of images in files, which need no credentials. */
export function isDump(address: string): boolean {
  return address.startsWith('dir:') || address.startsWith('tar:')
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
  const isArchive = ARCHIVE.test(path) && found(path)?.isDirectory() !== true
  return isArchive ? `tar:${path}` : `dir:${path}`
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
