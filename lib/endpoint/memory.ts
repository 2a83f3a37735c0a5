import type { Abortable } from '../abort.ts'
import { GlanceError } from '../errors.ts'
import { ANY_OWNER, hasData, type Image } from '../image/image.ts'
import { sortedById } from '../image/ordered.ts'
import { verify } from '../stream/verify.ts'
import { expressibleInV2 } from '../wire/loss.ts'
import {
  type Endpoint,
  type EndpointFeatures,
  type ImageData,
  type ListOptions,
  type Withdrawal,
  WITHDRAWALS,
  type Written,
} from './endpoint.ts'

/** Images in memory, for programs that make them up or want to look at them: small ones, since the data is held too. */
export class MemoryEndpoint implements Endpoint {
  readonly name: string
  readonly features: EndpointFeatures
  readonly expressible = expressibleInV2
  readonly #images = new Map<string, { readonly image: Image; readonly data: Buffer | null }>()

  /** With `ordered: false` it lists its images in the order in which they came. */
  constructor(name = 'memory', { ordered = true, ownersCarried = true } = {}) {
    this.name = name
    this.features = {
      ordered,
      ranges: true,
      ownersCarried,
      hashes: false,
      repeatable: true,
      withdrawals: WITHDRAWALS,
    }
  }

  async *list({ signal }: ListOptions = {}): AsyncGenerator<Image> {
    const arrived = [...this.#images.values()].map(({ image }) => image)
    for await (const image of this.features.ordered
      ? sortedById(fromArray(arrived))
      : fromArray(arrived)) {
      signal?.throwIfAborted()
      yield image
    }
  }

  async data(image: Image): Promise<ImageData> {
    const data = this.#images.get(image.id)?.data
    if (data === undefined)
      throw new GlanceError('not_found', `image ${image.id}: not in ${this.name}`)
    if (data === null) throw new GlanceError('conflict', `image ${image.id}: there is no data`)
    const { checksum, digest } = image
    return {
      size: data.length,
      checksum,
      digest,
      open: async ({ offset = 0 } = {}) => fromArray([data.subarray(offset)]),
    }
  }

  async add(image: Image, data: ImageData | null, { signal }: Abortable = {}): Promise<Written> {
    if (hasData(this.#images.get(image.id)?.image ?? image) && this.#images.has(image.id)) {
      throw new GlanceError('duplicate', `image ${image.id}: ${this.name} has it already`)
    }
    const chunks: Buffer[] = []
    if (data !== null) {
      for await (const chunk of verify(await data.open({ signal }), data))
        chunks.push(Buffer.from(chunk))
    }
    const owner = image.owner === ANY_OWNER ? null : image.owner
    const added: Image = { ...image, owner, status: data === null ? 'queued' : 'active' }
    this.#images.set(image.id, { image: added, data: data === null ? null : Buffer.concat(chunks) })
    return { image: added, refused: [] }
  }

  async update(present: Image, image: Image): Promise<Written> {
    const held = this.#images.get(present.id)
    if (held === undefined)
      throw new GlanceError('not_found', `image ${image.id}: not in ${this.name}`)
    this.#images.set(image.id, { ...held, image: { ...image, status: held.image.status } })
    return { image, refused: [] }
  }

  async get(id: string): Promise<Image> {
    const held = this.#images.get(id)
    if (held === undefined) throw new GlanceError('not_found', `image ${id}: not in ${this.name}`)
    return held.image
  }

  async withdraw({ id }: Image, how: Withdrawal): Promise<void> {
    const held = this.#images.get(id)
    if (how === 'delete') {
      if (held?.image.protected === true)
        throw new GlanceError('forbidden', `image ${id}: it is protected`)
      this.#images.delete(id)
      return
    }
    if (held === undefined) throw new GlanceError('not_found', `image ${id}: not in ${this.name}`)
    if (how === 'deactivate' && !hasData(held.image))
      throw new GlanceError('conflict', `image ${id}: there is no data`)
    const image: Image =
      how === 'hide' ? { ...held.image, hidden: true } : { ...held.image, status: 'deactivated' }
    this.#images.set(id, { ...held, image })
  }

  async discard(id: string): Promise<void> {
    if (this.#images.get(id)?.data === null) this.#images.delete(id)
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

async function* fromArray<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}
