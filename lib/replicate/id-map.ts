import { randomUUID } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { GlanceError, messageOf } from '../errors.ts'
import { type Image, isImageId } from '../image/image.ts'
import { isObject } from '../image/json.ts'

/** Properties whose value is the id of another image. */
const NAMING = ['kernel_id', 'ramdisk_id'] as const

export interface IdMapOptions {
  /** Whether ids are to be given. The file is then made where there is none. Default false. */
  readonly writable?: boolean | undefined
  /** Whether a file that is not there counts as an empty one. Default false. */
  readonly optional?: boolean | undefined
  /** What keeps others from writing to it meanwhile: released with the map. */
  readonly lock?: AsyncDisposable | undefined
  /** Told of what a killed writer left of the last line, which counts for nothing. */
  readonly onCut?: ((message: string) => void) | undefined
}

/**
 * Which images have another id on the target than on the source: a file of JSON lines, `{"source": id, "target": id}`,
 * of which the last about an image counts. A new id is on the disk before anybody can use it, so that whoever is killed
 * finds it again; what a killed writer left of a line counts for nothing.
 */
export class IdMap implements AsyncDisposable {
  readonly #name: string
  readonly #file: FileHandle | undefined
  readonly #lock: AsyncDisposable | undefined
  /** By the id on the source; ids are the same in capitals. */
  readonly #bySource = new Map<string, Entry>()
  /** By the id on the target, also those that were given up for another. */
  readonly #byTarget = new Map<string, Entry>()
  #writing: Promise<void> = Promise.resolve()
  /** What the file needs before anything can be added to it. */
  #mend: ((file: FileHandle) => Promise<void>) | undefined

  private constructor(name: string, file: FileHandle | undefined, lock?: AsyncDisposable) {
    this.#name = name
    this.#file = file
    this.#lock = lock
  }

  /** @throws {GlanceError} `usage` for a file that cannot be opened, or is none of ours, naming the line. */
  static async open(
    name: string,
    { writable = false, optional = false, lock, onCut = () => {} }: IdMapOptions = {},
  ): Promise<IdMap> {
    const file = await open(name, writable ? 'a+' : 'r').catch((cause: unknown) => {
      const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
      if (isMissing && optional) return undefined
      throw unusable(name, messageOf(cause), cause)
    })
    const map = new IdMap(name, file, lock)
    try {
      if (file !== undefined) await map.#read(file, writable, onCut)
      return map
    } catch (error) {
      await file?.close()
      throw error
    }
  }

  /** The id on the target of the source's image, where it is another. */
  targetOf(source: string): string | undefined {
    return this.#bySource.get(keyOf(source))?.target
  }

  /** The id on the source of what has, or had, this one on the target, where it is another. */
  sourceOf(target: string): string | undefined {
    return this.#byTarget.get(keyOf(target))?.source
  }

  /** Whose copy has, or had, the id of this image on the target, which has no other there itself. */
  clashOf(source: string): string | undefined {
    const other = this.#bySource.has(keyOf(source)) ? undefined : this.sourceOf(source)
    return other !== undefined && keyOf(other) === keyOf(source) ? undefined : other
  }

  /** Whether the target's image of this id is a copy of one with another id. */
  isCopy(target: string): boolean {
    const source = this.sourceOf(target)
    return source !== undefined && keyOf(this.targetOf(source) ?? '') === keyOf(target)
  }

  /** Takes it that the services list images of these ids: so they are spelled, however the file spells them. */
  listed({ source, target }: { readonly source?: string; readonly target?: string }): void {
    const [from, to] = [
      this.#bySource.get(keyOf(source ?? '')),
      this.#byTarget.get(keyOf(target ?? '')),
    ]
    if (from !== undefined && source !== undefined) from.source = source
    if (to !== undefined && target !== undefined) to.target = target
  }

  /** Whether an image names others. */
  static isNaming({ properties }: Image): boolean {
    return NAMING.some(name => properties.get(name) != null)
  }

  /**
   * The source's image as the target is to have it: with the ids there, also those in `kernel_id` and `ramdisk_id`, but
   * for properties that name an image of the target already.
   */
  translate(image: Image, isOfTarget?: (property: string) => boolean): Image {
    const id = this.targetOf(image.id) ?? image.id
    return { ...this.#renamed(image, value => value, isOfTarget), id }
  }

  /** An image that is on the target, naming others by the ids that they have there now, but for properties left alone. */
  followed(copy: Image, isLeftOut: (property: string) => boolean): Image {
    return this.#renamed(copy, value => this.sourceOf(value) ?? value, isLeftOut)
  }

  /** Gives the source's image a new id on the target, this one or any. @throws {GlanceError} `over_limit` when it cannot be written down. */
  async assign(source: string, target: string = randomUUID()): Promise<string> {
    const writing = this.#writing.then(async () => await this.#append({ source, target }))
    this.#writing = writing.catch(() => {}) // Told to who wanted it.
    await writing
    this.#set(source, target)
    return target
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing
    await this.#file?.close()
    await this.#lock?.[Symbol.asyncDispose]()
  }

  #renamed(
    image: Image,
    sourceOf: (id: string) => string,
    isLeftOut: (property: string) => boolean = () => false,
  ): Image {
    const properties = new Map(image.properties)
    for (const name of NAMING) {
      if (isLeftOut(name)) continue
      const value = properties.get(name)
      if (value != null) properties.set(name, this.targetOf(sourceOf(value)) ?? value)
    }
    return { ...image, properties }
  }

