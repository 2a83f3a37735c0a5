import type { Endpoint } from '../endpoint/endpoint.ts'
import type { GlanceError } from '../errors.ts'
import type { Image } from '../image/image.ts'
import { isTooMany, objection, tooMany } from './objection.ts'
import { originIdOf } from './provenance.ts'
import {
  atSource,
  decide,
  disowned,
  type KeepReason,
  type Removal,
  type RemovalContext,
} from './removal.ts'

/** What is to become of an image that only the target has; `here`: the source has it after all. */
export type Verdict =
  | { readonly type: 'goes' | 'here' }
  | { readonly type: 'kept'; readonly reason: Exclude<KeepReason, 'unreadable'> }
  /** Whether the source has it could not be found out. */
  | { readonly type: 'doubt'; readonly error: GlanceError }

/**
 * Judges images one by one as `planRemovals` does all that it is given, and holds none of them: several may be judged at
 * once. As there, the source is not asked for what does not go anyway.
 */
export class RemovalJudge {
  readonly #source: Endpoint
  readonly #removal: Removal
  readonly #context: RemovalContext
  /** Those that the source is known to lack, and those for which it was not asked. */
  #confirmed = 0
  #others = 0
  #objection: Promise<GlanceError | null> | undefined

  constructor(source: Endpoint, removal: Removal, context: RemovalContext) {
    this.#source = source
    this.#removal = removal
    this.#context = context
  }

  /** @throws {GlanceError} `unauthenticated`; `unsupported` when the source cannot be asked. */
  async judge(image: Image): Promise<Verdict> {
    const { how, copiesFrom } = this.#removal
    const decided = decide(image, how, copiesFrom)
    if (decided.action === 'keep') return { type: 'kept', reason: decided.reason }
    if (this.#isFull || (await this.#before()) !== null) {
      this.#others += 1
      return { type: 'goes' }
    }
    const found = await atSource(originIdOf(image), this.#source, this.#context.signal)
    if (found === true) return { type: 'here' }
    if (found !== false) return { type: 'doubt', error: found }
    this.#confirmed += 1
    return { type: 'goes' }
  }

  /** Why none of those that would go goes, once all are judged. */
  async end(): Promise<GlanceError | null> {
    const going = this.#confirmed + this.#others
    const { how, most } = this.#removal
    if (going === 0) return null
    const before = await this.#before()
    if (before !== null) return objection(this.#removal, going, this.#context) ?? before
    if (this.#isFull && most !== null) {
      return tooMany(how, this.#confirmed, this.#others, most, this.#context.extras)
    }
    return await disowned(this.#source, true, this.#context)
  }

  get #isFull(): boolean {
    const { most } = this.#removal
    return most !== null && isTooMany(this.#confirmed, most, this.#context.extras)
  }

  /** Why none goes as far as that is known before the source is asked for any. */
  async #before(): Promise<GlanceError | null> {
    this.#objection ??= (async () =>
      objection(this.#removal, 1, this.#context) ??
      (await disowned(this.#source, false, this.#context)))()
    return await this.#objection
  }
}
