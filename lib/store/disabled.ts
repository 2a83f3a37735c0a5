import type { Abortable } from '../abort.ts'
import { GlanceError, messageOf } from '../errors.ts'
import type { Bytes } from '../stream/bytes.ts'
import type { ByteRange } from '../stream/range.ts'
import type { Location, Store, StoreCall } from './store.ts'

/**
 * A store that is configured wrongly: it takes no data. What it has already is read and deleted as far as `reader`
 * can, which needs less of the configuration; without one it is there only in name.
 */
export class DisabledStore implements Store {
  readonly id: string
  readonly writable: boolean
  readonly schemes: readonly string[]
  readonly #fault: unknown
  readonly #reader: Store | null

  constructor(id: string, fault: unknown, reader: Store | null) {
    this.id = id
    this.writable = reader?.writable ?? true
    this.schemes = reader?.schemes ?? []
    this.#fault = fault
    this.#reader = reader
  }

  /** What is wrong with it, in one line. */
  get reason(): string {
    return messageOf(this.#fault)
  }

  locate(id: string): Location {
    return this.#required().locate(id)
  }

  holds(at: Location): boolean {
    return this.#reader?.holds(at) ?? false
  }

  async add(): Promise<never> {
    const message = 'error in store configuration. Adding images to store is disabled.'
    throw new GlanceError('gone', message, { cause: this.#fault })
  }

  async open(at: Location, range?: ByteRange | null, options?: Abortable): Promise<Bytes> {
    return await this.#required().open(at, range, options)
  }

  async size(at: Location, options?: StoreCall): Promise<number> {
    return await this.#required().size(at, options)
  }

  async delete(at: Location, options?: Abortable): Promise<void> {
    await this.#required().delete(at, options)
  }

  async requireUnused(at: Location, options?: Abortable): Promise<void> {
    await this.#required().requireUnused?.(at, options)
  }

  async recover(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader?.[Symbol.asyncDispose]()
  }

  #required(): Store {
    if (this.#reader !== null) return this.#reader
    const message = `store ${this.id} cannot be used as it is configured`
    throw new GlanceError('unavailable', message, { cause: this.#fault })
  }
}
