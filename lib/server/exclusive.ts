import { access, constants, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { lock } from '../database/lock.ts'
import { GlanceError, messageOf } from '../errors.ts'
import { makeFolder } from '../store/folder.ts'
import { foldersOf } from '../store/open.ts'
import type { ServerConfig } from './config.ts'
import { storeConfigs } from './store-configs.ts'

/**
 * Keeps other services away from the folders where this one has its images, each until what is yielded for it is
 * disposed of: what starts there takes uploads that are under way for those of a service that was killed. What is only
 * in memory needs nothing of the kind; a database is held by itself.
 * @throws {GlanceError} `unavailable` when another service is there, or when nothing can be written there; `usage` for
 * one folder by two names.
 */
export async function* lockOut(config: ServerConfig): AsyncGenerator<AsyncDisposable> {
  const { dataDir } = config
  const folders = new Set(dataFoldersOf(config).map(folder => resolve(folder)))
  const isThere = folders.delete(resolve(dataDir))
  if (isThere || isInDataFolder(config)) yield await lockFolder(dataDir, 'glance')
  const taken = new Map<string, string>()
  // Hidden from whoever looks for images there.
  for (const folder of folders) yield await lockOnce(folder, taken)
  for (const folder of storeFoldersOf(config)) {
    // What nobody can write to is no place for an upload either: its store will say so.
    if (!folders.has(folder) && (await isUsable(folder))) yield await lockOnce(folder, taken)
  }
}

function isInDataFolder({ dataApi, connection }: ServerConfig): boolean {
  return connection === null && (dataApi === null || dataApi === 'sqlite')
}

/** Where data is staged and cached, and waits for the rest of it, and the data folder for what is below it by default. */
function dataFoldersOf({
  dataApi,
  dataDir,
  store,
  storeDir,
  enabledBackends,
  stagingDir,
  imageCacheDir,
  resumableUploadDir,
  resumableUploadExpiry,
}: ServerConfig): readonly string[] {
  const isBelow = enabledBackends.length === 0 && store !== 'memory' && storeDir === null
  const unlessInMemory = dataApi === 'simple' ? null : dataDir
  return [
    isBelow ? dataDir : null,
    stagingDir ?? unlessInMemory,
    imageCacheDir,
    resumableUploadExpiry === 0 ? null : (resumableUploadDir ?? unlessInMemory),
  ].filter(folder => typeof folder === 'string')
}

/** The folders of stores, but for the one in the data folder. */
export function storeFoldersOf(config: ServerConfig): readonly string[] {
  const below = resolve(config.dataDir, 'images')
  const folders = storeConfigs(config).all.flatMap(({ type, options }) => foldersOf(type, options))
  const isBelow = config.enabledBackends.length === 0 && config.storeDir === null
  return [...new Set(folders)].filter(folder => !isBelow || folder !== below)
}

async function isUsable(folder: string): Promise<boolean> {
  return makeFolder(folder).then(
    () =>
      access(folder, constants.W_OK | constants.X_OK).then(
        () => true,
        () => false,
      ),
    () => false,
  )
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

/** `taken` has those that we have already, by what the system knows them as. */
async function lockOnce(folder: string, taken: Map<string, string>): Promise<AsyncDisposable> {
  await makeDataFolder(folder)
  const { dev, ino } = await stat(folder)
  const other = taken.get(`${dev} ${ino}`)
  taken.set(`${dev} ${ino}`, folder)
  if (other === undefined) return await lockFolder(folder, '.glance')
  const message = `${other} and ${folder} are the same folder: each is to be one of its own`
  throw new GlanceError('usage', message)
}

async function lockFolder(path: string, name: string): Promise<AsyncDisposable> {
  await makeDataFolder(path)
  return await lock(`the data folder ${path}`, join(path, name))
}
