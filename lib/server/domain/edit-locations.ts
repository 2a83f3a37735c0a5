import type { ImageRecord } from '../../database/database.ts'
import { GlanceError } from '../../errors.ts'
import type { ImageLocation, LocationEdit, NewLocation } from '../../image/location.ts'
import type { Store, StoreCall } from '../../store/store.ts'
import { enforceQuota } from '../quota/limits.ts'
import { requireAllowedOn } from './access.ts'
import { type Decision, requireFormats } from './alter.ts'
import type { RequestContext } from './context.ts'
import type { ImageEdit } from '../../image/edit.ts'
import { newDigests } from './location-digests.ts'
import type { Service } from './service.ts'
import { maximum, tooLarge } from './upload.ts'

/** Bytes that there are at each URL that is to be registered. */
export type SizesByUrl = ReadonlyMap<string, number>

const STEPS: ReadonlySet<string> = new Set([
  'add_location',
  'remove_location',
  'replace_locations',
] satisfies LocationEdit['type'][])

export function isLocationEdit(edit: ImageEdit): edit is LocationEdit {
  return STEPS.has(edit.type)
}

/**
 * What a step makes of an image that the caller owns. Without `sizes` nobody has looked yet whether there is data at
 * the new URLs, and any is believed. @throws {GlanceError} `forbidden`, `conflict`, `invalid`.
 */
export async function placedBy(
  context: RequestContext,
  service: Service,
  image: ImageRecord,
  edit: LocationEdit,
  sizes: SizesByUrl | null,
): Promise<ImageRecord> {
  const isRemoval = edit.type === 'remove_location'
  await requireAllowedOn(context, isRemoval ? 'delete_image_location' : 'set_image_location', image)
  requireShown(service, edit)
  switch (edit.type) {
    case 'add_location': {
      requireStatus(image, ['active', 'queued'], 'add')
      const digests = newDigests(service, image, [edit.location])
      const position = positionIn(edit.position, Number.POSITIVE_INFINITY, image.locations.length)
      if (position === null) {
        throw new GlanceError('invalid', 'invalid position for adding a location.')
      }
      enforceQuota('locations', image.locations.length + 1, service.limits.locations)
      const added = labelled(service, edit.location)
      if (image.locations.some(location => isSame(location, added))) throw alreadyThere(added)
      const locations = image.locations.toSpliced(position, 0, added)
      return activated({ ...image, ...digests, locations, ...sized(image, [added], sizes) })
    }
    case 'replace_locations': {
      requireStatus(image, ['active', 'queued'], 'replace')
      const digests = newDigests(service, image, edit.locations)
      enforceQuota('locations', edit.locations.length, service.limits.locations)
      const locations = edit.locations.map(location => labelled(service, location))
      if (haveSameUrls(image.locations, locations)) {
        return activated({ ...image, ...digests, locations })
      }
      if (image.locations.length > 0) {
        throw new GlanceError('invalid', 'original locations is not empty')
      }
      const twice = locations.find((location, i) =>
        locations.slice(0, i).some(other => isSame(other, location)),
      )
      if (twice !== undefined) throw alreadyThere(twice)
      return activated({ ...image, ...digests, locations, ...sized(image, locations, sizes) })
    }
    case 'remove_location': {
      requireStatus(image, ['active'], 'remove')
      const { length } = image.locations
      if (length === 1) {
        throw new GlanceError('forbidden', 'cannot remove last location in the image.')
      }
      const position = positionIn(edit.position, length - 1, length - 1)
      if (position === null) {
        throw new GlanceError('invalid', 'invalid position for removing a location.')
      }
      return { ...image, locations: image.locations.toSpliced(position, 1) }
    }
  }
}

/** What is to be written of what became of an image. */
export function placedChange(image: ImageRecord, placed: ImageRecord): Decision {
  const { status, size, checksum, digest, locations } = placed
  return { ...(status !== image.status && { status }), size, checksum, digest, locations }
}

/**
 * Looks at the URLs that are to be registered: whether a store that is not of this machine reads them and finds data.
 * @throws {GlanceError} `invalid`; `over_limit` for more of them than an image may have, even if few are to stay.
 */
