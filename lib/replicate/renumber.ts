import type { Abortable } from '../abort.ts'
import type { Endpoint, ImageData, PullFrom, PullOptions, Written } from '../endpoint/endpoint.ts'
import { isGlanceError } from '../errors.ts'
import type { Image } from '../image/image.ts'
import type { IdMap } from './id-map.ts'
import { overriding } from './overriding.ts'
import { renumberedFrom } from './provenance.ts'

/** The source, which is asked for images by the ids that they have on the target. */
export function renumbered(source: Endpoint, ids: IdMap): Endpoint {
  const sourceOf = (id: string) => ids.sourceOf(id) ?? id
  const get = source.get?.bind(source)
  return overriding(source, {
    data: async (image, options) =>
      await source.data({ ...image, id: sourceOf(image.id) }, options),
    ...(get === undefined
      ? {}
      : { get: async (id: string, options?: Abortable) => await get(sourceOf(id), options) }),
  })
}

/** The target, which creates an image whose id it does not give out under a new one, also with data that it fetches. */
export function renumbering(target: Endpoint, ids: IdMap): Endpoint {
  /** Ids are given while a plan is carried out: a second attempt finds what the first was given. */
  const sourceOf = (id: string) => ids.sourceOf(id) ?? id
  const present = (id: string) => ids.targetOf(sourceOf(id)) ?? id
  const adding = async (image: Image, add: (image: Image) => Promise<Written>) => {
    const source = sourceOf(image.id)
    const addAs = async (id: string) => await add(renumberedFrom(source, { ...image, id }))
    try {
      return await addAs(present(image.id))
    } catch (error) {
      if (!isGlanceError(error, 'duplicate')) throw error
      return await addAs(await ids.assign(source))
    }
  }
  const pull = target.pull?.bind(target)
  return overriding(target, {
    add: async (image, data, options) =>
      await adding(image, async copy => await target.add(copy, data, options)),
    ...(pull === undefined
      ? {}
      : {
          pull: async (image: Image, data: ImageData, from: PullFrom, options?: PullOptions) =>
            await adding(image, async copy => await pull(copy, data, from, options)),
        }),
    discard: async (id, options) => await target.discard(present(id), options),
  })
}
