import type { FileHandle } from 'node:fs/promises'
import { lending } from '../../stream/buffers.ts'
import type { Bytes } from '../../stream/bytes.ts'
import { verify } from '../../stream/verify.ts'
import type { CacheReader, CacheSource } from './cache.ts'

/** Bytes that are fetched ahead of whoever has read the most: what nobody waits for need not be fetched. */
const LEAD = 8 * 1024 * 1024

/** Bytes that are read at a time. */
const CHUNK = 1024 * 1024

/** How long nothing may happen before others are looked after, who cannot call. Milliseconds. */
const LOOK_MS = 50

/** Somebody for whom data is fetched. */
interface Follower {
  /** Bytes that it has. */
  position: number
}

/** What becomes of data that was fetched. */
export interface FillEnds {
  /** Called once it is whole, proved and on the disk: whether it is kept. */
  finish(): Promise<boolean>
  /** Called when it comes to nothing, also while there is somebody who reads it. */
  giveUp(): Promise<void>
  /** Whether another process reads the file as well. */
  isReadElsewhere(): Promise<boolean>
}

/** A fetch that is under way. */
export interface Begun {
  readonly fill: Fill
  /** When its source is open; rejects when it cannot be. */
  readonly begun: Promise<unknown>
  /** When it is known what becomes of it, and that is done. Never rejects. */
  readonly over: Promise<void>
  /** When nobody reads it any more. Never rejects. */
  readonly ended: Promise<void>
}

/**
 * One fetch of an image's data into a file, for many who read the file behind it. It goes on for as long as there is
 * anybody, and needs the file's name no more once that is open.
 */
export class Fill {
  readonly #file: FileHandle
  readonly #size: number
  readonly #ends: FillEnds
  readonly #followers = new Set<Follower>()
  readonly #stop = new AbortController()
  #written = 0
  #state: 'filling' | 'kept' | 'failed' = 'filling'
  /** Whether it is fetched for others as well, of whom nobody knows how far they are. */
  #isShared = false
  readonly #wakes = new Set<() => void>()

  private constructor(file: FileHandle, size: number, ends: FillEnds) {
    this.#file = file
    this.#size = size
    this.#ends = ends
  }

