import type { FileHandle } from 'node:fs/promises'
import type { ByteRange } from '../stream/range.ts'
import { writeAt } from '../stream/sparse.ts'

const MIB = 1024 * 1024
/** Bytes of a part: few requests for a large image, and enough parts of a small one for all who write. */
const LEAST_PART = MIB
const MOST_PART = 64 * MIB
/** Parts that each who writes gets at the least, so that all have about as long to do. */
const PARTS_EACH = 4

const MAGIC = Buffer.from('glranges')
/** Bytes of the head of the notes: the magic and the length of a part. Each part then has 8: how much of it is whole. */
const HEAD = 16
const NOTE = 8

/** A part of the data, written by one from its beginning on. */
export interface Part extends ByteRange {
  readonly index: number
}

/**
 * A file that is written in several places at once, and knows also after its writer was killed what of it is whole: the
 * data has its full length from the beginning, and after it the file has notes, which are written after what they are
 * about, until it is complete. A file no longer than its data is whole as far as it goes.
 */
export class RangedFile {
  readonly size: number
  readonly #handle: FileHandle
  readonly #partLength: number
  /** How many bytes of each part are whole, from its beginning. */
  readonly #done: number[]
  /** The first part that is not whole, and the first that nobody has been given. */
  #first = 0
  #free = 0

  private constructor(handle: FileHandle, size: number, partLength: number, done: number[]) {
    this.size = size
    this.#handle = handle
    this.#partLength = partLength
    this.#done = done
  }

  /** The file as its writer left it; undefined when it is whole as far as it goes. */
  static async find(handle: FileHandle, size: number): Promise<RangedFile | undefined> {
    const { size: length } = await handle.stat()
    if (length <= size) return undefined
    const start = notesOf(size)
    const head = Buffer.alloc(HEAD)
    await handle.read(head, 0, HEAD, start)
    const partLength = Number(head.readBigUInt64LE(MAGIC.length))
    const isKnown = head.subarray(0, MAGIC.length).equals(MAGIC) && partLength >= LEAST_PART
    // A writer that was killed before it had written its notes has written nothing else either.
    if (!isKnown) return new RangedFile(handle, size, LEAST_PART, none(size, LEAST_PART))
    const done = none(size, partLength)
    const notes = Buffer.alloc(done.length * NOTE)
    await handle.read(notes, 0, notes.length, start + HEAD)
    const file = new RangedFile(handle, size, partLength, done)
    for (const index of done.keys()) {
      const noted = Number(notes.readBigUInt64LE(index * NOTE))
      if (noted <= file.#lengthOf(index)) done[index] = noted
    }
    return file
  }

  /** Makes a file that is whole as far as it goes one that so many may write to at once. */
  static async begin(handle: FileHandle, size: number, writers: number): Promise<RangedFile> {
    const { size: whole } = await handle.stat()
    const each = Math.ceil(size / (writers * PARTS_EACH) / MIB) * MIB
    const partLength = Math.min(Math.max(each, LEAST_PART), MOST_PART)
    const file = new RangedFile(handle, size, partLength, none(size, partLength))
    const notes = Buffer.alloc(HEAD + file.#done.length * NOTE)
    MAGIC.copy(notes)
    notes.writeBigUInt64LE(BigInt(partLength), MAGIC.length)
    for (const index of file.#done.keys()) {
      const done = Math.min(Math.max(whole - index * partLength, 0), file.#lengthOf(index))
      file.#done[index] = done
      notes.writeBigUInt64LE(BigInt(done), HEAD + index * NOTE)
    }
    // From here on the file is longer than its data.
    await writeAt(handle, notes, notesOf(size))
    return file
  }

  /** Bytes from the beginning that are whole. */
  get whole(): number {
    while (this.#first < this.#done.length && this.#isWhole(this.#first)) this.#first += 1
    return Math.min(this.#first * this.#partLength + (this.#done[this.#first] ?? 0), this.size)
  }

  /** Bytes that are whole, wherever they are. */
  get held(): number {
    return this.#done.reduce((sum, done) => sum + done, 0)
  }

  /** What is missing of the first part that nobody has been given yet; undefined when there is no such part. */
  claim(): Part | undefined {
    while (this.#free < this.#done.length && this.#isWhole(this.#free)) this.#free += 1
    const index = this.#free
    if (index >= this.#done.length) return undefined
    this.#free += 1
    const done = this.#done[index] ?? 0
    const offset = index * this.#partLength + done
    return { index, offset, length: this.#lengthOf(index) - done }
  }

  /** Writes what comes next in a part, and notes it. */
  async write({ index }: Part, chunk: Uint8Array, sparse: boolean): Promise<void> {
    const before = this.#done[index] ?? 0
    await writeAt(this.#handle, chunk, index * this.#partLength + before, sparse)
    const done = before + chunk.length
    const note = Buffer.alloc(NOTE)
    note.writeBigUInt64LE(BigInt(done))
    await writeAt(this.#handle, note, notesOf(this.size) + HEAD + index * NOTE)
    this.#done[index] = done
  }

  /** Takes the notes off, and all that stands after the first gap: from then on it is whole as far as it goes. */
  async end(): Promise<void> {
    await this.#handle.truncate(this.whole)
  }

  #isWhole(index: number): boolean {
    return this.#done[index] === this.#lengthOf(index)
  }

  #lengthOf(index: number): number {
    return Math.min(this.#partLength, this.size - index * this.#partLength)
  }
}

/** Where notes begin: a note is within one page then, of which a killed writer writes all or nothing. */
function notesOf(size: number): number {
  return Math.ceil(size / HEAD) * HEAD
}

function none(size: number, partLength: number): number[] {
  return Array.from({ length: Math.ceil(size / partLength) }, () => 0)
}
