import type { ImageRecord } from '../../../database/database.ts'
import { GlanceError, isGlanceError, messageOf } from '../../../errors.ts'
import type { Store } from '../../../store/store.ts'
import { alterImage, illegalTransition } from '../alter.ts'
import type { RequestContext } from '../context.ts'
import { externalStore } from '../edit-locations.ts'
import type { Service } from '../service.ts'
import { requireRoom } from '../storage-quota.ts'
import { requireFormats } from './fill.ts'

/** The store that reads data elsewhere. @throws {GlanceError} `invalid` for a URL that must not be named, or is none. */
export function requireExternal(service: Service, url: string | null): Store {
  if (url === null) throw new GlanceError('invalid', 'external source should not be empty')
  const store = externalStore(service, { url, metadata: {} })
  if (store === undefined) {
    const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? ''
    throw new GlanceError('invalid', `external sources are not supported: '${scheme}'`)
  }
  if (store.holds({ url })) return store
  throw new GlanceError('invalid', 'invalid location: it is not a URL that its store reads')
}

/**
 * Bytes at the URL; 0 when its server does not say.
 * @throws {GlanceError} `not_found`; `invalid` for every other answer, and for none.
 */
export async function externalSize(
  { signal, onBehalf: caller }: Pick<RequestContext, 'signal' | 'onBehalf'>,
  store: Store,
  url: string,
): Promise<number> {
  try {
    return await store.size({ url }, { signal, caller, asGiven: true })
  } catch (error) {
    signal.throwIfAborted()
    if (!isGlanceError(error) || isGlanceError(error, 'not_found')) throw error
    throw new GlanceError('invalid', `the external source cannot be read: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/**
 * Makes a queued image active whose data is and stays elsewhere.
 * @throws {GlanceError} `invalid` without formats; `conflict` for data of another size than the image says;
 * `not_found`, `over_limit`. The image is queued then.
 */
export async function placeImage(
  context: RequestContext,
  service: Service,
  image: ImageRecord,
  url: string,
): Promise<ImageRecord> {
  requireFormats(image)
  const size = await externalSize(context, requireExternal(service, url), url)
  if (size > 0 && (image.size ?? 0) > 0 && size !== image.size) {
    throw new GlanceError(
      'conflict',
      `provided image size must match the stored image size. (provided size: ${image.size}, stored size: ${size})`,
    )
  }
  await requireRoom(context, service, image.id, image.size)
  const location = service.stores.labelled({ url, metadata: {} })
  const { after } = await alterImage(service, image.id, ({ status }) => {
    if (status !== 'queued') throw illegalTransition({ status }, 'active', 'conflict')
    return { status: 'active', locations: [location] }
  })
  return after
}
