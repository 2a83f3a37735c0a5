import { isImageId } from '../../image/image.ts'
import { isGlanceError } from '../../errors.ts'
import { readFileRange } from '../../store/file-reader.ts'
import type { Bytes } from '../../stream/bytes.ts'
import { verify } from '../../stream/verify.ts'
import type {
  CachedImage,
  CacheReader,
  CacheSource,
  ImageCache,
  Pruned,
  WholeData,
} from './cache.ts'
import { CacheFolder, type Claim } from './cache-folder.ts'
import { CacheIndex } from './cache-index.ts'
import { type Begun, Fill } from './fill.ts'
import { follow, untilFetched } from './follow.ts'
import { InTurn } from './in-turn.ts'

/** Bytes that are read at a time. */
const CHUNK = 1024 * 1024

/** A copy that is being made by this process. */
interface Coming extends Begun {
  /** Whether it is to come to nothing. */
  isCancelled: boolean
}

export interface FileCacheOptions {
  /** The path of the index. */
  readonly index: string
  /** Bytes that {@link FileCache.prune} leaves at most. */
  readonly maxSize: number
  /** For how long a copy may not come any further before it is cleaned away. Milliseconds. */
  readonly stallMs: number
  readonly now: () => Date
  /** Told of what goes wrong with the cache while somebody reads, who has the data from its store all the same. */
  readonly report?: ((error: unknown) => void) | undefined
}

/** Keeps each copy in a file of a folder, and an index of them beside, as Glance does: a folder of one is one of the other. */
export class FileCache implements ImageCache {
  readonly #folder: CacheFolder
  readonly #index: CacheIndex
  readonly #options: FileCacheOptions
  readonly #coming = new Map<string, Coming>()
  /** Those that are about to be made, or not: for all who ask meanwhile. */
  readonly #beginning = new Map<string, Promise<Coming | undefined>>()
  /** What is still to end, also when it has been given up. */
  readonly #work = new Set<Promise<unknown>>()
  /** A copy is put in its place, or taken away, with its row of the index. */
  readonly #turns = new InTurn()
  #isClosing = false
  /** Copies that are being proved. */
  readonly #proving = new Set<string>()

  private constructor(folder: CacheFolder, index: CacheIndex, options: FileCacheOptions) {
    this.#folder = folder
    this.#index = index
    this.#options = options
  }

  /** @throws {GlanceError} `unavailable` when `path`, which is there, cannot be written to. */
  static async open(path: string, options: FileCacheOptions): Promise<FileCache> {
    const folder = await CacheFolder.open(path)
    return new FileCache(folder, await CacheIndex.open(options.index), options)
  }

