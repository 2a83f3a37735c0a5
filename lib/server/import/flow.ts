import pLimit from 'p-limit'
import type { Database, ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError, messageOf } from '../../errors.ts'
import type { ImportPluginName } from '../../image/import.ts'
import type { ImageLocation } from '../../image/location.ts'
import type { Store } from '../../store/store.ts'
import { admitReaders } from '../domain/admit.ts'
import type { Decision } from '../domain/alter.ts'
import { deleteReleased, deleteUnlessNamed } from '../domain/data.ts'
import {
  type Claim,
  mebibytesOf,
  requireWithinLimits as requireWithin,
} from '../domain/project-limits.ts'
import { endTask, unlessEnded } from '../domain/tasks.ts'
import { learned, storeData, type Stored } from '../domain/upload.ts'
import { requireImportable } from './importable.ts'
import type { Importer, ImportJob } from './importer.ts'
import { copyImage } from './methods/copy-image.ts'
import { glanceDirect } from './methods/glance-direct.ts'
import { glanceDownload } from './methods/glance-download.ts'
import { webDownload } from './methods/web-download.ts'
import { imageConversion } from './plugins/image-conversion.ts'
import { imageDecompression } from './plugins/image-decompression.ts'
import { injectImageMetadata } from './plugins/inject-image-metadata.ts'
import { noOp } from './plugins/no-op.ts'
import { FAILED, IMPORTING, unlocked, withoutStores, withStores } from './progress.ts'
import { ImportWork, type Source } from './work.ts'

const PLUGINS: Readonly<Record<ImportPluginName, (work: ImportWork) => Promise<void>>> = {
  no_op: noOp,
  inject_image_metadata: injectImageMetadata,
  image_decompression: imageDecompression,
  image_conversion: imageConversion,
}

/**
 * Carries an import out and ends its task. When it fails, what it had put into stores is gone again, unless the stores
 * that took it are enough, and an image that was to become active is queued. An image that is no longer one to import
 * into, such as one that was uploaded while the task waited for its turn, is left as it is.
 */
export async function runImport(
  importer: Importer,
  job: ImportJob,
  signal: AbortSignal,
): Promise<void> {
  const work = new ImportWork(importer, job, signal)
  const { service } = importer
  const copies: Copy[] = []
  let hasBegun = false
  try {
    signal.throwIfAborted()
    const begun = { status: 'processing', updatedAt: service.now() } as const
    await service.database.tasks.update(job.task.id, begun, ['pending'])
    const image = await begin(work)
    hasBegun = true
    await requireWithinLimits(work, image)
    const source = await sourceOf(work)
    await putIntoStores(work, source, copies)
    await finish(work, source.size)
  } catch (error) {
    await giveUp(work, error, hasBegun ? copies : null)
    const isForeseen = isGlanceError(error) || signal.aborted
    if (!isForeseen) throw error
  }
}

interface Copy {
  readonly store: Store
  readonly stored: Stored
}

/** One store that did not take the data; the others have to be told. */
class StoreFailure extends GlanceError {
  readonly store: Store

  constructor(store: Store, cause: GlanceError) {
    super(cause.code, `store ${store.id}: ${cause.message}`, { cause })
    this.store = store
  }
}

function isCopying({ job }: ImportWork): boolean {
  return job.request.method.name === 'copy-image'
}

async function begin(work: ImportWork): Promise<ImageRecord> {
  return work.edit(image => {
    requireImportable(image, work.job.request)
    const { properties } = image
    return {
      ...(!isCopying(work) && { status: 'importing' }),
      properties: work.tellsStores
        ? withoutStores(withStores(properties, IMPORTING, work.storeIds), FAILED, work.storeIds)
        : properties,
    }
  })
}

/** As Glance: once it is under way, so that it counts itself. @throws {GlanceError} `over_limit`, `unavailable`. */
async function requireWithinLimits(work: ImportWork, image: ImageRecord): Promise<void> {
  const size = mebibytesOf(image.size)
  const isStaged = work.job.request.method.name === 'glance-direct'
  const claim: Claim = isStaged
    ? { image_size_total: size }
    : { image_stage_total: size, image_count_uploading: 0 }
  await requireWithin({ project: work.job.task.owner }, work.service, claim)
}

