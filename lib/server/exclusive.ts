import { join } from 'node:path'
import { lock } from '../database/lock.ts'
import { IN_MEMORY, sqlitePath } from '../database/open.ts'
import { GlanceError, messageOf } from '../errors.ts'
import { makeFolder } from '../store/folder.ts'
import type { ServerConfig } from './config.ts'

/**
 * Keeps other services away from where this one has its images, each place until what is yielded for it is disposed of:
 * what starts there takes uploads that are under way for those of a service that was killed. What is only in memory
 * needs nothing of the kind.
 * @throws {GlanceError} `unavailable` when another service is there, or when nothing can be written there.
 */
export async function* lockOut({
  dataApi,
  connection,
  store,
  storeDir,
  dataDir,
}: ServerConfig): AsyncGenerator<AsyncDisposable> {
  const database = dataApi === 'simple' ? null : (connection ?? dataDir)
  const images = store === 'memory' ? null : (storeDir ?? dataDir)
  if (database === dataDir || images === dataDir) yield await lockFolder(dataDir, 'glance')
  // Hidden from whoever looks for images there.
  if (images !== null && images !== dataDir) yield await lockFolder(images, '.glance')
  if (database === null || database === dataDir) return
  const path = sqlitePath(database)
  if (path !== IN_MEMORY) yield await lock(`the database ${path}`, path)
}

/** Makes a folder that may be there. @throws {GlanceError} `unavailable`. */
export async function makeDataFolder(path: string): Promise<void> {
  try {
    await makeFolder(path)
  } catch (error) {
    const message = `the data folder ${path} cannot be made: ${messageOf(error)}`
    throw new GlanceError('unavailable', message, { cause: error })
  }
}

async function lockFolder(path: string, name: string): Promise<AsyncDisposable> {
  await makeDataFolder(path)
  return await lock(`the data folder ${path}`, join(path, name))
}
