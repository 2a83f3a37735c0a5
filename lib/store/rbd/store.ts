import { access, constants } from 'node:fs/promises'
import type { Abortable } from '../../abort.ts'
import { GlanceError, isGlanceError, messageOf } from '../../errors.ts'
import { abortable } from '../../stream/abortable.ts'
import type { Bytes } from '../../stream/bytes.ts'
import { type ByteRange, checkRange } from '../../stream/range.ts'
import { verifySize } from '../../stream/verify.ts'
import { checkImageId } from '../location.ts'
import type { Location, Store, StoredData } from '../store.ts'
import { RbdImport } from './import.ts'
import { partialName, partialsIn, volumesIn } from './listing.ts'
import { parseRbdLocation, RBD_SCHEMES, rbdLocation } from './location.ts'
import { type RbdInfo, type RbdName, RbdPool } from './pool.ts'
import { CephPrograms } from './program.ts'
import { readRange } from './read.ts'
import type { RbdSettings } from './settings.ts'

/** Milliseconds: more than the 30 s for which Ceph believes that a program that was killed is there. */
const LEAVING_MS = 40_000

/**
 * Keeps the data of each image in an image of a pool of Ceph, named by its id and with the protected snapshot `snap`, as
 * Glance's own RBD store does, so that volumes can be cloned from it. It has that name only once it is whole and has
 * its snapshot. All is done by Ceph's own programs.
 */
export class RbdStore implements Store {
  readonly id: string
  readonly writable = true
  readonly schemes = RBD_SCHEMES
  readonly #settings: RbdSettings
  readonly #programs: CephPrograms
  readonly #pool: RbdPool
  readonly #fsid: string | null
  /** What is still to be removed of writes that had to be stopped. */
  readonly #leavings = new Set<Promise<void>>()
  readonly #closing = new AbortController()

  private constructor(id: string, settings: RbdSettings, fsid: string | null) {
    this.id = id
    this.#settings = settings
    this.#programs = new CephPrograms(id, settings)
    this.#pool = new RbdPool(this.#programs)
    this.#fsid = fsid
  }

  /**
   * Asks the cluster which it is, unless the configuration file of Ceph says so. @throws {GlanceError} `usage` when that
   * file cannot be read; `unavailable` without Ceph's programs, or when there is no answer.
   */
  static async open(id: string, settings: RbdSettings): Promise<RbdStore> {
    await RbdStore.check(settings)
    const programs = new CephPrograms(id, settings)
    const fsid = (await programs.configured('fsid')) ?? (await programs.ceph(['fsid']))?.trim()
    if (fsid !== undefined && fsid !== '') return new RbdStore(id, settings, fsid)
    const message = `store ${id}: no Ceph cluster answers: look at rbd_store_ceph_conf and rbd_store_user`
    throw new GlanceError('unavailable', message)
  }

  /** @throws {GlanceError} `usage` when the configuration file of Ceph cannot be read. */
  static async check({ cephConf }: RbdSettings): Promise<void> {
    if (cephConf !== null) await requireReadable(cephConf)
  }

  /** A store for what is there already, of a cluster that nobody has asked yet. */
  static reading(id: string, settings: RbdSettings): RbdStore {
    return new RbdStore(id, settings, null)
  }

