import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { GlanceError, messageOf } from '../errors.ts'
import { booleanOption, integerOption, type StoreOptions, wrongOption } from './options.ts'

/** A folder of a file store. */
export interface DataFolder {
  readonly path: string
  /** Data goes into the folder of the greatest that has room for it. */
  readonly priority: number
}

/** How a file store is set up. */
export interface FilesystemSettings {
  /** At least one. */
  readonly folders: readonly DataFolder[]
  /** Bytes that are read or written at once. Default 1 MiB. */
  readonly chunkSize?: number
  /** Whether blocks of zeros are left out of the files, as holes. Default false. */
  readonly thin?: boolean
  /** The permissions of a file whose data is whole; null for those it was written with. */
  readonly permissions?: number | null
  /** A JSON file that says by what names others know the folders; null for none. */
  readonly metadataFile?: string | null
}

/** Glance's options of a file store. */
export const FILESYSTEM_OPTIONS = [
  'filesystem_store_datadir',
  'filesystem_store_datadirs',
  'filesystem_store_metadata_file',
  'filesystem_store_file_perm',
  'filesystem_store_chunk_size',
  'filesystem_thin_provisioning',
] as const

const MIB = 1024 * 1024

/** @throws {GlanceError} `usage`, naming the option. */
export function filesystemSettings(options: StoreOptions): FilesystemSettings {
  const chunkSize = { least: 1, most: 64 * MIB, otherwise: MIB }
  const { filesystem_store_metadata_file: metadataFile } = options
  return {
    folders: dataFolders(options),
    chunkSize: integerOption(options, 'filesystem_store_chunk_size', chunkSize),
    thin: booleanOption(options, 'filesystem_thin_provisioning'),
    permissions: permissionsIn(options),
    metadataFile: metadataFile === undefined || metadataFile === '' ? null : resolve(metadataFile),
  }
}

/** @throws {GlanceError} `usage`, naming the option. */
export function dataFolders({
  filesystem_store_datadir: one = '',
  filesystem_store_datadirs: several = '',
}: StoreOptions): readonly DataFolder[] {
  const lines = several.split('\n').filter(line => line.trim() !== '')
  if (one === '' && lines.length === 0) {
    throw new GlanceError(
      'usage',
      'filesystem_store_datadir or filesystem_store_datadirs has to be set',
    )
  }
  if (one !== '' && lines.length > 0) {
    const message =
      'one of filesystem_store_datadir and filesystem_store_datadirs has to be set, not both'
    throw new GlanceError('usage', message)
  }
  if (one !== '') return [{ path: resolve(one), priority: 0 }]
  const folders = new Map<string, DataFolder>()
  for (const folder of lines.map(folderIn)) {
    const before = folders.get(folder.path)
    if (before !== undefined && before.priority !== folder.priority) {
      const message = `filesystem_store_datadirs: ${folder.path} is there with the priorities ${before.priority} and ${folder.priority}`
      throw new GlanceError('usage', message)
    }
    folders.set(folder.path, folder)
  }
  return [...folders.values()]
}

/** `path` or `path:priority`. As Glance: what stands behind the last colon is the priority. */
function folderIn(line: string): DataFolder {
  const [, path = '', priority = ''] = /^(.*?)(?::([^:]*))?$/.exec(line) ?? []
  if (path.trim() === '' || !/^\s*(?:[+-]?\d+\s*)?$/.test(priority)) {
    const wanted = 'a folder, or a folder and its priority as path:number'
    throw wrongOption('filesystem_store_datadirs', wanted, line)
  }
  return { path: resolve(path.trim()), priority: Number(priority) }
}

/** As Glance: the digits are octal, and 0 or less changes nothing. */
function permissionsIn({ filesystem_store_file_perm: value = '0' }: StoreOptions): number | null {
  const mode = Number.parseInt(value, 8)
  const wanted = 'octal permissions by which the service itself can read, such as 640'
  if (/^-\d+$/.test(value) || mode === 0) return null
  if (/^[0-7]{1,4}$/.test(value) && (mode & 0o400) !== 0) return mode
  throw wrongOption('filesystem_store_file_perm', wanted, value)
}

/** What other services call a folder that they have mounted as well. */
export interface Mount {
  readonly id: string
  readonly mountpoint: string
}

/**
 * Reads a metadata file as Glance's: `{"id": …, "mountpoint": …}`, or a list of such; what else stands in one is handed
 * on as well. @throws {GlanceError} `usage`.
 */
export async function readMounts(file: string): Promise<readonly Mount[]> {
  const wrong = (reason: string, cause?: unknown) =>
    new GlanceError('usage', `filesystem_store_metadata_file: ${file} ${reason}`, { cause })
  let document: unknown
  try {
    document = JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw wrong(`cannot be used: ${messageOf(error)}`, error)
  }
  const mounts: readonly unknown[] = Array.isArray(document) ? document : [document]
  if (mounts.every(isMount)) return mounts
  throw wrong('has to be an object with the texts id and mountpoint, or a list of such')
}

function isMount(value: unknown): value is Mount {
  if (typeof value !== 'object' || value === null) return false
  return (
    'id' in value &&
    typeof value.id === 'string' &&
    'mountpoint' in value &&
    typeof value.mountpoint === 'string'
  )
}
