import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import { ANY_OWNER, type Image } from '../image/image.ts'
import type { Bytes } from '../stream/bytes.ts'
import { Crc32, summed } from '../stream/crc.ts'
import { digested, Hasher } from '../stream/digest.ts'
import { rechunk } from '../stream/rechunk.ts'
import { TAR_END, tarHeader, tarPadding } from '../stream/tar.ts'
import { verify } from '../stream/verify.ts'
import { expressibleInV2 } from '../wire/loss.ts'
import { INCOMPLETE_LINE, manifestLine } from '../wire/manifest.ts'
import type { ByteSink } from './compression.ts'
import type {
  AddOptions,
  Endpoint,
  FinishOptions,
  ImageData,
  MemberAccess,
  Room,
  Written,
} from './endpoint.ts'
import { begin } from './glance-data.ts'
import { layout, MANIFEST, toMetadata } from './layout.ts'
import { entryOf } from './manifest.ts'

/** Bytes of a part of data whose size nobody knows beforehand. */
const PART = 8 * 1024 * 1024
const ZEROS = Buffer.alloc(64 * 1024)

/**
 * A tar archive that is being written, one image after the other: `<id>`, its metadata, then `<id>.img`, its data, then a
 * `MANIFEST` with the one line of the image, without which it does not count. An empty `MANIFEST` at the beginning says that
 * it is so. The last file is the `MANIFEST` of all images, which takes the place of the others where the archive is
 * unpacked; without it the archive is cut short, and a last line of it says when images are missing. So data of a known size takes no more memory than a chunk, whatever becomes
 * of it, and of the others no more than a part.
 */
export class ArchiveTarget implements Endpoint {
  readonly name: string
  readonly features = {
    ordered: true,
    ranges: false,
    ownersCarried: true,
    hashes: false,
    repeatable: false,
  } as const
  readonly expressible = expressibleInV2
  /** They are written with the image, see {@link AddOptions}. */
  readonly members: MemberAccess = {
    states: true,
    notesNone: true,
    list: async () => undefined,
    set: async () => [],
  }
  readonly room: () => Promise<Room>
  readonly #sink: ByteSink
  readonly #now: Date
  readonly #lines: string[] = []
  #state: 'new' | 'begun' | 'broken' | 'finished' = 'new'
  /** Until the image that is being written is. */
  #turn: Promise<void> = Promise.resolve()

  /** `room` is what it says of where it is written to. */
  constructor(name: string, sink: ByteSink, now: Date, room: () => Promise<Room>) {
    this.name = name
    this.room = room
    this.#sink = sink
    this.#now = now
  }

  async *list(): AsyncGenerator<Image> {}

  async data(image: Image): Promise<ImageData> {
    throw new GlanceError('not_found', `image ${image.id}: ${this.name} is being written`)
  }

