import type { Bytes } from '../stream/bytes.ts'
import { readTar, type TarEntry } from '../stream/tar.ts'
import { collectText } from '../stream/text.ts'
import { textBytes } from './whole-file.ts'

/** Where somebody is in a tar archive: the next entry can be looked at before it is taken. */
export class TarCursor {
  readonly #entries: AsyncIterator<TarEntry, void>
  /** Undefined while nobody looked; null behind the last one. */
  #next: TarEntry | null | undefined

  constructor(bytes: Bytes) {
    this.#entries = readTar(bytes)
  }

  /** The next entry, whose bytes are not to be read yet; undefined at the end. What was taken before is passed over. */
  async peek(): Promise<TarEntry | undefined> {
    if (this.#next === undefined) {
      const { done, value } = await this.#entries.next()
      // As `tar` names what it packs of `.`.
      this.#next = done === true ? null : { ...value, name: value.name.replace(/^(?:\.\/)+/, '') }
    }
    return this.#next ?? undefined
  }

  async take(): Promise<TarEntry | undefined> {
    const entry = await this.peek()
    if (entry !== undefined) this.#next = undefined
    return entry
  }

  /** The text of the next entry, which can still be taken and read. @throws as `collectText`. */
  async peekText(limit: number): Promise<string> {
    const entry = await this.peek()
    if (entry === undefined) return ''
    const text = await collectText(entry.bytes, limit)
    this.#next = { ...entry, bytes: textBytes(text) }
    return text
  }
}