export async function sizesOf(
  { signal, onBehalf }: Pick<RequestContext, 'signal' | 'onBehalf'>,
  service: Service,
  image: Pick<ImageRecord, 'locations'>,
  edits: readonly LocationEdit[],
): Promise<SizesByUrl> {
  const known = new Set(image.locations.map(({ url }) => url))
  const unknown = new Map<string, NewLocation>()
  for (const location of edits.flatMap(newIn)) {
    if (!known.has(location.url)) unknown.set(location.url, unknown.get(location.url) ?? location)
  }
  enforceQuota('locations', unknown.size, service.limits.locations)
  const sizes = new Map<string, number>()
  for (const [url, location] of unknown)
    sizes.set(url, await sizeAt(service, location, { signal, caller: onBehalf }))
  return sizes
}

/** Stores of this machine, whose files are nobody's to name (as Glance since its bug 942118). */
const LOCAL = /^(?:file|filesystem|swift\+config|memory):/i

/** The store of another machine that reads the location; undefined when there is none. */
export function externalStore({ stores }: Service, location: ImageLocation): Store | undefined {
  return LOCAL.test(location.url) ? undefined : stores.of(location)
}

/** Bytes. @throws {GlanceError} `invalid` when there are none to be had; `over_limit` for more than an image may have. */
export async function sizeAt(
  service: Service,
  location: ImageLocation,
  call: Pick<StoreCall, 'caller'> & { readonly signal: AbortSignal },
): Promise<number> {
  const store = externalStore(service, location)
  if (store === undefined) throw new GlanceError('invalid', 'invalid location')
  const size = await store.size(location, { ...call, asGiven: true }).catch((error: unknown) => {
    call.signal.throwIfAborted()
    throw new GlanceError('invalid', 'invalid location', { cause: error })
  })
  if (size === 0) throw new GlanceError('invalid', 'invalid location')
  if (size > maximum(service)) throw tooLarge(service)
  return size
}

function newIn(edit: LocationEdit): readonly NewLocation[] {
  switch (edit.type) {
    case 'add_location':
      return [edit.location]
    case 'replace_locations':
      return edit.locations
    case 'remove_location':
      return []
  }
}

const VERBS = {
  add_location: 'add',
  remove_location: 'remove',
  replace_locations: 'update',
} as const satisfies Record<LocationEdit['type'], string>

function requireShown({ locations }: Service, { type }: LocationEdit): void {
  if (locations.shown) return
  const message = `it's not allowed to ${VERBS[type]} locations if locations are invisible.`
  throw new GlanceError('forbidden', message)
}

function requireStatus(image: ImageRecord, allowed: readonly string[], verb: string): void {
  if (allowed.includes(image.status)) return
  const message = `it's not allowed to ${verb} locations if image status is ${image.status}.`
  throw new GlanceError('conflict', message)
}

/** `-` is `end`. Null for what is no place up to `last`. */
function positionIn(text: string, last: number, end: number): number | null {
  if (text === '-') return end
  if (!/^\d+$/.test(text) || Number(text) > last) return null
  return Number(text)
}

function labelled({ stores }: Service, { url, metadata }: NewLocation): ImageLocation {
  return stores.labelled({ url, metadata })
}

function isSame(a: ImageLocation, b: ImageLocation): boolean {
  return a.url === b.url && JSON.stringify(a.metadata) === JSON.stringify(b.metadata)
}

function haveSameUrls(a: readonly ImageLocation[], b: readonly ImageLocation[]): boolean {
  const urls = (locations: readonly ImageLocation[]) => locations.map(({ url }) => url).toSorted()
  return JSON.stringify(urls(a)) === JSON.stringify(urls(b))
}

function alreadyThere({ url }: ImageLocation): GlanceError {
  return new GlanceError('invalid', `the location ${url} already exists`)
}

function sized(
  image: ImageRecord,
  added: readonly ImageLocation[],
  sizes: SizesByUrl | null,
): Pick<ImageRecord, 'size'> {
  const found = added.map(({ url }) => sizes?.get(url)).find(size => size !== undefined)
  return { size: image.size ?? found ?? null }
}

/** @throws {GlanceError} `invalid` for an image that cannot become active without formats. */
function activated(image: ImageRecord): ImageRecord {
  if (image.status !== 'queued') return image
  requireFormats(image)
  return { ...image, status: 'active' }
}