  async add(image: Image, data: ImageData | null, options: AddOptions = {}): Promise<Written> {
    const before = this.#turn
    let done = () => {}
    this.#turn = new Promise(resolve => {
      done = resolve
    })
    try {
      await before
      options.signal?.throwIfAborted()
      return { image: await this.#add(image, data, options), refused: [] }
    } finally {
      done()
    }
  }

  async update(image: Image): Promise<Written> {
    throw new GlanceError('unsupported', `image ${image.id}: ${this.name} is written once`)
  }

  /** What is not whole has no line, and does not count. */
  async discard(): Promise<void> {}

  async finish({ isWhole = true }: FinishOptions = {}): Promise<string | undefined> {
    if (this.#state === 'broken') throw this.#brokenError()
    await this.#begin()
    await this.#file(MANIFEST, Buffer.from(this.#lines.join('') + (isWhole ? '' : INCOMPLETE_LINE)))
    await this.#write(TAR_END)
    const note = await this.#sink.end(isWhole)
    this.#state = 'finished'
    return note === undefined ? undefined : `${this.name}: ${note}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state !== 'finished') await this.#sink.abort()
  }

  async #add(
    wanted: Image,
    data: ImageData | null,
    { signal, members }: AddOptions,
  ): Promise<Image> {
    if (this.#state === 'broken') throw this.#brokenError()
    // A dump does not belong to anybody.
    const image = wanted.owner === ANY_OWNER ? { ...wanted, owner: null } : wanted
    if (data === null) {
      const bare = { ...image, status: 'queued' } as const
      await this.#begin()
      await this.#seal(bare, await this.#describe(bare, members))
      return bare
    }
    // Until the source gives something nothing is written, so that it may be tried again.
    await using begun = await begin(data, { signal })
    await this.#begin()
    const known = { ...image, size: data.size ?? image.size }
    const metadata = await this.#describe(known, members)
    const hasher =
      data.checksum === null && data.digest === null ? new Hasher(['md5', 'sha512']) : undefined
    try {
      const crc = new Crc32()
      const checked = summed(verify(await begun.open({ signal }), data), crc)
      const bytes = hasher === undefined ? checked : digested(checked, hasher)
      const size =
        data.size === null
          ? await this.#parts(image.id, bytes)
          : await this.#whole(image.id, bytes, data.size, signal)
      const whole: Image = {
        ...known,
        size,
        checksum: (await hasher?.hex('md5')) ?? image.checksum,
        digest: hasher ? { algorithm: 'sha512', value: await hasher.hex('sha512') } : image.digest,
      }
      await this.#seal(whole, metadata, crc.hex)
      return whole
    } catch (error) {
      if (signal?.aborted === true || this.#isBroken || !isGlanceError(error)) throw error
      const message = `${error.message}; ${this.name} goes on without the image`
      throw new GlanceError('gone', message, { cause: error })
    }
  }

  /** Writes the metadata, and resolves to what it was. */
  async #describe(image: Image, members: AddOptions['members']): Promise<string> {
    const text = toMetadata(image, members)
    await this.#file(image.id, Buffer.from(text))
    return text
  }

  /** Makes the image count. */
  async #seal(image: Image, metadata: string, crc32?: string): Promise<void> {
    const line = manifestLine(entryOf(image, metadata, crc32))
    await this.#file(MANIFEST, Buffer.from(line))
    this.#lines.push(line)
  }

  /** Writes data of a known size: zeros in the place of what does not come, unless all is over anyway. */
  async #whole(
    id: string,
    bytes: Bytes,
    size: number,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    await this.#write(tarHeader(`${id}.img`, size, this.#now))
    let written = 0
    try {
      for await (const chunk of bytes) {
        await this.#write(chunk)
        written += chunk.length
      }
    } catch (error) {
      if (signal?.aborted === true) this.#state = 'broken'
      while (written < size && this.#state === 'begun') {
        if (signal?.aborted === true) this.#state = 'broken'
        const zeros = ZEROS.subarray(0, size - written)
        await this.#write(zeros)
        written += zeros.length
      }
      if (this.#state === 'begun') await this.#write(tarPadding(size))
      throw error
    }
    await this.#write(tarPadding(size))
    return size
  }

  async #parts(id: string, bytes: Bytes): Promise<number> {
    let [size, n] = [0, 0]
    for await (const part of rechunk(bytes, PART)) {
      n += 1
      await this.#file(layout.part(id, n), part)
      size += part.length
    }
    if (n === 0) await this.#file(`${id}.img`, ZEROS.subarray(0, 0))
    return size
  }

  async #begin(): Promise<void> {
    if (this.#state !== 'new') return
    this.#state = 'begun'
    await this.#file(MANIFEST, ZEROS.subarray(0, 0))
  }

  async #file(name: string, content: Uint8Array): Promise<void> {
    await this.#write(tarHeader(name, content.length, this.#now))
    await this.#write(content)
    await this.#write(tarPadding(content.length))
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (chunk.length === 0) return
    if (this.#state === 'broken') throw this.#brokenError()
    try {
      await this.#sink.write(chunk)
    } catch (cause) {
      this.#state = 'broken'
      if (isGlanceError(cause)) throw cause
      throw new GlanceError('gone', `${this.name}: ${messageOf(cause)}`, { cause })
    }
  }

  /** Asked anew, since it may be so by now. */
  get #isBroken(): boolean {
    return this.#state === 'broken'
  }

  #brokenError(): GlanceError {
    return new GlanceError('gone', `${this.name}: the archive was broken off`)
  }
}
