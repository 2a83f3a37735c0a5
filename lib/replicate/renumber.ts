import type { Abortable } from '../abort.ts'
import type { Endpoint, ImageData, PullFrom, PullOptions, Written } from '../endpoint/endpoint.ts'
import { isGlanceError } from '../errors.ts'
import type { Image } from '../image/image.ts'
import type { IdMap } from './id-map.ts'
import { overriding } from './overriding.ts'
import { verify } from '../stream/verify.ts'
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

/**
 * The target, which creates an image whose id it does not give out under a new one, also with data that it fetches. Data
 * that is wrong at its source costs an id at most once: an upload of it breaks off before its end, so that the record may
 * be filled later, and where even that has used up an id that was new, the source is read through before another is given.
 * `source` says whether it can be read as often as need be.
 */
export function renumbering(
  target: Endpoint,
  ids: IdMap,
  source: Pick<Endpoint, 'features'>,
): Endpoint {
  /** Ids are given while a plan is carried out: a second attempt finds what the first was given. */
  const sourceOf = (id: string) => ids.sourceOf(id) ?? id
  const present = (id: string) => ids.targetOf(sourceOf(id)) ?? id
  const isReadOnce = source.features.sequential === true
  type Add = (image: Image, data: ImageData | null) => Promise<Written>
  const adding = async (image: Image, data: ImageData | null, signal: Signal, add: Add) => {
    const source = sourceOf(image.id)
    const addAs = async (id: string) => {
      const copy = renumberedFrom(source, { ...image, id })
      return await add(copy, data === null || id === source ? data : proved(data))
    }
    try {
      return await addAs(present(image.id))
    } catch (error) {
      if (!isGlanceError(error, 'duplicate')) throw error
      const hadNew = ids.targetOf(source) !== undefined
      if (hadNew && data !== null && !isReadOnce) await readThrough(data, signal)
      return await addAs(await ids.assign(source))
    }
  }
  const pull = target.pull?.bind(target)
  return overriding(target, {
    add: async (image, data, options) =>
      await adding(
        image,
        data,
        options?.signal,
        async (copy, data) => await target.add(copy, data, options),
      ),
    ...(pull === undefined
      ? {}
      : {
          pull: async (image: Image, data: ImageData, from: PullFrom, options?: PullOptions) =>
            await adding(
              image,
              data,
              options?.signal,
              async copy => await pull(copy, data, from, options),
            ),
        }),
    discard: async (id, options) => await target.discard(present(id), options),
  })
}

type Signal = AbortSignal | undefined

/** The same data, whose last chunk comes only when all of it is what it should be. */
function proved(data: ImageData): ImageData {
  return {
    ...data,
    open: async (options = {}) => {
      const bytes = await data.open(options)
      return (options.offset ?? 0) === 0 ? verify(bytes, data) : bytes
    },
  }
}

/** @throws {GlanceError} `corrupt` when the data is not what it should be, and what reading it throws. */
async function readThrough(data: ImageData, signal: Signal): Promise<void> {
  for await (const _ of await proved(data).open({ signal })) signal?.throwIfAborted()
}