  /**
   * Begins to fetch into `file`, which it closes in the end, for whoever comes with {@link read} or {@link follow}
   * once it has `begun`.
   */
  static begin(file: FileHandle, source: CacheSource, ends: FillEnds): Begun {
    const fill = new Fill(file, source.whole.size, ends)
    const opening = source.open(fill.#stop.signal)
    const over = fill.#fetch(opening, source)
    return { fill, begun: opening, over, ended: over.then(() => fill.#close()) }
  }

  /** Whether who comes now would only see it fail. */
  get isOver(): boolean {
    return this.#stop.signal.aborted || this.#state !== 'filling'
  }

  /** All of the data, as it comes. When it comes no further, the reader has the rest from elsewhere. */
  read({ open, signal }: CacheReader): Bytes {
    const follower: Follower = { position: 0 }
    this.#followers.add(follower)
    const leave = () => this.#leave(follower)
    // Who is gone before the first byte never asks for it.
    signal?.addEventListener('abort', leave, { once: true })
    if (signal?.aborted === true) leave()
    const size = this.#size
    const bytes = lending(Math.min(CHUNK, this.#size), buffer =>
      this.#bytesFor(follower, buffer, signal),
    )
    return (async function* () {
      try {
        yield* bytes
        const { position } = follower
        leave()
        if (position < size) yield* await open({ offset: position, length: size - position })
      } finally {
        signal?.removeEventListener('abort', leave)
        leave()
      }
    })()
  }

  /** Resolves, when all is over, to whether it is kept. */
  async follow(signal: AbortSignal): Promise<boolean> {
    const follower: Follower = { position: this.#size }
    this.#followers.add(follower)
    const leave = () => this.#leave(follower)
    signal.addEventListener('abort', leave, { once: true })
    try {
      while (this.#state === 'filling') {
        signal.throwIfAborted()
        await this.#change()
      }
      return this.#state === 'kept'
    } finally {
      signal.removeEventListener('abort', leave)
      leave()
    }
  }

  async #fetch(opening: Promise<Bytes>, source: CacheSource): Promise<void> {
    try {
      for await (const chunk of verify(await opening, { ...source.whole, digest: null })) {
        await this.#untilWanted()
        this.#stop.signal.throwIfAborted()
        await this.#write(chunk)
        this.#wake()
      }
      await this.#file.datasync()
      this.#state = (await this.#ends.finish()) ? 'kept' : 'failed'
    } catch {
      this.#state = 'failed' // Who reads has it from elsewhere, and is told there why it cannot be had.
    }
    if (this.#state === 'failed') await this.#ends.giveUp().catch(() => {}) // Then it is cleaned away in time.
    this.#wake()
  }

  /** Until who has read the most is near enough, or somebody elsewhere wants more. */
  async #untilWanted(): Promise<void> {
    while (
      !this.#isShared &&
      !this.#stop.signal.aborted &&
      this.#written - this.#furthest() >= LEAD
    ) {
      if (!(await this.#change(LOOK_MS))) this.#isShared = await this.#ends.isReadElsewhere()
    }
  }

  async #close(): Promise<void> {
    while (this.#followers.size > 0) await this.#change()
    await this.#file.close().catch(() => {}) // All is on the disk, or of no use.
  }

  async #write(chunk: Uint8Array): Promise<void> {
    for (let done = 0; done < chunk.length;) {
      const { bytesWritten } = await this.#file.write(
        chunk,
        done,
        chunk.length - done,
        this.#written,
      )
      done += bytesWritten
      this.#written += bytesWritten
    }
  }

  async *#bytesFor(
    follower: Follower,
    buffer: Buffer,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array, void> {
    while (follower.position < this.#size) {
      signal?.throwIfAborted()
      const length = Math.min(buffer.length, this.#written - follower.position)
      if (length > 0) {
        const { bytesRead } = await this.#file.read(buffer, 0, length, follower.position)
        if (bytesRead === 0) return // Somebody has cut the file short.
        follower.position += bytesRead
        this.#wake()
        yield buffer.subarray(0, bytesRead)
      } else if (this.#state === 'filling') await this.#change()
      else return
    }
  }

  #furthest(): number {
    let furthest = 0
    for (const { position } of this.#followers) furthest = Math.max(furthest, position)
    return furthest
  }

  #leave(follower: Follower): void {
    if (!this.#followers.delete(follower)) return
    // What is all there is kept, although nobody waits for that.
    if (this.#isUnread()) void this.#stopUnlessShared()
    this.#wake()
  }

  #isUnread(): boolean {
    return this.#followers.size === 0 && this.#written < this.#size
  }

  async #stopUnlessShared(): Promise<void> {
    while (this.#isUnread() && (await this.#ends.isReadElsewhere().catch(() => false))) {
      this.#isShared = true
      this.#wake()
      await this.#change(LOOK_MS)
    }
    if (this.#isUnread()) this.#stop.abort(new Error('nobody wants the data any more'))
    this.#wake()
  }

  /** Resolves when something has happened: to true; or after so many milliseconds, to false. */
  #change(withinMs?: number): Promise<boolean> {
    return new Promise(resolve => {
      const timer = withinMs === undefined ? undefined : setTimeout(() => end(false), withinMs)
      const end = (hasHappened: boolean) => {
        clearTimeout(timer)
        this.#wakes.delete(wake)
        resolve(hasHappened)
      }
      const wake = () => end(true)
      this.#wakes.add(wake)
    })
  }

  #wake(): void {
    for (const wake of this.#wakes) wake()
  }
}