async function sourceOf(work: ImportWork): Promise<Source> {
  const { method } = work.job.request
  switch (method.name) {
    case 'copy-image':
      return copyImage(work)
    case 'glance-direct':
      await glanceDirect(work)
      break
    case 'web-download':
      await webDownload(work, method.uri)
      break
    case 'glance-download':
      if (method.source instanceof GlanceError) throw method.source
      await glanceDownload(work, method.source)
      break
  }
  for (const name of work.importer.plugins) await PLUGINS[name](work)
  return work.stagedSource()
}

/**
 * Into so many stores at once; an image is copied into one after the other. With all that must succeed, the image
 * becomes active with the last of them, and the first failure stops the others. When it rejects, nothing is under way.
 */
async function putIntoStores(work: ImportWork, source: Source, copies: Copy[]): Promise<void> {
  const limit = pLimit(isCopying(work) ? 1 : work.importer.maxParallelStores)
  const stop = new AbortController()
  const signal = AbortSignal.any([work.signal, stop.signal])
  const put = async (store: Store) => {
    try {
      stop.signal.throwIfAborted()
      await putIntoOne(work, source, store, copies, signal)
    } catch (error) {
      stop.abort(error) // The first one is what counts.
    }
  }
  await Promise.all(work.job.stores.map(store => limit(() => put(store))))
  stop.signal.throwIfAborted()
}

/** A store that does not take the data is noted, unless all have to. @throws {StoreFailure} */
async function putIntoOne(
  work: ImportWork,
  source: Source,
  store: Store,
  copies: Copy[],
  signal: AbortSignal,
): Promise<void> {
  try {
    await putInto(work, source, store, copies, signal)
  } catch (error) {
    if (!isGlanceError(error)) throw error
    if (work.job.request.allStoresMustSucceed) throw new StoreFailure(store, error)
    await work.edit(({ properties }) => ({
      properties: withoutStores(withStores(properties, FAILED, [store.id]), IMPORTING, [store.id]),
    }))
  }
}

async function putInto(
  work: ImportWork,
  source: Source,
  store: Store,
  copies: Copy[],
  signal: AbortSignal,
): Promise<void> {
  const { service } = work
  await work.requireRoom(source.size)
  const data = work.beating(await source.open())
  const stored = await storeData(
    { signal, onBehalf: work.job.credentials },
    service,
    await work.image(),
    store,
    data,
    source.size,
  )
  // Others may have stored something in the meantime.
  const requireStillRoom = async (tables: Database) => {
    await work.requireRoom(stored.size, tables)
  }
  try {
    await work.edit(image => {
      requireSameData(service.hashingAlgorithm, image, stored)
      const locations = [...image.locations, service.stores.locationIn(store, stored.location)]
      const activates = !work.job.request.allStoresMustSucceed || isEverywhere(work, locations)
      return {
        ...(image.checksum === null && image.digest === null && learnedOf(work, image, stored)),
        locations,
        ...(activates && image.status === 'importing' && { status: 'active' }),
        ...(work.tellsStores && {
          properties: withoutStores(image.properties, IMPORTING, [store.id]),
        }),
      }
    }, requireStillRoom)
  } catch (error) {
    await service.undoing.undo(work.job.imageId, () => takeBack(work, { store, stored }))
    throw error
  }
  copies.push({ store, stored })
  if (store.admit === undefined) return
  const caller = { onBehalf: work.job.credentials, signal: work.signal }
  await admitReaders(caller, service, await work.image(), stored.readers).catch(service.report)
}

function isEverywhere({ service, job }: ImportWork, locations: readonly ImageLocation[]): boolean {
  const holding = new Set(locations.map(location => service.stores.of(location)))
  return job.stores.every(store => holding.has(store))
}

/** Of what is wrapped into something else a plugin may know the virtual size that an inspection does not find. */
function learnedOf({ service }: ImportWork, image: ImageRecord, stored: Stored) {
  const { virtualSize, ...others } = learned(service, stored)
  return { ...others, virtualSize: virtualSize ?? image.virtualSize }
}

/** @throws {GlanceError} `corrupt` when a copy is not of the data that the image has. */
function requireSameData(algorithm: string, image: ImageRecord, stored: Stored): void {
  const isSame =
    image.digest?.algorithm === algorithm
      ? image.digest.value.toLowerCase() === stored.hash
      : image.checksum === null || image.checksum.toLowerCase() === stored.checksum
  if (isSame) return
  throw new GlanceError('corrupt', 'the data is not what the image says it is')
}

async function finish(work: ImportWork, bytes: number): Promise<void> {
  await work.discard()
  await work.edit(
    image => {
      if (image.status !== 'importing') return { properties: unlocked(image) }
      throw new GlanceError('unavailable', 'none of the uploads finished!')
    },
    tables => endTask(work.service, work.job.task.id, done(work, bytes), tables),
  )
}

