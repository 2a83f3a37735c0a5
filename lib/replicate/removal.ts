import type { Abortable } from '../abort.ts'
import type { Endpoint, Withdrawal } from '../endpoint/endpoint.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import type { Image } from '../image/image.ts'
import { isGone } from '../image/status.ts'
import { atOnce } from './at-once.ts'
import type { Extras } from './extras.ts'
import { isCopyFrom, originIdOf } from './provenance.ts'

/** What becomes of images that only the target has. */
export interface Removal {
  readonly how: Withdrawal
  /** What their provenance says when they are copies of ours; null where it does not matter. */
  readonly copiesFrom: string | null
  /** How many may go, as a number or as a share of the source's images that the target has or had. Null: any number. */
  readonly most: RemovalLimit | null
}

export type RemovalLimit =
  | { readonly type: 'images'; readonly images: number }
  | { readonly type: 'percent'; readonly percent: number }

/** What an image is once it was withdrawn. */
export const WITHDRAWN = {
  hide: 'hidden',
  deactivate: 'deactivated',
  delete: 'deleted',
} as const satisfies Record<Withdrawal, string>

/**
 * Why an image that only the target has is left as it is. `unknown`: it is no copy of ours; `protected`: it may not be
 * deleted; `done`: it is hidden, or deactivated, already; `no_data`: there is nothing to deactivate; `withheld`: no image
 * is removed at all.
 */
export type KeepReason = 'unknown' | 'protected' | 'done' | 'no_data' | 'withheld'

/** What is to happen to an image that only the target has. */
export type RemovalStep =
  | { readonly action: 'remove'; readonly image: Image; readonly how: Withdrawal }
  | { readonly action: 'keep'; readonly image: Image; readonly reason: KeepReason }
  /** Whether the source has it could not be found out. */
  | { readonly action: 'doubt'; readonly image: Image; readonly error: GlanceError }

/** What is to happen to all of them. */
export interface RemovalPlan {
  readonly steps: readonly RemovalStep[]
  /** Why none is removed although some should be. */
  readonly withheld: GlanceError | null
}

export interface RemovalContext extends Abortable {
  /** What a plan has found, once it has come to its end. */
  readonly extras: Pick<Extras, 'take' | 'ofSource' | 'onBoth'>
  /** How many images of the source could not be understood. */
  readonly unreadable: number
  /** When it fires, no further image is removed; those under way are. */
  readonly closing?: AbortSignal | undefined
  /** How many images to ask for, or to remove, at once. */
  readonly concurrency: number
}

/**
 * Decides about each image that only the target has. The source is asked once more, by its id, for each that is to go:
 * what it has after all, as when it was created meanwhile or left out of the listing, stays and is not told of.
 * @throws {GlanceError} `unauthenticated`; `unsupported` when the source cannot be asked.
 */
export async function planRemovals(
  source: Endpoint,
  { how, copiesFrom, most }: Removal,
  { extras, unreadable, concurrency, signal }: RemovalContext,
): Promise<RemovalPlan> {
  const decided = extras.take().map(image => decide(image, how, copiesFrom))
  const check = async (step: RemovalStep) => {
    const found = step.action === 'remove' ? await atSource(step.image, source, signal) : false
    if (found === false) return [step]
    return found === true ? [] : [{ action: 'doubt' as const, image: step.image, error: found }]
  }
  const steps: RemovalStep[] = []
  for await (const checked of atOnce(decided, concurrency, check)) steps.push(...checked)
  const going = steps.filter(({ action }) => action === 'remove').length
  const withheld = going === 0 ? null : objection(going, { extras, unreadable, how, most })
  if (withheld === null) return { steps, withheld }
  return {
    steps: steps.map(step =>
      step.action === 'remove' ? { action: 'keep', image: step.image, reason: 'withheld' } : step,
    ),
    withheld,
  }
}

/** What came of a step. */
export interface Removed {
  readonly step: RemovalStep
  /** What it failed with, or null. */
  readonly error: unknown
  /** Whether it was not done because a signal fired. */
  readonly interrupted: boolean
}

/** Carries the steps out, several at once, or only says so where there is no target; one's failure does not stop the others. */
export async function* removeAll(
  steps: readonly RemovalStep[],
  target: Endpoint | null,
  { concurrency, closing, signal }: Pick<RemovalContext, 'concurrency' | 'closing' | 'signal'>,
): AsyncGenerator<Removed> {
  yield* atOnce(steps, concurrency, async step => {
    if (step.action === 'keep') return { step, error: null, interrupted: false }
    if (step.action === 'doubt') return { step, error: step.error, interrupted: false }
    if (isStopped(signal) || isStopped(closing)) return { step, error: null, interrupted: true }
    try {
      await target?.withdraw?.(step.image, step.how, { signal })
      return { step, error: null, interrupted: false }
    } catch (error) {
      return { step, error, interrupted: isStopped(signal) }
    }
  })
}

function isStopped(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

function decide(image: Image, how: Withdrawal, copiesFrom: string | null): RemovalStep {
  const keep = (reason: KeepReason): RemovalStep => ({ action: 'keep', image, reason })
  if (copiesFrom !== null && !isCopyFrom(copiesFrom, image)) return keep('unknown')
  if (how === 'delete' && image.protected) return keep('protected')
  if (how === 'hide' && image.hidden) return keep('done')
  if (how === 'deactivate' && image.status !== 'active')
    return keep(image.status === 'deactivated' ? 'done' : 'no_data')
  return { action: 'remove', image, how }
}

/** Whether the source has the image of which this may be the copy, or why that is not known. */
async function atSource(
  image: Image,
  source: Endpoint,
  signal: AbortSignal | undefined,
): Promise<boolean | GlanceError> {
  if (source.get === undefined)
    throw new GlanceError('unsupported', `${source.name}: it cannot be asked for single images`)
  try {
    const { status } = await source.get(originIdOf(image), { signal })
    return !isGone(status)
  } catch (error) {
    signal?.throwIfAborted()
    if (!isGlanceError(error) || error.code === 'unauthenticated') throw error
    return error.code === 'not_found' ? false : error
  }
}

/** Why so many images are not to go. */
function objection(
  going: number,
  { extras, unreadable, how, most }: Omit<RemovalContext & Removal, 'concurrency' | 'copiesFrom'>,
): GlanceError | null {
  const would = `${going === 1 ? '1 image' : `${going} images`} would be ${WITHDRAWN[how]}`
  if (extras.ofSource === 0)
    return new GlanceError('conflict', `${would}, but the source lists none: all are left alone`)
  if (unreadable > 0) {
    const message = `${would}, but not every image of the source could be read: all are left alone`
    return new GlanceError('corrupt', message)
  }
  if (most === null) return null
  const all = extras.onBoth + going
  const allowed = most.type === 'images' ? most.images : (all * most.percent) / 100
  if (going <= allowed) return null
  const limit = most.type === 'images' ? String(most.images) : `${most.percent}% of ${all}`
  return new GlanceError('over_limit', `${would}, more than ${limit}: all are left alone`)
}
