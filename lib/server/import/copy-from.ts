import type { ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError, messageOf } from '../../errors.ts'
import type { Store } from '../../store/store.ts'
import type { Bytes } from '../../stream/bytes.ts'
import type { RequestContext } from '../domain/context.ts'
import { fillImage, killImage } from '../domain/v1/fill.ts'
import type { Importer } from './importer.ts'

/**
 * Copies what is at the URL into a queued image, soon (`x-glance-api-copy-from`). An image that gets no data by that is
 * killed.
 */
export function startCopy(
  context: RequestContext,
  { service, fetcher }: Pick<Importer, 'service' | 'fetcher'>,
  image: ImageRecord,
  url: string,
  target: Store,
): void {
  service.background.start(async signal => {
    try {
      const { size, data } = await fetcher.open(url, { signal })
      // As Glance: what the server sends counts for more than what was said of it before.
      const expected = size ?? (image.size === null || image.size === 0 ? null : image.size)
      await fillImage({ ...context, signal }, service, image, wholly(data), expected, target)
    } catch (error) {
      await killImage(service, image.id)
      if (!isGlanceError(error) && !signal.aborted) throw error
    }
  })
}

/** Passes the data on; that its server breaks off is nothing that nobody foresaw. */
async function* wholly(data: Bytes): AsyncGenerator<Uint8Array, void> {
  try {
    yield* data
  } catch (error) {
    if (isGlanceError(error)) throw error
    const message = `the external source broke off: ${messageOf(error)}`
    throw new GlanceError('unavailable', message, { cause: error })
  }
}
