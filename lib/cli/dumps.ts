import { statSync } from 'node:fs'
import type { Options } from 'yargs'

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
  return address.startsWith('dir:')
}

/** The address of a dump that is named by its path, as `dump` and `load` name it. */
export function dumpAddress(path: string): string {
  return isDump(path) ? path : `dir:${path}`
}

/** The address of what may be a dump or a server: it is a dump when it looks like a path or is there. */
export function dumpOrServer(text: string): string {
  if (isDump(text)) return text
  const isPath = /^(\/|\.\.?(\/|$))/.test(text) || isThere(text)
  return isPath ? dumpAddress(text) : text
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}
