import { GlanceError, isGlanceError } from '../../../errors.ts'
import type { ImportWork, Source } from '../work.ts'

/**
 * The data of an active image, to be put into more stores: from the default one if it is there, else from any. It is
 * not staged, as it is in Glance, since every store reads it any number of times. @throws {GlanceError} `not_found`.
 */
export async function copyImage(work: ImportWork): Promise<Source> {
  const { signal } = work
  const { stores } = work.service
  const { locations } = await work.image()
  for (const location of stores.preferring([stores.default], locations)) {
    try {
      const store = stores.require(location)
      const size = await store.size(location, { signal })
      return { size, open: () => store.open(location, null, { signal }) }
    } catch (error) {
      if (!isGlanceError(error)) throw error // Another store may have it.
    }
  }
  throw new GlanceError('not_found', 'image not found in any configured store')
}
