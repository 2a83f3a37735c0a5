import type { Endpoint } from '../endpoint/endpoint.ts'
import { isGlanceError } from '../errors.ts'
import type { IdMap } from './id-map.ts'
import { overriding } from './overriding.ts'

/** The source, with data to be had by the ids that its images have on the target. */
export function renumbered(source: Endpoint, ids: IdMap): Endpoint {
  return overriding(source, {
    data: async (image, options) =>
      await source.data({ ...image, id: ids.sourceOf(image.id) ?? image.id }, options),
  })
}

/** The target, which creates an image whose id it does not give out under a new one. */
export function renumbering(target: Endpoint, ids: IdMap): Endpoint {
  /** Ids are given while a plan is carried out: a second attempt finds what the first was given. */
  const sourceOf = (id: string) => ids.sourceOf(id) ?? id
  const present = (id: string) => ids.targetOf(sourceOf(id)) ?? id
  return overriding(target, {
    add: async (image, data, options) => {
      try {
        return await target.add({ ...image, id: present(image.id) }, data, options)
      } catch (error) {
        if (!isGlanceError(error, 'duplicate')) throw error
        const id = await ids.assign(sourceOf(image.id))
        return await target.add({ ...image, id }, data, options)
      }
    },
    discard: async (id, options) => await target.discard(present(id), options),
  })
}
