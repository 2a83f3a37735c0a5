import type { Abortable } from '../abort.ts'
import type { Endpoint, ListOptions } from '../endpoint/endpoint.ts'
import { GlanceError } from '../errors.ts'
import type { Filter } from '../filter/filter.ts'
import { matcher, type Matcher } from '../filter/match.ts'
import { hintOf } from '../filter/push.ts'
import type { Image } from '../image/image.ts'
import type { ImageHint } from '../image/query.ts'

export interface SelectionOptions {
  /** The images that it matches. Default: all. */
  readonly filter?: Filter | undefined
  /** Only those with one of these ids or names. */
  readonly images?: Iterable<string> | undefined
  /** Of these the `count` active ones that were created last, of each group apart. */
  readonly newest?: Newest | undefined
  /** What ages in the filter count to. */
  readonly now: Date
}

export interface Newest {
  readonly count: number
  /** The group of an image; those without one are a group together. Default: all are one. */
  readonly per?: ((image: Image) => string | null) | undefined
}

/** Which images of one source are wanted. Holds ids and names that were asked for, and the ids of the newest. */
export class Selection {
  /** What the source may filter by itself. */
  readonly hint: ImageHint | undefined
  readonly #matches: Matcher
  readonly #named: ReadonlySet<string> | undefined
  readonly #missing: Set<string>
  readonly #newest: Newest | undefined
  #newestIds: ReadonlySet<string> | undefined

  constructor({ filter, images, newest, now }: SelectionOptions) {
    this.#matches = filter === undefined ? () => true : matcher(filter, now)
    this.#named = images === undefined ? undefined : new Set(images)
    this.#missing = new Set(this.#named)
    this.#newest = newest
    // Whether there is an image of a name can be told only of a listing that has all.
    const isWhole = this.#named !== undefined || filter === undefined
    this.hint = isWhole ? undefined : hintOf(filter, now)
  }

  /** The ids and names that no image had which `selects` was asked about. */
  get missing(): readonly string[] {
    return [...this.#missing]
  }

  /**
   * To be done before the first image is asked about: finds out which are the newest, for which it lists the source.
   * @throws {GlanceError} `usage` where that can be read only once.
   */
  async prepare(source: Endpoint, { signal }: Abortable = {}): Promise<void> {
    if (this.#newest === undefined) return
    if (source.features.sequential === true) {
      const message = `--newest reads twice, and ${source.name} can be read once: leave it away`
      throw new GlanceError('usage', message)
    }
    this.#newestIds = undefined
    const { count, per = () => null } = this.#newest
    const groups = new Map<string | null, Image[]>()
    const onUnreadable = () => {} // Told when the images are listed to be read.
    for await (const image of source.list({ signal, onUnreadable, hint: this.hint })) {
      if (image.status !== 'active' || !this.selects(image)) continue
      const group = per(image)
      const newest = groups.get(group) ?? []
      if (newest.length === 0) groups.set(group, newest)
      insert(newest, image, count)
    }
    this.#newestIds = new Set([...groups.values()].flat().map(({ id }) => id))
  }

  /** Whether an image of the source is wanted. */
  selects(image: Image): boolean {
    return this.#isNamed(image) && this.#matches(image) && (this.#newestIds?.has(image.id) ?? true)
  }

  /**
   * Whether an image that the source does not have is of those that are wanted, by what it is elsewhere. It is none of the
   * source's newest, and nothing that was asked for is found by it.
   */
  wouldSelect(image: Image): boolean {
    const { id, name } = image
    const isNamed = (text: string | null) => text !== null && this.#named?.has(text) === true
    if (this.#named !== undefined && !isNamed(id) && !isNamed(name)) return false
    return this.#newest === undefined && this.#matches(image)
  }

  #isNamed({ id, name }: Image): boolean {
    if (this.#named === undefined) return true
    let isNamed = false
    for (const text of [id, name]) {
      if (text === null || !this.#named.has(text)) continue
      this.#missing.delete(text)
      isNamed = true
    }
    return isNamed
  }
}

/** The images of `source` that are selected, in the order of its listing; without a selection all of them. */
export async function* listSelected(
  source: Endpoint,
  selection: Selection | undefined,
  options: ListOptions = {},
): AsyncGenerator<Image> {
  await selection?.prepare(source, options)
  for await (const image of source.list({ ...options, hint: selection?.hint })) {
    if (selection?.selects(image) !== false) yield image
  }
}

/** Keeps the newest `count`, the newest first; of two that were created together the one of the greater id. */
function insert(newest: Image[], image: Image, count: number): void {
  const isNewer = (other: Image) =>
    image.createdAt.getTime() - other.createdAt.getTime() || (image.id > other.id ? 1 : -1)
  const at = newest.findIndex(other => isNewer(other) > 0)
  newest.splice(at < 0 ? newest.length : at, 0, image)
  if (newest.length > count) newest.pop()
}
