import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/**
 * Makes a folder that may be there, and those above it, for nobody but us and our group. Rejects with the system's own
 * error. Node's `recursive` is no help: where the system says ENOENT of a folder in one that is there, as in `/proc`,
 * it tries for ever.
 */
export async function makeFolder(path: string): Promise<void> {
  const folder = resolve(path)
  try {
    await makeOne(folder)
  } catch (error) {
    if (!isAbsent(error) || dirname(folder) === folder) throw error
    await makeFolder(dirname(folder))
    await makeOne(folder)
  }
}

async function makeOne(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o750 })
  } catch (error) {
    if (!(await isFolder(folder))) throw error
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    found => found.isDirectory(),
    () => false,
  )
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