function done({ job }: ImportWork, bytes: number) {
  const result = { image_id: job.imageId }
  return { result, message: `Copied ${Math.floor(bytes / 1024 ** 2)} MiB` }
}

/**
 * Ends the task, and unlocks the image; later while the database is away. `copies` that the stores took; null when, as
 * far as we know, nothing was begun.
 */
async function giveUp(
  work: ImportWork,
  error: unknown,
  copies: readonly Copy[] | null,
): Promise<void> {
  const message = isGlanceError(error) || work.signal.aborted ? messageOf(error) : 'internal error'
  const failure = { message: `Error: ${message}`, failed: failedStores(work, error) }
  await work.service.undoing.undo(work.job.imageId, isAgain =>
    endFailed(work, failure, copies, isAgain),
  )
}

interface Failure {
  readonly message: string
  /** Names of the stores that the image is to say it of. */
  readonly failed: readonly string[]
}

/** When `isAgain` an earlier attempt may have done all of it, or a part. */
async function endFailed(
  work: ImportWork,
  { message, failed }: Failure,
  copies: readonly Copy[] | null,
  isAgain: boolean,
): Promise<void> {
  const { service, job } = work
  try {
    // Nobody else can have begun while the task has the image: the answer to it was lost.
    const begun = copies ?? ((await work.image()).status === 'importing' ? [] : null)
    if (begun !== null) await undo(work, begun, isAgain)
    await work.edit(
      image => (begun === null ? { properties: unlocked(image) } : givenUp(work, image, failed)),
      tables => endTask(service, job.task.id, { message }, tables),
    )
  } catch (error) {
    if (!isGlanceError(error, 'gone', 'conflict')) throw error
    // The image is gone, or another task has it, and all that is to do with it: perhaps since all of this was done.
    const isGone = isGlanceError(error, 'gone')
    for (const copy of isGone || !isAgain ? (copies ?? []) : []) await takeBack(work, copy)
    await endTask(service, job.task.id, { message }).catch(unlessEnded)
    if (isGone) await work.discard()
  }
}

async function takeBack({ service, job }: ImportWork, { store, stored }: Copy): Promise<void> {
  await deleteUnlessNamed(service, job.imageId, store, stored.location, {
    caller: job.credentials,
  })
}

/**
 * Takes back what stores took when all had to, first from the image and then from the stores; from none that an image
 * has nothing but. An image that was to become active is `importing` for as long, so that nobody uploads to it before
 * its places are free, and that recovery at start frees them when this is cut off.
 * @throws {GlanceError} `gone`, `conflict` when the image is not ours any more.
 */
async function undo(work: ImportWork, copies: readonly Copy[], isAgain: boolean): Promise<void> {
  const { service, job } = work
  const all = job.request.allStoresMustSucceed ? copies : []
  const undone = new Set(all.map(({ stored }) => stored.location.url))
  let released: readonly ImageLocation[] = []
  await work.edit(({ status, locations }) => {
    released = [] // It may be decided more than once.
    const left = locations.filter(({ url }) => !undone.has(url))
    if (status !== 'importing' && (!isCopying(work) || left.length === 0)) return {}
    released = locations.filter(({ url }) => undone.has(url))
    return { locations: left }
  })
  await deleteReleased(service, released, job.credentials)
  // Those that an earlier attempt took from the image.
  for (const copy of isAgain ? all : []) await takeBack(work, copy)
  await work.discard()
}

function failedStores(work: ImportWork, error: unknown): readonly string[] {
  if (!work.service.stores.named) return []
  const { name } = work.job.request.method
  // As Glance: when a download has come to nothing, it has for every store.
  if (name === 'web-download' || name === 'glance-download') return work.storeIds
  return error instanceof StoreFailure ? [error.store.id] : []
}

function givenUp(work: ImportWork, image: ImageRecord, failed: readonly string[]): Decision {
  const restored = work.restored(image)
  const properties = work.tellsStores
    ? withStores(
        withoutStores(unlocked(restored), IMPORTING, work.storeIds),
        FAILED,
        image.status === 'importing' || isCopying(work) ? failed : [],
      )
    : unlocked(restored)
  if (image.status !== 'importing') return { properties }
  const { diskFormat, containerFormat } = restored
  return { status: 'queued', diskFormat, containerFormat, properties }
}
