import type { Abortable } from '../../abort.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import { withAttempts } from '../../attempts.ts'
import { abortable } from '../../stream/abortable.ts'
import type { Bytes } from '../../stream/bytes.ts'
import { type ByteRange, checkRange } from '../../stream/range.ts'
import { verifySize } from '../../stream/verify.ts'
import type { SwiftClient } from './client.ts'
import { download } from './download.ts'
import { deleteObject, headOf, listObjects, manifestOf, remove } from './objects.ts'
import type { SwiftSettings } from './settings.ts'
import { isSegmentOf, uploadImage } from './upload.ts'

/** An object, and the client of the account that it is in. */
export interface Place {
  readonly client: SwiftClient
  readonly container: string
  readonly object: string
  /** `container/object`. */
  readonly path: string
}

/** The data of an image on its way. */
export interface NewImage extends Abortable {
  readonly data: Bytes
  /** Bytes; null when unknown. */
  readonly size: number | null
  /** Makes sure that there is a container, before the data is asked for. */
  readonly prepare: () => Promise<void>
}

/** The data of images in whatever accounts it is: what the promises of a store come to in Swift. */
export class ImageObjects {
  readonly #id: string
  readonly #settings: SwiftSettings
  /** Ids of images. */
  readonly #writing = new Set<string>()

  /** The id is that of the store. */
  constructor(id: string, settings: SwiftSettings) {
    this.#id = id
    this.#settings = settings
  }

  /** As a store's `add`; resolves to the bytes. */
  async add(
    { client, container, object, path }: Place,
    id: string,
    { data, size, prepare, signal }: NewImage,
  ): Promise<number> {
    if (this.#writing.has(id)) throw this.#duplicate(id)
    this.#writing.add(id)
    try {
      await prepare()
      if ((await headOf(client, path, { signal })) !== undefined) throw this.#duplicate(id)
      // What a write that was cut off left behind would become part of this image.
      await removeSegments(client, container, object, signal)
      const { largeObjectSize, segmentSize } = this.#settings
      const checked = verifySize(abortable(data, signal), size)
      const limits = { largeObjectSize, segmentSize }
      return await uploadImage({ client, container, name: object, size, signal }, checked, limits)
    } catch (error) {
      throw isGlanceError(error, 'duplicate') ? this.#duplicate(id, error) : error
    } finally {
      this.#writing.delete(id)
    }
  }

  /** The size is asked for at the first place, and the data at the second, which is the same by another client. */
  async open(
    place: Place,
    range: ByteRange | null,
    signal: AbortSignal | undefined,
    { client, path }: Place = place,
  ): Promise<Bytes> {
    const size = await this.size(place, signal)
    if (range !== null) checkRange(range, size)
    const wanted = range ?? { offset: 0, length: size }
    const retries = this.#settings.retryGetCount
    return abortable(download({ client, path, range: wanted, size, retries, signal }), signal)
  }

  async size({ client, path }: Place, signal: AbortSignal | undefined): Promise<number> {
    const headers = await headOf(client, path, { signal })
    if (headers === undefined) throw this.#absent(path)
    const { 'content-length': length, 'x-object-manifest': manifest } = headers
    if (length !== undefined || typeof manifest !== 'string') return Number(length ?? 0)
    // Swift does not add up what is more than one page of its listing.
    const { container, prefix } = manifestOf(manifest)
    let total = 0
    for await (const segment of listObjects(client, container, prefix, { signal })) {
      total += segment.size
    }
    return total
  }

  async delete(
    { client, path, container, object }: Place,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      await deleteObject(client, path, { signal })
    } catch (error) {
      if (!isGlanceError(error, 'not_found')) throw error
      await removeSegments(client, container, object, signal)
      throw this.#absent(path)
    }
  }

  /**
   * As `delete`, but for nothing that is not where we put it: whoever may write to the account may have replaced the image
   * by a manifest of whatever else is in there.
   */
  async deleteAlone(
    { client, path, container, object }: Place,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await removeSegments(client, container, object, signal)
    const asked = { method: 'DELETE', path, accepted: [404], signal } as const
    if ((await client.ask(asked)).status === 404) throw this.#absent(path)
  }

  #duplicate(id: string, cause?: unknown): GlanceError {
    const message = `store ${this.#id} has data of image ${id} already`
    return new GlanceError('duplicate', message, { cause })
  }

  #absent(path: string): GlanceError {
    return new GlanceError('not_found', `store ${this.#id} has no object ${path}`)
  }
}

/** Removes what there is of an object without its manifest. */
async function removeSegments(
  client: SwiftClient,
  container: string,
  object: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  for await (const { name } of listObjects(client, container, `${object}-`, { signal })) {
    if (isSegmentOf(object, name)) await remove(client, `${container}/${name}`, signal)
  }
}

/** Removes the container that an image was in. What somebody else has put there keeps it. */
export async function removeContainer(
  { client, container, object }: Place,
  signal?: AbortSignal,
): Promise<void> {
  const remove = async () => {
    const asked = { method: 'DELETE', path: container, accepted: [404, 409], signal } as const
    const { status } = await client.ask(asked)
    if (status !== 409) return
    for await (const { name } of listObjects(client, container, '', { signal })) {
      if (name !== object && !isSegmentOf(object, name)) return
    }
    // Swift may take a moment to see that it is empty.
    throw new GlanceError('unavailable', `Swift says that the container ${container} is not empty`)
  }
  await withAttempts(remove, { signal })
}