  #set(source: string, target: string): void {
    const entry = { source, target }
    this.#bySource.set(keyOf(source), entry)
    this.#byTarget.set(keyOf(target), entry)
  }

  async #append(entry: object): Promise<void> {
    try {
      if (this.#file === undefined) throw new TypeError('it was not opened to be written to')
      await this.#mend?.(this.#file)
      this.#mend = undefined
      await this.#file.appendFile(`${JSON.stringify(entry)}\n`)
      await this.#file.sync()
    } catch (cause) {
      throw new GlanceError('over_limit', `${this.#name}: ${messageOf(cause)}`, { cause })
    }
  }

  async #read(
    file: FileHandle,
    writable: boolean,
    onCut: (message: string) => void,
  ): Promise<void> {
    const text = await file.readFile('utf8').catch((cause: unknown) => {
      throw unusable(this.#name, messageOf(cause), cause)
    })
    const lines = text.replace(/^\uFEFF/, '').split('\n')
    const last = lines.at(-1) ?? ''
    const isWhole = entryOf(last) !== undefined
    const isCut = !isWhole && isBeginning(last, lines.slice(0, -1).some(isEntry))
    if (isCut) lines.pop()
    for (const [i, line] of lines.entries()) {
      if (line.trim() === '') continue
      const entry = entryOf(line)
      const where = `${this.#name}: line ${i + 1}`
      if (entry === undefined) {
        const form = '{"source": "ID", "target": "ID"}'
        throw new GlanceError('usage', `${where}: expected ${form} with the ids of two images`)
      }
      const other = this.sourceOf(entry.target)
      if (other !== undefined && keyOf(other) !== keyOf(entry.source)) {
        const message = `${where}: image ${entry.target} of the target is the copy of ${other} already`
        throw new GlanceError('usage', message)
      }
      // Services list ids in small letters unless somebody made them otherwise, which is seen when they list them.
      this.#set(keyOf(entry.source), keyOf(entry.target))
    }
    if (isCut) {
      const shown = last.replaceAll('\0', '')
      const rest = shown === '' ? 'zeros' : `'${shown}'`
      onCut(`${this.#name}: line ${lines.length + 1} was cut off and counts for nothing: ${rest}`)
    }
    if (!writable) return
    const length = Buffer.byteLength(text) - Buffer.byteLength(last)
    if (isWhole) this.#mend = async file => await file.appendFile('\n')
    else if (isCut) this.#mend = async file => await file.truncate(length)
    await using folder = await open(dirname(this.#name))
    await folder.sync()
  }
}

/** Two ids of one image, as its services spell them, as far as that is known. */
interface Entry {
  source: string
  target: string
}

/** That by which ids are compared: UUIDs are the same in capitals (RFC 9562 §4), and people write them so. */
export function keyOf(id: string): string {
  return id.toLowerCase()
}

function entryOf(line: string): Readonly<Entry> | undefined {
  try {
    const entry: unknown = JSON.parse(line)
    if (!isObject(entry)) return undefined
    const { source, target } = entry
    if (typeof source !== 'string' || typeof target !== 'string') return undefined
    return isImageId(source) && isImageId(target) ? { source, target } : undefined
  } catch {
    return undefined
  }
}

function isEntry(line: string): boolean {
  return entryOf(line) !== undefined
}

/**
 * Whether a last line is what a killed writer, or a disk that lost power, leaves of one of ours. What could be the beginning
 * of anything is none in a file that has no line of ours.
 */
function isBeginning(text: string, hasEntries: boolean): boolean {
  const written = text.replace(/\0+$/, '')
  if (text === '' || (!hasEntries && !written.startsWith('{"source":"'))) return false
  const id = '00000000-0000-0000-0000-000000000000'
  const form = JSON.stringify({ source: id, target: id })
  if (written.length >= form.length) return false
  return written
    .split('')
    .every((character, i) =>
      form[i] === '0' ? /[0-9a-f]/i.test(character) : form[i] === character,
    )
}

function unusable(name: string, why: string, cause: unknown): GlanceError {
  return new GlanceError('usage', `id map ${name}: ${why}`, { cause })
}
