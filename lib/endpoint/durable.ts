import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Gives a file that is on the disk the name by which it counts, so that a crash after it does not take that back. */
export async function renameDurably(file: string, name: string): Promise<void> {
  await rename(file, name)
  await using folder = await open(dirname(name))
  await folder.sync()
}
