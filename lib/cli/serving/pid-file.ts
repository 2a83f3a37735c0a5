import { readFile, rm, writeFile } from 'node:fs/promises'
import { GlanceError, messageOf } from '../../errors.ts'

/** A file that has the number of this process, from when it is written until disposal. */
export class PidFile implements AsyncDisposable {
  readonly #path: string | undefined

  /** Without a path there is none. */
  constructor(path: string | undefined) {
    this.#path = path
  }

  /** @throws {GlanceError} `usage` when it cannot be written. */
  async write(): Promise<void> {
    if (this.#path === undefined) return
    try {
      await writeFile(this.#path, `${process.pid}\n`)
    } catch (cause) {
      const message = `--pid-file ${this.#path}: ${messageOf(cause)}`
      throw new GlanceError('usage', message, { cause })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#path === undefined) return
    // It may be somebody else's by now.
    const written = await readFile(this.#path, 'utf8').catch(() => '')
    if (written.trim() === String(process.pid))
      await rm(this.#path, { force: true }).catch(() => {})
  }
}
