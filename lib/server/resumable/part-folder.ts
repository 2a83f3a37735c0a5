import { randomUUID } from 'node:crypto'
import { open, readdir, readFile, rename, rm, stat, statfs, truncate } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { GlanceError, isGlanceError, messageOf } from '../../errors.ts'
import { isObject } from '../../image/json.ts'
import { removeFile, systemCall } from '../../store/file-errors.ts'
import { makeFolder } from '../../store/folder.ts'
import type { OpenPart, Part, Parts, Whole } from '../domain/parts.ts'
import { PartFile } from './part-file.ts'

const DATA = '.data'
const STATE = '.json'

export interface PartFolderOptions {
  readonly maxAgeMs: number
  readonly now: () => Date
}

/**
 * Keeps each part in two files: its bytes, and what is known of them, which is written anew once bytes are on the disk.
 * What of the first goes beyond what the second says counts for nothing: a power cut may have made it up.
 */
export class PartFolder implements Parts {
  readonly maxAgeMs: number
  readonly #path: string
  readonly #now: () => Date

  private constructor(path: string, { maxAgeMs, now }: PartFolderOptions) {
    this.#path = path
    this.maxAgeMs = maxAgeMs
    this.#now = now
  }

  /** Makes the folder if need be. @throws {GlanceError} `unavailable`. */
  static async open(path: string, options: PartFolderOptions): Promise<PartFolder> {
    await makeFolder(path).catch((cause: unknown) => {
      const message = `the folder of resumable uploads ${path} cannot be made: ${messageOf(cause)}`
      throw new GlanceError('unavailable', message, { cause })
    })
    return new PartFolder(resolve(path), options)
  }

  async find(imageId: string): Promise<Part | undefined> {
    const part = await this.#read(imageId)
    return part === undefined || this.#isExpired(part) ? undefined : part
  }

  async *list(): AsyncGenerator<Part & { readonly isExpired: boolean }, void> {
    for (const name of await systemCall(readdir(this.#path))) {
      if (!name.endsWith(STATE)) continue
      const part = await this.#read(name.slice(0, -STATE.length))
      if (part !== undefined) yield { ...part, isExpired: this.#isExpired(part) }
    }
  }

  async heldBy(project: string | null, exceptImageId: string): Promise<number> {
    let bytes = 0
    for await (const part of this.list()) {
      const isOther = part.isExpired || part.project !== project || part.imageId === exceptImageId
      if (!isOther) bytes += await this.#written(part)
    }
    return bytes
  }

  async open(imageId: string, said: Whole & Pick<Part, 'project'>): Promise<OpenPart> {
    const found = await this.find(imageId)
    const offset = found?.offset ?? 0
    const { length, digests, project } = offset === 0 ? said : merged(found, said)
    const path = this.#file(imageId, DATA)
    const acknowledge = async (offset: number) =>
      await this.#write({ imageId, offset, length, digests, project, touchedAt: this.#now() })
    const file = await systemCall(open(path, offset === 0 ? 'w+' : 'r+', 0o640))
    try {
      await systemCall(file.truncate(offset))
      await acknowledge(offset)
      return new PartFile(file, { path, size: offset, digests, acknowledge })
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async remove(imageId: string): Promise<void> {
    // First what says that there is something.
    await removeFile(this.#file(imageId, STATE))
    await removeFile(this.#file(imageId, DATA))
  }

  async requireSpace(bytes: number): Promise<void> {
    const found = await statfs(this.#path).catch(() => undefined)
    if (found === undefined || found.blocks === 0) return
    const free = (process.getuid?.() === 0 ? found.bfree : found.bavail) * found.bsize
    if (free >= bytes) return
    throw new GlanceError('over_limit', `there is no room on the disk for ${bytes} bytes`)
  }

  async recover(): Promise<void> {
    const names = new Set(await systemCall(readdir(this.#path)))
    for (const name of names) {
      const id = /^(.+)\.(?:data|json)$/.exec(name)?.[1]
      const part = id === undefined ? undefined : await this.#read(id)
      const isWhole = part !== undefined
      // Beyond that it may have been claimed, or written and not told.
      if (isWhole) await systemCall(truncate(this.#file(part.imageId, DATA), part.offset))
      const isOurs = id !== undefined || /\.json\.[\da-f-]{36}$/.test(name)
      if (isOurs && !isWhole) await systemCall(rm(join(this.#path, name), { force: true }))
    }
  }

  #file(imageId: string, suffix: string): string {
    return join(this.#path, `${imageId}${suffix}`)
  }

  /** Bytes that are there of a part, also those of which it is not sure yet that they survive, and those that were claimed. */
  async #written({ imageId, offset }: Part): Promise<number> {
    const found = await stat(this.#file(imageId, DATA)).catch(() => undefined)
    return found?.size ?? offset
  }

  #isExpired({ touchedAt }: Part): boolean {
    return touchedAt.getTime() + this.maxAgeMs <= this.#now().getTime()
  }

  async #read(imageId: string): Promise<Part | undefined> {
    try {
      const state = stateOf(await systemCall(readFile(this.#file(imageId, STATE), 'utf8'), ABSENT))
      const { size } = await systemCall(stat(this.#file(imageId, DATA)), ABSENT)
      return state === undefined || size < state.offset ? undefined : { imageId, ...state }
    } catch (error) {
      if (isGlanceError(error, 'not_found')) return undefined
      throw error
    }
  }

  async #write({ imageId, touchedAt, ...part }: Part): Promise<void> {
    const path = this.#file(imageId, STATE)
    const temporary = `${path}.${randomUUID()}`
    try {
      const file = await systemCall(open(temporary, 'wx', 0o640))
      try {
        await systemCall(
          file.writeFile(JSON.stringify({ ...part, touchedAt: touchedAt.getTime() })),
        )
        await systemCall(file.sync())
      } finally {
        await file.close()
      }
      await systemCall(rename(temporary, path))
      // Until the folder is on the disk as well, a power cut may bring back what was written down before.
      await this.#sync()
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {})
      throw error
    }
  }

  async #sync(): Promise<void> {
    const folder = await systemCall(open(this.#path, 'r'))
    try {
      await systemCall(folder.sync())
    } finally {
      await folder.close()
    }
  }
}

const ABSENT = { ENOENT: () => new GlanceError('not_found', 'there is no such part') }

/** What was said first stays. */
function merged(found: Part | undefined, said: Whole & Pick<Part, 'project'>) {
  if (found === undefined) return said
  const { length, digests, project } = found
  return { length: length ?? said.length, digests: { ...said.digests, ...digests }, project }
}

/** What is written down of a part; undefined for what a crash or somebody else made of it. */
function stateOf(text: string): Omit<Part, 'imageId'> | undefined {
  const state = parsed(text)
  if (!isObject(state)) return undefined
  const { offset, length, digests, project, touchedAt } = state
  if (typeof offset !== 'number' || typeof touchedAt !== 'number') return undefined
  if (length !== null && typeof length !== 'number') return undefined
  if (project !== null && typeof project !== 'string') return undefined
  if (!isObject(digests)) return undefined
  const texts = Object.entries(digests).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return {
    offset,
    length,
    digests: Object.fromEntries(texts),
    project,
    touchedAt: new Date(touchedAt),
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
