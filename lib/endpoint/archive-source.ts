import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import { hasData, type Image } from '../image/image.ts'
import type { Bytes } from '../stream/bytes.ts'
import { Hasher } from '../stream/digest.ts'
import { collectText } from '../stream/text.ts'
import { verify } from '../stream/verify.ts'
import { expressibleInV2 } from '../wire/loss.ts'
import { type ManifestEntry, parseManifestLine } from '../wire/manifest.ts'
import type { Endpoint, ImageData, ListOptions, Written } from './endpoint.ts'
import { fromMetadata, layout, LONGEST_LINE, LONGEST_METADATA, MANIFEST } from './layout.ts'
import { TarCursor } from './tar-cursor.ts'

/**
 * A tar archive that is read from its beginning to its end, once: as `ArchiveTarget` writes it, or what somebody packed of a
 * dump, each image's metadata before its data. An image counts only when its line of the manifest was there, where the
 * archive has such, and `list` tells when the archive is cut short.
 */
export class ArchiveSource implements Endpoint {
  readonly name: string
  readonly features = {
    ordered: false,
    ranges: false,
    ownersCarried: true,
    hashes: false,
    repeatable: true,
    sequential: true,
  } as const
  readonly expressible = expressibleInV2
  readonly #cursor: TarCursor
  readonly #close: () => Promise<void>
  /** The image that was listed last, and how much of it has been read. */
  #current: { readonly image: Image; state: 'listed' | 'opened' | 'sealed' } | undefined
  /** Images without one do not count. */
  #hasSeals = false
  #isListed = false
  /** Ids of the images whose lines were there. */
  readonly #sealed = new Set<string>()

  /** `close` closes whatever the bytes come from. */
  constructor(name: string, bytes: Bytes, close: () => Promise<void>) {
    this.name = name
    this.#cursor = new TarCursor(bytes)
    this.#close = close
  }

  /** Once. An archive that is cut short is told to `onUnreadable` under the name of the archive. */
  async *list({ signal, onUnreadable }: ListOptions = {}): AsyncGenerator<Image> {
    if (this.#isListed) throw this.#tooLate('it')
    this.#isListed = true
    const tell = (id: string, error: unknown) => {
      if (onUnreadable === undefined || !isGlanceError(error, 'corrupt')) throw error
      onUnreadable(id, error)
    }
    try {
      yield* this.#images(tell, signal)
    } catch (error) {
      if (!isGlanceError(error, 'corrupt')) throw error
      if (onUnreadable === undefined) throw this.#named(error)
      onUnreadable(this.name, error)
    }
  }

  async data(image: Image): Promise<ImageData> {
    const { id } = image
    const current = this.#current
    if (current?.image.id !== id || current.state !== 'listed') throw this.#tooLate(`image ${id}`)
    const entry = await this.#cursor.peek().catch((error: unknown) => {
      throw isGlanceError(error, 'corrupt') ? this.#named(error) : error
    })
    const inParts = entry?.name === layout.part(id, 1)
    if (entry?.name !== `${id}.img` && !inParts) {
      throw new GlanceError(
        hasData(current.image) ? 'corrupt' : 'conflict',
        `image ${id}: there is no data in ${this.name}`,
      )
    }
    const { checksum, digest } = image
    const size = inParts ? null : entry.size
    return {
      size,
      checksum,
      digest,
      open: async ({ offset = 0 } = {}) => {
        if (offset > 0) throw new GlanceError('unsupported', `${this.name} is read from the start`)
        if (current.state !== 'listed') throw this.#tooLate(`image ${id}`)
        current.state = 'opened'
        return verify(this.#bytes(image), { size: image.size ?? size, checksum, digest })
      },
    }
  }

  async add(image: Image): Promise<Written> {
    throw this.#readOnly(image)
  }

  async update(image: Image): Promise<Written> {
    throw this.#readOnly(image)
  }

  async discard(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }

  async *#images(
    tell: (id: string, error: unknown) => void,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Image> {
    const first = await this.#cursor.peek()
    this.#hasSeals = first?.name === MANIFEST && first.size === 0
    let isWhole = !this.#hasSeals
    let unreadable: string | undefined
    if (this.#hasSeals) await this.#cursor.take()
    for (
      let entry = await this.#cursor.take();
      entry !== undefined;
      entry = await this.#cursor.take()
    ) {
      signal?.throwIfAborted()
      const { name } = entry
      if (name === MANIFEST && this.#hasSeals) {
        for await (const id of idsIn(entry.bytes)) {
          if (!this.#sealed.has(id))
            tell(id, new GlanceError('corrupt', `${this.name}: image ${id} is missing`))
        }
        isWhole = true
      }
      if (layout.isMetadata(name)) {
        const text = await collectText(entry.bytes, LONGEST_METADATA)
        const image = this.#parse(text, name, tell)
        unreadable = image === undefined ? name : undefined
        if (image === undefined) await this.#passOver(name)
        else {
          this.#current = { image, state: 'listed' }
          yield image
          if (this.#current.state !== 'sealed') await this.#passOver(name)
          this.#current = undefined
        }
      } else {
        const id = layout.dataOf(name) ?? layout.partOf(name)
        if (id === undefined || id === unreadable) continue
        tell(
          id,
          new GlanceError(
            'corrupt',
            `${this.name}: ${name} comes before its metadata: pack it with --sort=name`,
          ),
        )
      }
    }
    if (!isWhole) throw new GlanceError('corrupt', 'the archive is cut short, after an image')
  }

  #parse(text: string, id: string, tell: (id: string, error: unknown) => void): Image | undefined {
    try {
      return fromMetadata(text, `${this.name}: ${id}`, id)
    } catch (error) {
      tell(id, error)
      return undefined
    }
  }

  /** The data of the image, which ends well only when it is all there. */
  async *#bytes(image: Image): AsyncGenerator<Uint8Array, void> {
    const { id, checksum, digest } = image
    const hasher = new Hasher(
      this.#hasSeals && checksum === null && digest === null ? ['sha512'] : [],
    )
    try {
      for await (const chunk of this.#chunks(id)) {
        await hasher.update(chunk)
        yield chunk
      }
      if (!this.#hasSeals) return
      const seal = await this.#takeSeal(id)
      if (seal === undefined) {
        throw new GlanceError('corrupt', `image ${id} could not be dumped whole`)
      }
      if (checksum !== null || digest !== null || seal.data?.digest?.algorithm !== 'sha512') return
      const [found, wanted] = [await hasher.hex('sha512'), seal.data.digest.value]
      if (found !== wanted)
        throw new GlanceError('corrupt', `sha512 is ${found}, expected ${wanted}`)
    } catch (error) {
      throw isGlanceError(error, 'corrupt') ? this.#named(error) : error
    }
  }

  async *#chunks(id: string): AsyncGenerator<Uint8Array, void> {
    if ((await this.#cursor.peek())?.name === `${id}.img`) {
      yield* (await this.#cursor.take())?.bytes ?? []
      return
    }
    for (let n = 1; (await this.#cursor.peek())?.name === layout.part(id, n); n += 1) {
      yield* (await this.#cursor.take())?.bytes ?? []
    }
  }

  /** Goes to where the next image begins. */
  async #passOver(id: string): Promise<void> {
    for (;;) {
      const name = (await this.#cursor.peek())?.name ?? ''
      if ((layout.dataOf(name) ?? layout.partOf(name)) !== id) break
      await this.#cursor.take()
    }
    if (this.#hasSeals) await this.#takeSeal(id)
  }

  /** The line that says that the image is whole; undefined when something else comes. */
  async #takeSeal(id: string): Promise<ManifestEntry | undefined> {
    const entry = await this.#cursor.peek()
    if (entry?.name !== MANIFEST || entry.size > LONGEST_LINE) return undefined
    const text = await this.#cursor.peekText(LONGEST_LINE)
    const lines = text.trimEnd().split('\n')
    const seal = lines.length === 1 && text !== '' ? parseManifestLine(text) : undefined
    if (seal?.id !== id) return undefined
    await this.#cursor.take()
    this.#sealed.add(id)
    if (this.#current !== undefined) this.#current.state = 'sealed'
    return seal
  }

  #named(error: GlanceError): GlanceError {
    if (error.message.startsWith(this.name)) return error
    return new GlanceError(error.code, `${this.name}: ${messageOf(error)}`, { cause: error })
  }

  #tooLate(what: string): GlanceError {
    return new GlanceError(
      'gone',
      `${this.name} is read once, from its beginning to its end: ${what} is not read again`,
    )
  }

  #readOnly({ id }: Image): GlanceError {
    return new GlanceError('unsupported', `image ${id}: ${this.name} was opened to be read`)
  }
}

async function* idsIn(bytes: Bytes): AsyncGenerator<string> {
  for await (const line of createInterface({ input: Readable.from(bytes) })) {
    if (line !== '') yield parseManifestLine(line).id
  }
}
