import { basename } from 'node:path/posix'
import type { Bytes } from '../stream/bytes.ts'
import { readTar, type TarEntry } from '../stream/tar.ts'
import { collectText } from '../stream/text.ts'
import { layout, MANIFEST } from './layout.ts'
import { textBytes } from './whole-file.ts'

/**
 * Where somebody is in a tar archive: the next entry can be looked at before it is taken. The folder that the files of a
 * dump were packed in, that of the first of them, is no part of their names.
 */
export class TarCursor implements AsyncDisposable {
  readonly #entries: AsyncGenerator<TarEntry, void>
  /** Undefined while nobody looked; null behind the last one. */
  #next: TarEntry | null | undefined
  /** What made an end of it, for who asks again. */
  #fault: { readonly error: unknown } | undefined
  #folder: string | undefined

  constructor(bytes: Bytes) {
    this.#entries = readTar(bytes)
  }

  /** The next entry, whose bytes are not to be read yet; undefined at the end. What was taken before is passed over. */
  async peek(): Promise<TarEntry | undefined> {
    if (this.#fault !== undefined) throw this.#fault.error
    if (this.#next === undefined) {
      try {
        const { done, value } = await this.#entries.next()
        this.#next = done === true ? null : { ...value, name: this.#nameOf(value) }
      } catch (error) {
        this.#fault = { error }
        throw error
      }
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

  /** Reads no further, and closes what is read. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#entries.return()
  }

  #nameOf({ name }: TarEntry): string {
    // As `tar` names what it packs of `.`.
    const whole = name.replace(/^(?:\.\/)+/, '')
    if (isOfDump(basename(whole))) this.#folder ??= whole.slice(0, -basename(whole).length)
    const folder = this.#folder ?? ''
    return whole.startsWith(folder) ? whole.slice(folder.length) : whole
  }
}

/** Whether a file of a dump may be called so. */
export function isOfDump(name: string): boolean {
  if (name === MANIFEST || layout.isMetadata(name)) return true
  return layout.dataOf(name) !== undefined || layout.partOf(name) !== undefined
}
