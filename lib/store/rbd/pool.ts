import { GlanceError, isGlanceError } from '../../errors.ts'
import { boundedLines } from '../../stream/lines.ts'
import { SNAPSHOT } from './location.ts'
import { outputOf } from './output.ts'
import { type CephPrograms, type Ending, ERRNO, type Running } from './program.ts'

/** An image of a pool. */
export interface RbdName {
  readonly pool: string
  readonly image: string
  /** Null for the image as it is now. */
  readonly snapshot: string | null
}

/** What is known of an image, or of a snapshot of one. */
export interface RbdInfo {
  /** Bytes. */
  readonly size: number
  /** Bytes of the objects that it is cut into. */
  readonly objectSize: number
  /** What the names of these begin with. */
  readonly prefix: string
  /** The pool that they are in. */
  readonly dataPool: string
  /** Whether the bytes of an object are the bytes of the image in their place: no stripes, no other image below it. */
  readonly isPlain: boolean
  /** When it was last written to, or up to a minute before that; null where that is not known. */
  readonly modifiedAt: Date | null
}

/** What can be done with whole images by the `rbd` program. */
export class RbdPool {
  readonly #programs: CephPrograms

  constructor(programs: CephPrograms) {
    this.#programs = programs
  }

  /** Undefined when there is no such image, snapshot or pool. */
  async find(name: RbdName, signal?: AbortSignal): Promise<RbdInfo | undefined> {
    const found = await this.#programs.rbd([...JSON_OF, 'info', ...wordsOf(name)], signal)
    if (found.status === ERRNO.ENOENT) return undefined
    return infoOf(this.#answer('rbd info', found), name.pool)
  }

  /** Names of all images. @throws {GlanceError} `unavailable`, also when there is no such pool. */
  async *names(pool: string, signal?: AbortSignal): AsyncGenerator<string, void> {
    signal?.throwIfAborted()
    const running = this.#programs.start('rbd', ['ls', `--pool=${pool}`])
    for await (const line of boundedLines(this.#listed(running, signal), LONGEST)) {
      if (line.isWhole && line.isEnded) yield line.text
    }
  }

  /** Whether the image is still what the snapshot is of. Not when either is gone. */
  async isUnchanged(name: RbdName, signal?: AbortSignal): Promise<boolean> {
    const { snapshot } = name
    if (snapshot === null) return (await this.find(name, signal)) !== undefined
    const words = ['diff', '--whole-object', ...wordsOf({ ...name, snapshot: null })]
    const diff = [...words, '--from-snap', snapshot]
    const found = await this.#programs.rbd([...JSON_OF, ...diff], signal)
    if (found.status === ERRNO.ENOENT) return false
    return (this.#answer('rbd diff', found) as readonly unknown[]).length === 0 // Its own format.
  }

  /** Makes the snapshot by which Glance marks an image that is whole, and protects it, so that others may clone it. */
  async seal(name: RbdName): Promise<void> {
    const words = wordsOf({ ...name, snapshot: SNAPSHOT })
    await this.#do('rbd snap create', ['snap', 'create', ...words], [ERRNO.EEXIST])
    await this.#do('rbd snap protect', ['snap', 'protect', ...words], [ERRNO.EBUSY])
  }

  /** Gives an image another name, unless an image has that: of several that try, one does. @throws {GlanceError} `duplicate`. */
  async rename({ pool, image }: RbdName, to: string): Promise<void> {
    const destination = [`--dest-pool=${pool}`, `--dest=${to}`]
    await this.#do('rbd mv', ['mv', `--pool=${pool}`, `--image=${image}`, ...destination])
    // Ceph tells both of two at the very same time that they did, and leaves the one that did not as it was.
    if ((await this.find({ pool, image, snapshot: null })) === undefined) return
    const message = `store ${this.#programs.store}: an image was named ${to} at the same time`
    throw new GlanceError('duplicate', message)
  }

  /**
   * Rejects when somebody uses what `remove` would remove. @throws {GlanceError} `conflict`, when it has clones or further
   * snapshots; `not_found`.
   */
  async requireUnused(name: RbdName, signal?: AbortSignal): Promise<void> {
    const image = wordsOf({ ...name, snapshot: null })
    const listed = await this.#programs.rbd([...JSON_OF, 'snap', 'ls', '--all', ...image], signal)
    if (listed.status === ERRNO.ENOENT) throw this.absent({ ...name, snapshot: null })
    const all = this.#answer('rbd snap ls', listed) as readonly { name: string }[] // Its own format.
    if (all.some(snapshot => snapshot.name !== name.snapshot)) {
      throw this.#inUse(name, 'it has other snapshots')
    }
    if (all.length === 0) return
    const found = await this.#programs.rbd([...JSON_OF, 'children', ...wordsOf(name)], signal)
    const children = this.#answer('rbd children', found) as readonly unknown[] // Its own format.
    if (children.length > 0) throw this.#inUse(name, 'images have been cloned from it')
  }

  /**
   * Removes an image and, if the name has one, its snapshot. When the image cannot be removed, the snapshot is made again.
   * @throws {GlanceError} `conflict` when it is in use; `not_found`.
   */
  async remove(name: RbdName): Promise<void> {
    const wasWhole = name.snapshot !== null && (await this.#removeSnapshot(name))
    try {
      await this.#removeImage(name)
    } catch (error) {
      if (wasWhole) await this.seal(name).catch(() => {}) // There is an error to tell already.
      throw error
    }
  }

  /** Removes what there is of an image that nobody uses, which may be nothing. @throws {GlanceError} `conflict`. */
  async discard(name: RbdName, signal: AbortSignal | undefined): Promise<void> {
    await this.#removeSnapshot({ ...name, snapshot: SNAPSHOT }, signal)
    await this.#removeImage(name, signal).catch((error: unknown) => {
      if (!isGlanceError(error, 'not_found')) throw error
    })
  }

  /** What is said of an image that is not there. */
  absent({ pool, image, snapshot }: RbdName): GlanceError {
    const what = snapshot === null ? image : `${image}@${snapshot}`
    const message = `store ${this.#programs.store} has no rbd image ${what} in the pool ${pool}`
    return new GlanceError('not_found', message)
  }

  /** Bytes of a list, which is at its end only when the program says so. */
  async *#listed(running: Running, signal: AbortSignal | undefined) {
    const ending = yield* outputOf(running, EVERYTHING, signal)
    if (ending === null || ending.status === 0) return
    throw new GlanceError('unavailable', this.#programs.fault('rbd ls', ending).message)
  }

  /** False when it was not there any more. */
  async #removeSnapshot(name: RbdName, signal?: AbortSignal): Promise<boolean> {
    const words = wordsOf(name)
    const unprotect = ['snap', 'unprotect', ...words]
    const { ENOENT, EINVAL } = ERRNO
    const status = await this.#do('rbd snap unprotect', unprotect, [ENOENT, EINVAL], signal) // Or it was not protected.
    if (status === ENOENT) return false
    const remove = ['snap', 'rm', '--no-progress', ...words]
    return (await this.#do('rbd snap rm', remove, [ENOENT], signal)) === 0
  }

  async #removeImage(name: RbdName, signal?: AbortSignal): Promise<void> {
    const words = wordsOf({ ...name, snapshot: null })
    await this.#do('rbd rm', ['rm', '--no-progress', ...words], [], signal)
  }

  /** Does what ends with status 0, or one of `fine`, and resolves to it. */
  async #do(
    asked: string,
    words: readonly string[],
    fine: readonly number[] = [],
    signal?: AbortSignal,
  ) {
    const ending = await this.#programs.rbd(words, signal)
    const { status } = ending
    if (status === 0 || (status !== null && fine.includes(status))) return status
    throw this.#programs.fault(asked, ending)
  }

