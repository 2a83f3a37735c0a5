import { GlanceError } from '../errors.ts'
import type { Endpoint, ListOptions } from '../endpoint/endpoint.ts'
import { hasData, type Image } from '../image/image.ts'
import { joinById, sortedById } from '../image/ordered.ts'
import { changesBetween, type FieldChange, withAttributesOf } from '../wire/attributes.ts'

/** What is to happen to one source image. `image` is as the target is to have it. */
export type PlanStep =
  | { readonly action: 'create'; readonly image: Image; readonly withData: boolean }
  | {
      readonly action: 'update'
      readonly image: Image
      /** As the target has it now. */
      readonly present: Image
      readonly changes: readonly FieldChange[]
    }
  | { readonly action: 'skip'; readonly image: Image; readonly reason: SkipReason }
  /** The two differ in a way that no copy can mend. */
  | { readonly action: 'refuse'; readonly image: Image; readonly error: GlanceError }

/** `same`: nothing to do; `no_data`: the source has nothing that could be copied. */
export type SkipReason = 'same' | 'no_data'

export interface PlanOptions {
  /** Whether images are created without their data (`--metaonly`). Default false. */
  readonly metadataOnly?: boolean | undefined
  /** Attributes and properties, in the API's names, that are neither compared nor carried (`--dontreplicate`). */
  readonly leaveOut?: ReadonlySet<string> | undefined
}

/**
 * Decides for each image of `source`, in id order, what makes `target` have it too. One listing of each side, joined
 * as they are read: memory does not grow with their length unless a side cannot list in order.
 */
export async function* plan(
  source: Endpoint,
  target: Endpoint,
  options: PlanOptions,
  { onUnreadable, signal }: ListOptions = {},
): AsyncGenerator<PlanStep> {
  const leaveOut = new Set(options.leaveOut)
  if (!target.features.ownersCarried) leaveOut.add('owner')
  const sources = inIdOrder(source, { onUnreadable, signal })
  // What the target holds and nobody can read is as good as not there: it is written anew.
  const targets = inIdOrder(target, { signal, onUnreadable: () => {} })
  for await (const pair of joinById(sources, targets)) {
    if (pair.source !== undefined) {
      yield planStep(pair.source, pair.target, { ...options, leaveOut })
    }
  }
}

/** Decides about one image; `present` is the target's image of the same id. */
export function planStep(
  source: Image,
  present: Image | undefined,
  { metadataOnly = false, leaveOut = new Set<string>() }: PlanOptions = {},
): PlanStep {
  // A deactivated image cannot be downloaded by everybody, and on purpose: it is not spread further.
  const copyable = source.status === 'active'
  if (present === undefined) {
    const image = withAttributesOf(source, blank(source), leaveOut)
    return copyable || metadataOnly
      ? { action: 'create', image, withData: !metadataOnly }
      : { action: 'skip', image, reason: 'no_data' }
  }
  const image = withAttributesOf(source, present, leaveOut)
  if (!metadataOnly && !hasData(present)) {
    if (!copyable) return { action: 'skip', image, reason: 'no_data' }
    if (present.status === 'queued') return { action: 'create', image, withData: true }
    return refuse(
      image,
      `the target's image is ${present.status}, so that nothing can be done about it now`,
    )
  }
  const wrong = metadataOnly ? undefined : otherData(source, present)
  if (wrong !== undefined) return refuse(image, wrong)
  const changes = changesBetween(present, image)
  return changes.length === 0
    ? { action: 'skip', image, reason: 'same' }
    : { action: 'update', image, present, changes }
}

function inIdOrder(endpoint: Endpoint, options: ListOptions): AsyncIterable<Image> {
  const images = endpoint.list(options)
  return endpoint.features.ordered ? images : sortedById(images)
}

/** An image of which nothing is set. */
function blank(image: Image): Image {
  return {
    ...image,
    name: null,
    visibility: 'private',
    hidden: false,
    protected: false,
    owner: null,
    containerFormat: null,
    diskFormat: null,
    minDisk: 0,
    minRam: 0,
    tags: [],
    properties: new Map(),
  }
}

function refuse(image: Image, why: string): PlanStep {
  return {
    action: 'refuse',
    image,
    error: new GlanceError('conflict', `image ${image.id}: ${why}`),
  }
}

/** In which way two images hold other data, as far as both sides say. Data cannot be replaced in a Glance. */
function otherData(source: Image, target: Image): string | undefined {
  if (!hasData(source)) return undefined
  for (const [what, ours, theirs] of [
    ['size', source.size, target.size],
    ['checksum', source.checksum, target.checksum],
    ...(source.digest?.algorithm === target.digest?.algorithm
      ? [['os_hash_value', source.digest?.value ?? null, target.digest?.value ?? null] as const]
      : []),
  ] as const) {
    if (ours !== null && theirs !== null && ours !== theirs) {
      return `the target holds other data under this id: ${what} is ${theirs}, not ${ours}`
    }
  }
  return undefined
}
