import { existsSync } from 'node:fs'
import { access, chmod, constants, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { GlanceError, messageOf } from '../errors.ts'
import type { DataFolder } from './filesystem-settings.ts'
import { makeFolder } from './folder.ts'

/** Makes the folder of a store if need be. @throws {GlanceError} `unavailable` when it cannot be written to. */
export async function prepareFolder(
  store: string,
  folder: string,
  permissions: number | null,
): Promise<void> {
  try {
    await makeFolder(folder)
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    const message = `store ${store}: the folder ${folder} cannot be used: ${messageOf(error)}`
    throw new GlanceError('unavailable', message, { cause: error })
  }
  await letThrough(folder, permissions ?? 0)
}

/** Lets those into the folder who may read its files. A folder of somebody else's stays as it is. */
async function letThrough(folder: string, permissions: number): Promise<void> {
  const wanted = ((permissions & 0o070) === 0 ? 0 : 0o010) | ((permissions & 0o007) === 0 ? 0 : 1)
  const { mode } = await stat(folder)
  if ((mode & wanted) !== wanted) await chmod(folder, (mode & 0o7777) | wanted).catch(() => {})
}

/** The folder in which there is a file of that name; undefined when there is none. */
export function folderWith(folders: readonly DataFolder[], name: string): string | undefined {
  return folders.find(({ path }) => existsSync(join(path, name)))?.path
}

/**
 * The folder for so many bytes: of the greatest priority that have room, the one with the most.
 * @throws {GlanceError} `over_limit` when none has.
 */
export async function folderFor(
  store: string,
  folders: readonly DataFolder[],
  bytes: number,
): Promise<string> {
  let best: { readonly folder: DataFolder; readonly free: number } | undefined
  for (const folder of folders) {
    const free = await freeIn(folder.path)
    if (free < bytes) continue
    const { priority } = folder
    const isBetter =
      best === undefined ||
      priority > best.folder.priority ||
      (priority === best.folder.priority && free > best.free)
    if (isBetter) best = { folder, free }
  }
  if (best !== undefined) return best.folder.path
  throw new GlanceError('over_limit', `store ${store} has no room for ${bytes} bytes`)
}

/** Bytes that we may still write; without end where the system does not say. */
async function freeIn(folder: string): Promise<number> {
  const found = await statfs(folder).catch(() => undefined)
  if (found === undefined || found.blocks === 0) return Number.POSITIVE_INFINITY
  return (process.getuid?.() === 0 ? found.bfree : found.bavail) * found.bsize
}
