import { type FileHandle, lstat, open, readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Bytes } from '../stream/bytes.ts'
import { renameDurably } from './durable.ts'
import { fileFault } from './file-fault.ts'
import { layout } from './layout.ts'
import { writeData } from '../stream/sparse.ts'
import { isGone, writerName } from '../writer.ts'

const DAY_MS = 24 * 3_600_000

/**
 * A file that is written under a name of its own, and gets the right one when it is whole and durable: of two who write
 * the same file at once the later wins, and each file is one writer's. Disposal removes what was not committed.
 */
export class WholeFile implements AsyncDisposable {
  readonly handle: FileHandle
  readonly #file: string
  readonly #partial: string
  #open = true

  private constructor(handle: FileHandle, file: string, partial: string) {
    this.handle = handle
    this.#file = file
    this.#partial = partial
  }

  /** `mode` is who may do what with it; the process may be told to allow less. */
  static async create(file: string, mode = 0o666): Promise<WholeFile> {
    const partial = layout.partial(file, await writerName())
    return new WholeFile(await open(partial, 'wx', mode), file, partial)
  }

  /**
   * Whether nobody else is about to give a file this name: of two who write it and ask, at most one is alone. Who was
   * killed a day ago on another host, of whom nobody here knows, is not counted.
   */
  async isAlone(): Promise<boolean> {
    const folder = dirname(this.#file)
    for (const name of await readdir(folder)) {
      const writer = layout.writerOf(name)
      if (writer === undefined || name === basename(this.#partial)) continue
      if (name !== basename(layout.partial(this.#file, writer)) || (await isGone(writer))) continue
      const found = await lstat(join(folder, name)).catch(() => undefined)
      if (found !== undefined && Date.now() - found.mtimeMs < DAY_MS) return false
    }
    return true
  }

  async commit(name = this.#file): Promise<void> {
    await this.handle.sync()
    await this.handle.close()
    await renameDurably(this.#partial, name)
    this.#open = false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await this.handle.close().catch(() => {}) // It may be closed already.
    await rm(this.#partial, { force: true })
  }
}

/** Writes a whole file, with holes for what is zero where that is wanted. */
export async function writeWhole(
  file: string,
  data: Bytes,
  { sparse = false }: { readonly sparse?: boolean } = {},
): Promise<void> {
  try {
    await using whole = await WholeFile.create(file)
    await writeData(whole.handle, data, { sparse })
    await whole.commit()
  } catch (error) {
    throw fileFault(error, file)
  }
}

/** A text as what is written to a file. */
export async function* textBytes(text: string): Bytes & AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(text)
}

/** Removes what writers left in a folder that were killed, of files whose names begin with `prefix`. */
export async function sweep(folder: string, prefix = ''): Promise<void> {
  for (const name of await readdir(folder)) {
    const writer = layout.writerOf(name)
    if (writer === undefined || !name.startsWith(prefix)) continue
    if (await isGone(writer)) await rm(join(folder, name), { force: true })
  }
}