  /**
   * Puts right what an earlier service, which may have been a Glance, has left there, while nobody else uses it: a copy
   * without a place in the index gets one, for what `wholeOf` says that its image has; files of another size, of images
   * that are no more, and copies that were being made are removed.
   */
  async recover(wholeOf: (imageId: string) => Promise<WholeData | null>): Promise<void> {
    await this.#folder.clean(null)
    const known = new Map((await this.#index.list()).map(image => [image.imageId, image]))
    for (const imageId of await this.#folder.copies()) {
      const found = await this.#folder.stat(imageId)
      const whole = found?.isFile() === true ? await wholeOf(imageId) : null
      if (found === undefined || whole?.size !== found.size) continue
      const { size, atime: lastAccessed, mtime: lastModified } = found
      const made = { imageId, hits: 0, lastAccessed, lastModified, size, checksum: null }
      const image = known.get(imageId)
      known.delete(imageId)
      if (image?.size !== size) await this.#index.put(made)
      known.set(imageId, { ...(image ?? made), size: -1 })
    }
    for (const imageId of await this.#folder.copies()) {
      if (known.get(imageId)?.size !== -1) await this.#folder.remove(imageId)
    }
    for (const { imageId, size } of known.values()) {
      if (size !== -1) await this.#index.delete(imageId)
    }
  }

  async list(): Promise<readonly CachedImage[]> {
    return await this.#index.list()
  }

  async has(imageId: string): Promise<boolean> {
    return (await this.#index.find(imageId)) !== undefined
  }

  async open(imageId: string, whole: WholeData, reader: CacheReader): Promise<Bytes | undefined> {
    return await this.#unlessBroken(this.#open(imageId, whole, reader))
  }

  async #open(imageId: string, whole: WholeData, reader: CacheReader): Promise<Bytes | undefined> {
    const image = await this.#index.find(imageId)
    if (image === undefined) return undefined
    const found = await this.#folder.stat(imageId)
    const isOther = image.checksum !== null && image.checksum !== whole.checksum
    if (found?.isFile() !== true || found.size !== whole.size || isOther) {
      await this.delete(imageId)
      return undefined
    }
    if (image.checksum !== whole.checksum) {
      this.#prove(imageId, whole)
      return undefined
    }
    // Nobody has to wait for that: another process may be writing, and the disk may be full.
    this.#track(this.#unlessBroken(this.#index.hit(imageId, this.#options.now())))
    return readOr(this.#folder.pathOf(imageId), whole.size, reader)
  }

  async keep(
    imageId: string,
    source: CacheSource,
    reader: CacheReader,
  ): Promise<Bytes | undefined> {
    const coming = await this.#unlessBroken(this.#fillOf(imageId, source))
    if (coming === undefined) {
      // It may have come since it was looked for.
      const there = await this.open(imageId, source.whole, reader)
      return there ?? (await this.#unlessBroken(this.#elsewhere(imageId, source, reader)))
    }
    await coming.begun
    return coming.fill.read(reader)
  }

  /** What another process is fetching; undefined when none is. */
  async #elsewhere(
    imageId: string,
    source: CacheSource,
    reader: CacheReader,
  ): Promise<Bytes | undefined> {
    const isFetched =
      (await this.#folder.isComing(imageId)) && (await this.#folder.isFetched(imageId))
    return isFetched ? this.#follow(imageId, source, reader) : undefined
  }

  async *#follow(
    imageId: string,
    source: CacheSource,
    reader: CacheReader,
  ): AsyncGenerator<Uint8Array, void> {
    const { size } = source.whole
    const mark = await this.#unlessBroken(this.#folder.read(imageId))
    const file = await this.#unlessBroken(this.#folder.openComing(imageId))
    const leave = async () => {
      await mark?.end()
      await file?.close()
    }
    const anew = async (position: number) => {
      await leave() // What is fetched from here on is our own.
      const kept = position === 0 ? await this.keep(imageId, source, reader) : undefined
      return kept ?? (await reader.open({ offset: position, length: size - position }))
    }
    try {
      if (file === undefined) return yield* await anew(0)
      const isOver = async () =>
        (await file.stat()).nlink === 0 || !(await this.#folder.isFetched(imageId))
      yield* follow({ file, size, isOver }, reader, anew)
    } finally {
      await leave()
    }
  }

  async fetch(imageId: string, source: CacheSource, signal: AbortSignal): Promise<boolean> {
    for (;;) {
      const coming = await this.#fillOf(imageId, source)
      if (coming !== undefined) {
        await coming.begun
        return await coming.fill.follow(signal)
      }
      if (await this.has(imageId)) return true
      // What another process gives up is fetched here.
      if (!(await untilFetched(this.#folder, imageId, signal))) return await this.has(imageId)
    }
  }

  async delete(imageId: string): Promise<void> {
    await this.#delete(imageId)
  }

  async clear(): Promise<number> {
    let count = 0
    for (const { imageId } of await this.list()) count += Number(await this.#delete(imageId))
    return count
  }

  async prune(): Promise<Pruned> {
    const images = await this.list()
    const oldestFirst = images.toSorted(
      (a, b) => a.lastAccessed.getTime() - b.lastAccessed.getTime(),
    )
    let total = images.reduce((sum, { size }) => sum + size, 0)
    let files = 0
    let bytes = 0
    for (const { imageId, size } of oldestFirst) {
      if (total <= this.#options.maxSize) break
      total -= size
      if (!(await this.#delete(imageId))) continue // Another process was there first.
      files += 1
      bytes += size
    }
    return { files, bytes }
  }

  async clean(): Promise<number> {
    const { now, stallMs } = this.#options
    return await this.#folder.clean(new Date(now().getTime() - stallMs))
  }

  async queued(): Promise<readonly string[]> {
    return await this.#folder.queued()
  }

  async enqueue(imageId: string): Promise<boolean> {
    if (!isImageId(imageId) || (await this.has(imageId))) return false
    if (await this.#folder.isComing(imageId)) return false
    return await this.#folder.enqueue(imageId, this.#options.now())
  }

  async dequeue(imageId: string): Promise<void> {
    if (isImageId(imageId)) await this.#folder.dequeue(imageId)
  }

  async clearQueue(): Promise<number> {
    let count = 0
    for (const id of await this.queued()) count += Number(await this.#folder.dequeue(id))
    return count
  }

  /** Waits for what is under way: who reads is to be stopped before. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true
    while (this.#work.size > 0) await Promise.all(this.#work)
    await this.#index[Symbol.asyncDispose]()
  }

  /** The fetch that is under way, or a new one; undefined when there is a copy, or another process is at it. */
  async #fillOf(imageId: string, source: CacheSource): Promise<Coming | undefined> {
    if (!isImageId(imageId) || (await this.has(imageId))) return undefined
    let running = this.#coming.get(imageId)
    if (running?.fill.isOver === true) {
      await running.over // What nobody waited for any more may be begun again.
      running = this.#coming.get(imageId)
    }
    if (running?.fill.isOver === false) return running
    let beginning = this.#beginning.get(imageId)
    if (beginning === undefined) {
      beginning = this.#begin(imageId, source).finally(() => this.#beginning.delete(imageId))
      this.#beginning.set(imageId, beginning)
    }
    return await beginning
  }

  /** Undefined when another process is at it, or when nothing can be kept: the disk may be full, or not ours any more. */
  async #begin(imageId: string, source: CacheSource): Promise<Coming | undefined> {
    const claim = await this.#unlessBroken(this.#folder.claim(imageId))
    if (claim === undefined) return undefined
    const coming: Coming = {
      ...Fill.begin(claim.file, source, {
        finish: () => this.#finish(imageId, coming, source, claim),
        giveUp: async () => {
          if (!coming.isCancelled) await this.#folder.giveUp(imageId)
        },
        isReadElsewhere: async () => !this.#isClosing && (await this.#folder.isRead(imageId)),
      }),
      isCancelled: false,
    }
    this.#coming.set(imageId, coming)
    const forget = async () => {
      await coming.over
      await this.#unlessBroken(claim.end())
      await coming.ended
      if (this.#coming.get(imageId) === coming) this.#coming.delete(imageId)
    }
    this.#track(forget())
    return coming
  }

  async #finish(
    imageId: string,
    coming: Coming,
    { whole, isWanted }: CacheSource,
    { file }: Claim,
  ): Promise<boolean> {
    // Asked last of all: an image that changes after this is forgotten after this.
    if (!(await isWanted())) return false
    return await this.#turns.take(imageId, async () => {
      return !coming.isCancelled && (await this.#promote(imageId, file, whole))
    })
  }

  async #promote(imageId: string, file: Claim['file'], whole: WholeData): Promise<boolean> {
    if (!(await this.#folder.promote(imageId, file))) return false
    const now = this.#options.now()
    const times = { lastAccessed: now, lastModified: now }
    await this.#index.put({ imageId, hits: 0, ...times, ...whole })
    await this.#folder.dequeue(imageId)
    // Somebody may have deleted it before it was in the index.
    if ((await this.#folder.stat(imageId)) !== undefined) return true
    await this.#index.delete(imageId)
    return false
  }

  /** What `work` comes to, and undefined when it fails: the cache is no reason why an image cannot be read. */
  async #unlessBroken<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await work
    } catch (error) {
      this.#options.report?.(error)
      return undefined
    }
  }

  /** Whether there was a copy. */
  async #delete(imageId: string): Promise<boolean> {
    if (!isImageId(imageId)) return false
    const coming = this.#coming.get(imageId)
    if (coming !== undefined) {
      // Who reads has it still: the file goes on without a name.
      coming.isCancelled = true
      this.#coming.delete(imageId)
    }
    return await this.#turns.take(imageId, async () => {
      await this.#folder.giveUp(imageId)
      const wasThere = await this.#index.delete(imageId)
      await this.#folder.remove(imageId)
      return wasThere
    })
  }

  /** Reads a copy of which it is not known whether it is what it has to be, which a Glance did that left it. */
  #prove(imageId: string, whole: WholeData): void {
    const { checksum } = whole
    if (checksum === null || this.#proving.has(imageId)) return
    this.#proving.add(imageId)
    const prove = async () => {
      const data = readFileRange(
        this.#folder.pathOf(imageId),
        { offset: 0, length: whole.size },
        CHUNK,
      )
      try {
        for await (const _ of verify(data, { ...whole, digest: null }));
        await this.#index.prove(imageId, checksum)
      } catch {
        await this.#delete(imageId)
      } finally {
        this.#proving.delete(imageId)
      }
    }
    this.#track(prove().catch(() => {})) // Then it is proved when it is asked for again.
  }

  #track(work: Promise<unknown>): void {
    const done: Promise<unknown> = work.finally(() => this.#work.delete(done))
    this.#work.add(done)
  }
}

/** The file, and from where it cannot be read any further what is in its store. */
async function* readOr(
  path: string,
  size: number,
  reader: CacheReader,
): AsyncGenerator<Uint8Array, void> {
  let position = 0
  try {
    for await (const chunk of readFileRange(path, { offset: 0, length: size }, CHUNK)) {
      position += chunk.length
      yield chunk
    }
  } catch (error) {
    if (!isGlanceError(error)) throw error
    yield* await reader.open({ offset: position, length: size - position })
  }
}
