import type { Database, ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError, messageOf } from '../../errors.ts'
import { type Digest, type DigestAlgorithm, isDigestAlgorithm } from '../../image/digest.ts'
import type { Task } from '../../image/task.ts'
import type { Caller } from '../../store/store.ts'
import { Hasher } from '../../stream/digest.ts'
import { type Decision, illegalTransition } from '../domain/alter.ts'
import { sizeAt } from '../domain/edit-locations.ts'
import { requireRoom } from '../domain/storage-quota.ts'
import type { Service } from '../domain/service.ts'
import { endTask, unlessEnded } from '../domain/tasks.ts'
import type { Importer } from './importer.ts'
import { editLocked } from './lock.ts'
import { unlocked } from './progress.ts'

/** A location that is being registered; the image is locked by the task. */
export interface LocationJob {
  readonly task: Task
  readonly imageId: string
  readonly url: string
  /** What the data is said to be; null when nothing is said. */
  readonly digest: Digest | null
  /** In whose name it is looked for. */
  readonly caller: Caller
}

/**
 * Makes the image active with the data at a URL. What is said of the data is proved before, if it is to be; when
 * nothing is said its digests are computed afterwards. When it fails, the image is queued again, without a location.
 * An image that is no longer queued when it is the task's turn is left as it is.
 */
export async function runLocationImport(
  importer: Importer,
  job: LocationJob,
  signal: AbortSignal,
): Promise<void> {
  const { service, doSecureHash } = importer
  const locked = { imageId: job.imageId, taskId: job.task.id }
  const end = (tables: Database) =>
    endTask(service, job.task.id, { result: { image_id: job.imageId } }, tables)
  try {
    signal.throwIfAborted()
    const begun = { status: 'processing', updatedAt: service.now() } as const
    await service.database.tasks.update(job.task.id, begun, ['pending'])
    const location = service.stores.labelled({ url: job.url, metadata: {} })
    const size = await sizeAt(service, location, { signal, caller: job.caller })
    const place = (
      decision: (image: ImageRecord) => Decision,
      alongside: (tables: Database) => Promise<void> = async () => {},
    ) =>
      editLocked(
        service,
        locked,
        image => {
          if (image.status !== 'queued') throw illegalTransition(image, 'active', 'conflict')
          return { size, locations: [location], ...decision(image) }
        },
        async database => {
          const { limits } = service
          await requireRoom({ project: job.task.owner }, { database, limits }, job.imageId, size)
          await alongside(database)
        },
      )
    if (!doSecureHash) {
      await place(image => ({ ...active(image), digest: job.digest }), end)
    } else if (job.digest === null) {
      await place(() => ({ status: 'active' }))
      const digests = await digestsWithRetries(importer, job, signal).catch((error: unknown) => {
        if (isGlanceError(error)) return {} // As Glance: an image without digests is active all the same.
        throw error
      })
      await editLocked(service, locked, image => ({ ...digests, properties: unlocked(image) }), end)
    } else {
      await place(() => ({ status: 'importing' }))
      const digests = await digestsWithRetries(importer, job, signal)
      if (digests.digest.value !== job.digest.value.toLowerCase()) {
        throw new GlanceError('corrupt', 'the data is not what it was said to be')
      }
      await editLocked(service, locked, image => ({ ...active(image), ...digests }), end)
    }
  } catch (error) {
    await giveUp(importer, job, error)
    if (!isGlanceError(error) && !signal.aborted) throw error
  }
}

function active(image: ImageRecord) {
  return { status: 'active', properties: unlocked(image) } as const
}

async function digestsWithRetries(importer: Importer, job: LocationJob, signal: AbortSignal) {
  for (let left = importer.httpRetries; ; left -= 1) {
    try {
      return await digestsOf(importer, job, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (left <= 0) throw error instanceof GlanceError ? error : unreadable(error)
    }
  }
}

/** The error of a connection that broke in the middle is the network's own. */
function unreadable(error: unknown): GlanceError {
  const message = `the data could not be read: ${messageOf(error)}`
  return new GlanceError('unavailable', message, { cause: error })
}

async function digestsOf(
  { service }: Importer,
  { url, digest, caller }: LocationJob,
  signal: AbortSignal,
): Promise<Pick<ImageRecord, 'checksum'> & { readonly digest: Digest }> {
  const algorithm: DigestAlgorithm =
    digest !== null && isDigestAlgorithm(digest.algorithm)
      ? digest.algorithm
      : service.hashingAlgorithm
  const location = { url, metadata: {} }
  const hasher = new Hasher(['md5', algorithm])
  const data = await service.stores.require(location).open(location, null, { signal, caller })
  for await (const chunk of data) {
    await hasher.update(chunk)
    signal.throwIfAborted()
  }
  return {
    checksum: await hasher.hex('md5'),
    digest: { algorithm, value: await hasher.hex(algorithm) },
  }
}

/** Ends the task, and unlocks the image; later while the database is away. */
async function giveUp({ service }: Importer, job: LocationJob, error: unknown): Promise<void> {
  const outcome = { message: `Error: ${isGlanceError(error) ? error.message : 'internal error'}` }
  await service.undoing.undo(job.imageId, () => endFailed(service, job, outcome))
}

async function endFailed(
  service: Service,
  job: LocationJob,
  outcome: { readonly message: string },
): Promise<void> {
  const locked = { imageId: job.imageId, taskId: job.task.id }
  try {
    await editLocked(
      service,
      locked,
      image => ({
        properties: unlocked(image),
        // While the task has it, nobody else can have made it so.
        ...(image.status === 'importing' && { status: 'queued' }),
      }),
      tables => endTask(service, job.task.id, outcome, tables),
    )
  } catch (failure) {
    if (!isGlanceError(failure, 'gone', 'conflict')) throw failure
    await endTask(service, job.task.id, outcome).catch(unlessEnded)
  }
}
