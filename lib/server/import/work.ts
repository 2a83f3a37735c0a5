import type { Database, ImageRecord } from '../../database/database.ts'
import type { Location, Store } from '../../store/store.ts'
import type { Bytes } from '../../stream/bytes.ts'
import { limitSize } from '../../stream/limit-size.ts'
import type { Decision } from '../domain/alter.ts'
import { deleteFrom, deleteIfPossible } from '../domain/data.ts'
import type { Service } from '../domain/service.ts'
import { requireRoom } from '../domain/storage-quota.ts'
import { maximum } from '../domain/upload.ts'
import type { Importer, ImportJob } from './importer.ts'
import { BEAT_MS, whileBeating } from './heartbeat.ts'
import { editLocked, type Locked, requireLocked } from './lock.ts'

/** Data that is ready to be put into stores; it can be read any number of times. */
export interface Source {
  /** Bytes. */
  readonly size: number
  open(): Promise<Bytes>
}

/** What is to be as it was of an image; the last one to change something is asked first. */
export type Restore = (
  image: ImageRecord,
) => Partial<Pick<ImageRecord, 'diskFormat' | 'containerFormat' | 'properties'>>

/** One import at work: what its methods and plugins have in hand. */
export class ImportWork {
  readonly importer: Importer
  readonly job: ImportJob
  /** Fires when the service stops. */
  readonly signal: AbortSignal
  #staged: Location | null = null
  readonly #restores: Restore[] = []

  constructor(importer: Importer, job: ImportJob, signal: AbortSignal) {
    this.importer = importer
    this.job = job
    this.signal = signal
  }

  get service(): Service {
    return this.importer.service
  }

  get staging(): Store {
    return this.service.staging
  }

  /** Names of the stores that the data goes to; none when stores have no names. */
  get storeIds(): readonly string[] {
    return this.service.stores.named ? this.job.stores.map(({ id }) => id) : []
  }

  /** Whether the image says where it is being put, and where that failed: not with the old API. */
  get tellsStores(): boolean {
    return this.job.task.type !== 'import'
  }

  /** The image, which is ours. @throws {GlanceError} `gone` when it is not there; `conflict` when it is not ours. */
  async image(): Promise<ImageRecord> {
    return requireLocked(await this.service.database.images.find(this.job.imageId), this.#locked)
  }

  /** Changes the image, and does something else `alongside`: both or neither. @throws {GlanceError} as {@link image}. */
  async edit(
    change: (image: ImageRecord) => Decision,
    alongside: (tables: Database) => Promise<void> = async () => {},
  ): Promise<ImageRecord> {
    return editLocked(this.service, this.#locked, change, alongside)
  }

  /** What is staged now. */
  get staged(): Location {
    return this.#staged ?? this.staging.locate(this.job.imageId)
  }

  /** The same as something to be put into stores. @throws {GlanceError} `not_found`. */
  async stagedSource(): Promise<Source> {
    const { staging, staged, signal } = this
    const size = await staging.size(staged, { signal })
    return { size, open: () => staging.open(staged, null, { signal }) }
  }

  /**
   * Stages other data in place of what there is, which may be read meanwhile. `size` in bytes, null when unknown.
   * @throws {GlanceError} `over_limit`, `corrupt`, `unavailable`.
   */
  async stage(data: Bytes, size: number | null): Promise<void> {
    const { staging, signal } = this
    const next = this.#otherPlace()
    await deleteFrom(staging, staging.locate(next))
    const most = Math.min(await this.requireRoom(size), maximum(this.service))
    const limited = limitSize(this.beating(data), most)
    const { location } = await staging.add(next, limited, size, { signal })
    await this.moveStaged(location)
  }

  /** The bytes that there is still room for, of those who asked for the import. @throws {GlanceError} `over_limit`. */
  requireRoom(size: number | null, database: Database = this.service.database): Promise<number> {
    const { imageId, task } = this.job
    const { limits } = this.service
    return requireRoom({ project: task.owner }, { database, limits }, imageId, size)
  }

  /** Says that the data to go on with is there from now on, and deletes what was staged before. */
  async moveStaged(location: Location): Promise<void> {
    const before = this.staged
    this.#staged = location
    await deleteFrom(this.staging, before)
  }

  /** A place in the staging store beside that of the data. */
  get spare(): Location {
    return this.staging.locate(this.#otherPlace())
  }

  /** Remembers how to undo what a method or plugin changes of an image besides its data. */
  onFailure(restore: Restore): void {
    this.#restores.unshift(restore)
  }

  /** The image as it was, but for its data. */
  restored(image: ImageRecord): ImageRecord {
    return this.#restores.reduce<ImageRecord>(
      (restored, restore) => ({ ...restored, ...restore(restored) }),
      image,
    )
  }

  /** Deletes all that this import has staged, as far as that is possible. */
  async discard(): Promise<void> {
    for (const id of [this.job.imageId, this.job.task.id]) {
      await deleteIfPossible(this.service, this.staging, this.staging.locate(id))
    }
  }

  /**
   * Passes the data on and lets the task say now and then how far it is, so that nobody takes it for dead. Ends in
   * `conflict` when somebody did all the same, and in `gone` when the image has been deleted.
   */
  async *beating(data: Bytes): AsyncGenerator<Uint8Array, void> {
    const { now } = this.service
    let last = now().getTime()
    let total = 0
    for await (const chunk of data) {
      total += chunk.length
      yield chunk
      const time = now()
      if (time.getTime() - last < BEAT_MS) continue
      last = time.getTime()
      await this.#beat(`Copied ${Math.floor(total / 1024 ** 2)} MiB`)
    }
  }

  /** Lets another program do something, and the task say meanwhile that it does; ends as {@link beating}. */
  waitingFor<T>(work: (signal: AbortSignal) => Promise<T>, message: string): Promise<T> {
    return whileBeating(work, () => this.#beat(message), { signal: this.signal })
  }

  async #beat(message: string): Promise<void> {
    const { database, now } = this.service
    await this.image()
    await database.tasks.update(this.job.task.id, { message, updatedAt: now() }, ['processing'])
  }

  #otherPlace(): string {
    const { imageId, task } = this.job
    return this.staged.url === this.staging.locate(imageId).url ? task.id : imageId
  }

  get #locked(): Locked {
    return { imageId: this.job.imageId, taskId: this.job.task.id }
  }
}
