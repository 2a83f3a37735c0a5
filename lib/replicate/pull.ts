import type { Abortable } from '../abort.ts'
import type {
  Endpoint,
  ImageAddress,
  ImageData,
  PullMethod,
  Written,
} from '../endpoint/endpoint.ts'
import { type ErrorCode, GlanceError, isGlanceError } from '../errors.ts'
import type { Image } from '../image/image.ts'

/** How data travels: through us, or because the target fetches it; `auto` is the latter where it can. */
export type Via = 'relay' | 'auto' | PullMethod

export interface PullingOptions extends Abortable {
  readonly onBytes?: ((bytes: number) => void) | undefined
  /** Told of each failure after which the data goes through us all the same. */
  readonly onRelay?: ((error: unknown, method: PullMethod) => void) | undefined
}

/** What says that the next image will be refused as well. */
const FOR_GOOD: readonly ErrorCode[] = ['forbidden', 'invalid', 'not_found', 'unsupported']
/** What a failed fetch leaves as it was, so that the data can still be sent. A v1 service kills the image. */
const CHOSEN_BY_AUTO: readonly PullMethod[] = ['glance-download', 'web-download']

/** Has one target fetch data by itself, as far as it is wanted and can be. */
export class Puller {
  readonly #via: Via
  readonly #target: Endpoint
  /** Ways that turned out not to be open. */
  readonly #closed = new Set<PullMethod>()

  constructor(via: Via, target: Endpoint) {
    this.#via = via
    this.#target = target
  }

  /**
   * Creates the image with data that the target fetches; undefined when the data is to go through us.
   * @throws {GlanceError} `unsupported` when a way that was asked for is not there; as the target does.
   */
  async pull(
    image: Image,
    data: ImageData,
    { onBytes, onRelay, signal }: PullingOptions,
  ): Promise<Written | undefined> {
    const via = this.#via
    if (via === 'relay') return undefined
    const offered = (await this.#target.pulls?.({ signal })) ?? []
    const address = await data.address?.({ signal })
    const options = { onBytes, signal }
    if (via !== 'auto') {
      if (!offered.includes(via)) throw this.#notOffered(image, via, offered)
      if (!isProvable(data)) throw unprovable(image, via)
      if (address === undefined || !isEnough(via, address)) throw notShown(image, via)
      return await this.#target.pull?.(image, data, { method: via, address }, options)
    }
    if (!isProvable(data)) return undefined
    for (const method of CHOSEN_BY_AUTO) {
      const isOpen = offered.includes(method) && !this.#closed.has(method)
      if (!isOpen || address === undefined || !isEnough(method, address)) continue
      try {
        return await this.#target.pull?.(image, data, { method, address }, options)
      } catch (error) {
        signal?.throwIfAborted()
        // What it fetched was other data, as when it converts images: it would lose every image by that.
        if (isGlanceError(error, 'corrupt', ...FOR_GOOD)) this.#closed.add(method)
        const isLost = isGlanceError(error, 'corrupt', 'gone', 'duplicate', 'unauthenticated')
        if (isLost || !isGlanceError(error)) throw error
        onRelay?.(error, method)
      }
    }
    return undefined
  }

  #notOffered(image: Image, via: PullMethod, offered: readonly PullMethod[]): GlanceError {
    const instead =
      offered.length === 0 ? 'fetches no images by itself' : `has ${offered.join(', ')}`
    const message = `image ${image.id}: --via ${via}: ${this.#target.name} ${instead}`
    return new GlanceError('unsupported', message)
  }
}

function isEnough(method: PullMethod, { url, region }: ImageAddress): boolean {
  return method === 'glance-download' ? region !== null : url !== null
}

/** Whether it would show that the target fetched other data, which costs the image its id. */
function isProvable({ size, checksum, digest }: ImageData): boolean {
  return size === 0 || checksum !== null || digest !== null
}

function unprovable({ id }: Image, via: PullMethod): GlanceError {
  const message = `image ${id}: --via ${via}: the source has no digest of it by which what is fetched could be proved: send it with --via relay`
  return new GlanceError('unsupported', message)
}

function notShown({ id }: Image, via: PullMethod): GlanceError {
  const reason =
    via === 'glance-download'
      ? 'the region of the source is not known: name it by cloud:NAME/REGION or --source-region'
      : 'the source wants a token for its images, and shows no http address of this one'
  return new GlanceError('unsupported', `image ${id}: --via ${via}: ${reason}`)
}
