/** A store of our own, as somebody else would write it: a file for each image on a shelf, `shelf:/folder/id`. */
import { link, mkdir, open, opendir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { GlanceError } from '../../lib/errors.ts'
import type {
  Abortable,
  Bytes,
  ByteRange,
  Location,
  Store,
  StoredData,
  StoreModule,
} from '../../lib/index.ts'

const IMAGE_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export const openStore: StoreModule['openStore'] = async ({ id, options }) => {
  const { shelf_folder: folder } = options
  if (folder === undefined) throw new GlanceError('usage', 'shelf_folder: has to be set')
  await mkdir(folder, { recursive: true })
  return new Shelf(id, folder)
}

class Shelf implements Store {
  readonly id: string
  readonly writable = true
  readonly schemes = ['shelf']
  readonly #folder: string

  constructor(id: string, folder: string) {
    this.id = id
    this.#folder = folder
  }

  locate(id: string): Location {
    if (!IMAGE_ID.test(id)) throw new GlanceError('invalid', `${JSON.stringify(id)} is no image id`)
    return { url: `shelf:${join(this.#folder, id)}` }
  }

  holds({ url }: Location): boolean {
    return url.startsWith(`shelf:${this.#folder}/`)
  }

  async add(id: string, data: Bytes, size: number | null, { signal }: Abortable = {}) {
    const location = this.locate(id)
    const path = pathOf(location)
    if (await isThere(path)) throw this.#duplicate(id)
    const partial = `${path}.${process.hrtime.bigint()}.partial`
    const file = await open(partial, 'wx')
    try {
      let written = 0
      for await (const chunk of until(signal, data)) {
        await file.writeFile(chunk)
        written += chunk.length
        if (size !== null && written > size) break
      }
      if (size !== null && written !== size) {
        throw new GlanceError('corrupt', `expected ${size} bytes, got ${written}`)
      }
      await file.sync()
      signal?.throwIfAborted()
      await link(partial, path).catch(() => {
        throw this.#duplicate(id)
      })
      return { location, size: written }
    } finally {
      await file.close()
      await rm(partial)
    }
  }

  async open(at: Location, range?: ByteRange | null, { signal }: Abortable = {}): Promise<Bytes> {
    signal?.throwIfAborted()
    const size = await this.size(at)
    const { offset, length } = range ?? { offset: 0, length: size }
    if (offset + length > size) {
      throw new GlanceError('unsatisfiable_range', `there are ${size} bytes`)
    }
    return until(signal, read(pathOf(at), offset, length))
  }

  async size(at: Location): Promise<number> {
    const found = await stat(pathOf(at)).catch(() => undefined)
    if (found === undefined) throw new GlanceError('not_found', `store ${this.id} has no such data`)
    return found.size
  }

  async delete(at: Location): Promise<void> {
    await this.size(at)
    await rm(pathOf(at))
  }

  async *list({ signal }: Abortable = {}): AsyncGenerator<StoredData, void> {
    for await (const { name } of await opendir(this.#folder)) {
      signal?.throwIfAborted()
      const [id = '', ...rest] = name.split('.')
      if (!IMAGE_ID.test(id)) continue
      const location = { url: `shelf:${join(this.#folder, name)}` }
      const found = await stat(pathOf(location)).catch(() => undefined)
      if (found === undefined) continue
      const { size, mtime: modifiedAt } = found
      yield { id: id.toLowerCase(), location, size, modifiedAt, isWhole: rest.length === 0 }
    }
  }

  async recover(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      if (name.endsWith('.partial')) await rm(join(this.#folder, name))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #duplicate(id: string): GlanceError {
    return new GlanceError('duplicate', `store ${this.id} has data of image ${id} already`)
  }
}

function pathOf({ url }: Location): string {
  return url.slice('shelf:'.length)
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** In one buffer, since a chunk is only lent. */
async function* read(path: string, offset: number, length: number): AsyncGenerator<Uint8Array> {
  const file = await open(path)
  try {
    const buffer = Buffer.allocUnsafeSlow(Math.min(length, 1024 * 1024))
    for (let done = 0; done < length;) {
      const most = Math.min(buffer.length, length - done)
      const { bytesRead } = await file.read(buffer, 0, most, offset + done)
      if (bytesRead === 0) throw new GlanceError('corrupt', `the file ends after ${done} bytes`)
      done += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** The bytes until the signal fires, also while there is none; what they come from is closed then. */
async function* until(signal: AbortSignal | undefined, data: Bytes): AsyncGenerator<Uint8Array> {
  const source = data[Symbol.asyncIterator]()
  const stopped = new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  stopped.catch(() => {})
  let isWhole = false
  try {
    for (;;) {
      signal?.throwIfAborted()
      const next = await Promise.race([source.next(), stopped])
      if (next.done === true) break
      yield next.value
    }
    isWhole = true
  } finally {
    if (!isWhole) void source.return?.()
  }
}
