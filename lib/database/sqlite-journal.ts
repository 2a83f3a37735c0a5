import { type FileHandle, open, realpath } from 'node:fs/promises'
import { messageOf } from '../errors.ts'
import { Away } from './sql/away.ts'

/**
 * The write-ahead log of an SQLite file, waited for together: all that is committed while the disk is at it is on the
 * disk after the next time, and nothing else of the process waits. SQLite itself would stop the process once for each
 * commit. Its own part is that the log is on the disk before anything of it gets into the file, and that a log which
 * broke off anywhere is read as far as it is whole (`synchronous = normal`).
 */
export class SqliteJournal {
  readonly #name: string
  readonly #file: FileHandle
  /** Whether something may have been committed since the disk was asked last. */
  #isBehind = false
  #running: Promise<void> | undefined
  /** For those who came too late for the one that is running. */
  #next: Promise<void> | undefined
  #failure: Away | undefined

  private constructor(name: string, file: FileHandle) {
    this.#name = name
    this.#file = file
  }

  /** That of the database at `path`, which a connection has read; undefined when it cannot be had. */
  static async open(path: string): Promise<SqliteJournal | undefined> {
    try {
      const name = `${await realpath(path)}-wal` // As SQLite, which follows links first.
      return new SqliteJournal(name, await open(name, 'r+'))
    } catch {
      return undefined
    }
  }

  /** Something was, or may have been, committed. */
  advanced(): void {
    this.#isBehind = true
  }

  /**
   * Resolves once all that was committed before is on the disk. What the disk has failed to take once it may say later
   * that it has, without having it: nothing is promised any more then. @throws {Away}
   */
  async settled(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#isBehind) await (this.#next ??= this.#sync(this.#running))
    else await this.#running
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    try {
      await this.settled()
    } finally {
      await this.#file.close()
    }
  }

  async #sync(before: Promise<void> | undefined): Promise<void> {
    await before
    this.#isBehind = false
    this.#next = undefined
    const running = this.#file.datasync().catch((error: unknown) => {
      const message = `${this.#name}: ${messageOf(error)}; what was written last may be lost: restart the service once its disk is well`
      throw (this.#failure = new Away(message, { cause: error }))
    })
    this.#running = running
    await running
    if (this.#running === running) this.#running = undefined
  }
}