  #answer(asked: string, ending: Ending & { readonly stdout: string }): unknown {
    if (ending.status !== 0) throw this.#programs.fault(asked, ending)
    try {
      return JSON.parse(ending.stdout)
    } catch (cause) {
      const message = `store ${this.#programs.store}: ${asked} answered what is no JSON`
      throw new GlanceError('unavailable', message, { cause })
    }
  }

  #inUse({ image, snapshot }: RbdName, reason: string): GlanceError {
    const what = snapshot === null ? image : `${image}@${snapshot}`
    const message = `store ${this.#programs.store}: rbd image ${what} is in use: ${reason}`
    return new GlanceError('conflict', message)
  }
}

/** Bytes of a name that may be ours, or a few more. */
const LONGEST = 256
const EVERYTHING = { offset: 0, length: Infinity } as const
const JSON_OF = ['--format', 'json'] as const

/** The words that name an image; with `=`, so that a name may begin with a hyphen. */
export function wordsOf({ pool, image, snapshot }: RbdName): readonly string[] {
  const words = [`--pool=${pool}`, `--image=${image}`]
  return snapshot === null ? words : [...words, `--snap=${snapshot}`]
}

/** Reads what `rbd info` says in JSON. */
function infoOf(document: unknown, pool: string): RbdInfo {
  const info = document as {
    // Its own format.
    readonly size: number
    readonly object_size: number
    readonly block_name_prefix: string
    readonly data_pool?: string
    readonly features: readonly string[]
    readonly op_features?: readonly string[]
    readonly parent?: unknown
    readonly modify_timestamp?: string
  }
  // Of our own time zone, as the program has it; nothing or the beginning of time before Ceph 14.
  const modifiedAt = new Date(info.modify_timestamp ?? 0)
  const special = [...info.features, ...(info.op_features ?? [])]
  return {
    size: info.size,
    objectSize: info.object_size,
    prefix: info.block_name_prefix,
    dataPool: info.data_pool ?? pool,
    isPlain:
      info.block_name_prefix.startsWith('rbd_data.') &&
      info.parent === undefined &&
      !special.some(feature => ['striping', 'migrating'].includes(feature)),
    modifiedAt: modifiedAt.getTime() > 0 ? modifiedAt : null,
  }
}
