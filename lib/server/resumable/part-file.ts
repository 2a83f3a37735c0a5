import type { FileHandle } from 'node:fs/promises'
import { GlanceError } from '../../errors.ts'
import { systemCall } from '../../store/file-errors.ts'
import { giveBuffer, lending, takeBufferFor } from '../../stream/buffers.ts'
import type { Bytes } from '../../stream/bytes.ts'
import type { OpenPart } from '../domain/parts.ts'

/** Bytes that are written, and read, at once. */
const CHUNK = 1024 * 1024

/** Bytes after which it is made sure that they are on the disk. */
const SAFE_EVERY = 64 * CHUNK

type Begun = Pick<OpenPart, 'path' | 'size' | 'digests'> & {
  /** Writes down that so many bytes are on the disk. */
  readonly acknowledge: (offset: number) => Promise<void>
}

/** The file of a part while it is appended to, and read at the same time. */
export class PartFile implements OpenPart {
  readonly path: string
  readonly digests: OpenPart['digests']
  readonly #file: FileHandle
  readonly #acknowledge: Begun['acknowledge']
  readonly #buffer = takeBufferFor(CHUNK)
  #filled = 0
  #size: number
  #safe: number
  /** As long as its file is: beyond what was written there is nothing. */
  #claimed: number
  #end: { readonly error?: unknown } | undefined
  #wake = () => {}

  constructor(file: FileHandle, { path, size, digests, acknowledge }: Begun) {
    this.path = path
    this.digests = digests
    this.#file = file
    this.#size = size
    this.#safe = size
    this.#claimed = size
    this.#acknowledge = acknowledge
  }

  get size(): number {
    return this.#size
  }

  async claim(size: number): Promise<void> {
    await systemCall(this.#file.truncate(size))
    this.#claimed = size
  }

  async append(data: Bytes): Promise<void> {
    try {
      for await (const chunk of data) await this.#take(chunk)
      await this.#write()
      await this.#release()
      await this.#secure()
      this.#tell({})
    } catch (error) {
      this.#tell({ error })
      // What failed first is what counts.
      await this.#write().catch(() => {})
      await this.#release().catch(() => {})
      await this.#secure().catch(() => {})
      throw error
    }
  }

  follow(): AsyncGenerator<Uint8Array, void> {
    return lending(CHUNK, buffer => this.#read(buffer))
  }

  async *#read(buffer: Buffer): AsyncGenerator<Uint8Array, void> {
    for (let at = 0; ;) {
      if (this.#end?.error !== undefined) throw this.#end.error
      if (at < this.#size) {
        const length = Math.min(buffer.length, this.#size - at)
        const { bytesRead } = await systemCall(this.#file.read(buffer, 0, length, at))
        if (bytesRead === 0) throw new GlanceError('unavailable', `a part ends at byte ${at}`)
        at += bytesRead
        yield buffer.subarray(0, bytesRead)
      } else if (this.#end !== undefined) {
        return
      } else {
        await new Promise<void>(resolve => (this.#wake = resolve))
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close() // Waits for what is being written.
    giveBuffer(this.#buffer)
  }

  async #take(chunk: Uint8Array): Promise<void> {
    for (let taken = 0; taken < chunk.length;) {
      const length = Math.min(this.#buffer.length - this.#filled, chunk.length - taken)
      this.#buffer.set(chunk.subarray(taken, taken + length), this.#filled)
      this.#filled += length
      taken += length
      if (this.#filled === this.#buffer.length) await this.#write()
      if (this.#size - this.#safe >= SAFE_EVERY) await this.#secure()
    }
  }

  async #write(): Promise<void> {
    while (this.#filled > 0) {
      const { bytesWritten } = await systemCall(
        this.#file.write(this.#buffer, 0, this.#filled, this.#size),
      )
      this.#buffer.copyWithin(0, bytesWritten, this.#filled)
      this.#filled -= bytesWritten
      this.#size += bytesWritten
      this.#wake()
    }
  }

  async #release(): Promise<void> {
    if (this.#claimed > this.#size) await this.claim(this.#size)
  }

  async #secure(): Promise<void> {
    if (this.#size === this.#safe) return
    const size = this.#size
    await systemCall(this.#file.datasync())
    await this.#acknowledge(size)
    this.#safe = size
  }

  #tell(end: { readonly error?: unknown }): void {
    this.#end = end
    this.#wake()
  }
}
