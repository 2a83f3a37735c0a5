import { readdir, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Room } from './endpoint.ts'
import { layout } from './layout.ts'

/**
 * What fits into a folder: what is free for whom we are, and what data that broke off takes up, since that is gone on
 * with or removed.
 */
export async function roomInFolder(folder: string): Promise<Room> {
  let begun = 0
  for (const name of await readdir(folder).catch(() => [])) {
    if (layout.beginningOf(name) === undefined) continue
    const found = await stat(join(folder, name)).catch(() => undefined)
    // Blocks of 512 bytes, whatever the file system has: there may be holes.
    begun += (found?.blocks ?? 0) * 512
  }
  const free = await freeIn(folder)
  return { free: free === null ? null : free + begun, isCompressed: false, quotas: [] }
}

/** What fits into the folder of a file that is written anew, beside the one that it takes the place of. */
export async function roomForFile(file: string, isCompressed: boolean): Promise<Room> {
  return { free: await freeIn(dirname(file)), isCompressed, quotas: [] }
}

/** Bytes; null where the system does not say. */
async function freeIn(folder: string): Promise<number | null> {
  const found = await statfs(folder).catch(() => undefined)
  if (found === undefined || found.blocks === 0) return null
  const blocks = process.getuid?.() === 0 ? found.bfree : found.bavail
  return blocks * found.bsize
}