  locate(id: string): Location {
    checkImageId(id)
    return rbdLocation(this.#fsid, this.#settings.pool, id)
  }

  holds(at: Location): boolean {
    try {
      const { fsid, pool } = parseRbdLocation(at)
      return this.#isOurs(fsid) && (pool ?? this.#settings.pool) === this.#settings.pool
    } catch {
      return false // Not the location of an RBD image at all.
    }
  }

  async add(id: string, data: Bytes, size: number | null, { signal }: Abortable = {}) {
    const location = this.locate(id)
    const { pool } = this.#settings
    const source = verifySize(abortable(data, signal), size)
    try {
      signal?.throwIfAborted()
      const found = await this.#pool.find({ pool, image: id, snapshot: null }, signal)
      if (found !== undefined) throw this.#duplicate(id)
      return { location, size: await this.#write(id, source, signal) }
    } finally {
      await source.return()
    }
  }

  async open(
    at: Location,
    range: ByteRange | null = null,
    { signal }: Abortable = {},
  ): Promise<Bytes> {
    signal?.throwIfAborted()
    const name = this.#nameOf(at)
    const info = await this.#find(name, signal)
    if (range !== null) checkRange(range, info.size)
    const reading = { programs: this.#programs, pool: this.#pool, name, info }
    return abortable(readRange(reading, range ?? { offset: 0, length: info.size }, signal), signal)
  }

  async size(at: Location, { signal }: Abortable = {}): Promise<number> {
    return (await this.#find(this.#nameOf(at), signal)).size
  }

  async requireUnused(at: Location, { signal }: Abortable = {}): Promise<void> {
    await this.#pool.requireUnused(this.#nameOf(at), signal)
  }

  async delete(at: Location, { signal }: Abortable = {}): Promise<void> {
    signal?.throwIfAborted()
    const name = this.#nameOf(at)
    await this.#pool.requireUnused(name, signal)
    signal?.throwIfAborted()
    await this.#pool.remove(name)
  }

  async *list({ signal }: Abortable = {}): AsyncGenerator<StoredData, void> {
    const { pool } = this.#settings
    for await (const { name, id, isWhole, info } of volumesIn(this.#pool, pool, signal)) {
      const location = rbdLocation(this.#fsid, pool, name)
      const modifiedAt = info.modifiedAt ?? new Date() // Never old, when nobody knows.
      yield { id, location, size: info.size, modifiedAt, isWhole }
    }
  }

  /** Removes what writes left, whoever began them, but for those that are still going on somewhere. */
  async recover({ signal }: Abortable = {}): Promise<void> {
    for await (const names of partialsIn(this.#pool, this.#settings.pool, signal)) {
      await Promise.all(names.map(async name => await this.#discard(name, signal)))
    }
  }

  /** What {@link recover} removes is of nobody who still writes. */
  async recoverImage(): Promise<void> {
    await this.recover()
  }

  /** Waits for what is still being removed. What takes longer than Ceph remembers the dead is left to `recover`. */
  async [Symbol.asyncDispose](): Promise<void> {
    const timer = setTimeout(() => this.#closing.abort(), LEAVING_MS)
    await Promise.all(this.#leavings)
    clearTimeout(timer)
  }

  async #write(
    id: string,
    data: AsyncGenerator<Uint8Array, void>,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const { pool, chunkSize: objectSize } = this.#settings
    const image = partialName(id)
    const writing = new RbdImport(this.#programs, { pool, image, objectSize })
    try {
      let size = 0
      for await (const chunk of data) {
        await writing.write(chunk, signal)
        size += chunk.length
      }
      await writing.finish(signal)
      const name = { pool, image, snapshot: null }
      await this.#pool.seal(name)
      await this.#pool.rename(name, id).catch((error: unknown) => {
        throw isGlanceError(error, 'duplicate') ? this.#duplicate(id) : error
      })
      return size
    } catch (error) {
      await writing.stop()
      await this.#leave(image, writing.isKilled)
      throw isGlanceError(error, 'not_found')
        ? new GlanceError('unavailable', messageOf(error), { cause: error })
        : error
    }
  }

  /** Removes what a write left. Not waited for when the cluster would have us wait for half a minute. */
  async #leave(image: string, isLong: boolean): Promise<void> {
    const { signal } = this.#closing
    const leaving = this.#discard(image, signal).catch(() => {}) // There is an error to tell already; `recover` removes it.
    if (!isLong) {
      await leaving
      return
    }
    this.#leavings.add(leaving)
    void leaving.finally(() => this.#leavings.delete(leaving))
  }

  async #discard(image: string, signal: AbortSignal | undefined): Promise<void> {
    const { pool } = this.#settings
    await this.#pool.discard({ pool, image, snapshot: null }, signal).catch((error: unknown) => {
      if (!isGlanceError(error, 'conflict')) throw error
    })
  }

  /** @throws {GlanceError} `not_found` for an image of another cluster, which must not be taken for one of ours. */
  #nameOf(at: Location): RbdName {
    const { fsid, pool, image, snapshot } = parseRbdLocation(at)
    if (this.#isOurs(fsid)) return { pool: pool ?? this.#settings.pool, image, snapshot }
    const message = `store ${this.id} has another Ceph cluster than the one of the location`
    throw new GlanceError('not_found', message)
  }

  #isOurs(fsid: string | null): boolean {
    return fsid === null || this.#fsid === null || fsid === this.#fsid
  }

  async #find(name: RbdName, signal: AbortSignal | undefined): Promise<RbdInfo> {
    signal?.throwIfAborted()
    const found = await this.#pool.find(name, signal)
    if (found === undefined) throw this.#pool.absent(name)
    return found
  }

  #duplicate(id: string): GlanceError {
    return new GlanceError('duplicate', `store ${this.id} has data of image ${id} already`)
  }
}

async function requireReadable(path: string): Promise<void> {
  await access(path, constants.R_OK).catch((cause: unknown) => {
    const message = `rbd_store_ceph_conf: ${path} cannot be read`
    throw new GlanceError('usage', message, { cause })
  })
}
