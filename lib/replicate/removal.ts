import type { Abortable } from '../abort.ts'
import type { Endpoint, Withdrawal } from '../endpoint/endpoint.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import type { Image } from '../image/image.ts'
import { isGone } from '../image/status.ts'
import { atOnce } from './at-once.ts'
import type { Extra, Findings } from './extras.ts'
import { type Doubts, isTooMany, objection, tooMany } from './objection.ts'
import { Patience } from './patience.ts'
import { isCopyFrom, originIdOf } from './provenance.ts'

/** What becomes of images that only the target has. */
export interface Removal {
  readonly how: Withdrawal
  /** What their provenance says when they are copies of ours; null where it does not matter. */
  readonly copiesFrom: string | null
  /**
   * How many may go, as a number or as a share of the selected images that the target has or had of the source, by copies
   * of ours where that matters. Null: any number.
   */
  readonly most: RemovalLimit | null
}

export type RemovalLimit =
  | { readonly type: 'images'; readonly images: number }
  | { readonly type: 'percent'; readonly percent: number }

/**
 * Why an image that only the target has is left as it is. `unknown`: it is no copy of ours; `protected`: it may not be
 * deleted; `done`: it is hidden, or deactivated, already; `gone`: somebody else has deleted it; `no_data`: there is nothing
 * to deactivate; `unreadable`: it cannot be understood; `withheld`: no image is removed at all.
 */
export type KeepReason =
  'unknown' | 'protected' | 'done' | 'gone' | 'no_data' | 'unreadable' | 'withheld'

/** What is to happen to an image that only the target has. */
export type RemovalStep =
  | { readonly action: 'remove'; readonly image: Image; readonly how: Withdrawal }
  | {
      readonly action: 'keep'
      readonly image: Image
      readonly reason: Exclude<KeepReason, 'unreadable'>
    }
  /** It is kept too. */
  | { readonly action: 'unreadable'; readonly id: string; readonly error: GlanceError }
  /** Whether the source has it could not be found out. */
  | { readonly action: 'doubt'; readonly image: Image; readonly error: GlanceError }

/** What is to happen to all of them. */
export interface RemovalPlan {
  readonly steps: readonly RemovalStep[]
  /** Why none is removed although some should be. */
  readonly withheld: GlanceError | null
}

export interface RemovalContext extends Abortable, Doubts {
  /** What a plan has found, once it has come to its end. */
  readonly extras: Findings
  /** When it fires, no further image is removed; those under way are. */
  readonly closing?: AbortSignal | undefined
  /** How many images to ask for, or to remove, at once. */
  readonly concurrency: number
}

/** Milliseconds in which a removal that is under way may end when all is to end. */
export const LINGER_MS = 10_000

/**
 * Decides about each image that only the target has. The source is asked once more, by its id, for each that is to go:
 * what it has after all, as when it was created meanwhile or left out of the listing, stays and is not told of. It is
 * asked for none when it is known already that none goes, and for no more once too many are to go.
 * @throws {GlanceError} `unauthenticated`; `unsupported` when the source cannot be asked.
 */
export async function planRemovals(
  source: Endpoint,
  { how, copiesFrom, most }: Removal,
  context: RemovalContext,
): Promise<RemovalPlan> {
  const { extras, concurrency, signal } = context
  const decided = extras.take().map(extra => decideExtra(extra, how, copiesFrom))
  const going = decided.filter(({ action }) => action === 'remove').length
  const withhold = (steps: readonly RemovalStep[], withheld: GlanceError): RemovalPlan => ({
    steps: steps.map(step =>
      step.action === 'remove' ? { action: 'keep', image: step.image, reason: 'withheld' } : step,
    ),
    withheld,
  })
  if (going === 0) return { steps: decided, withheld: null }
  const distrust = async (isDone: boolean) =>
    objection({ how, copiesFrom }, going, context) ?? (await disowned(source, isDone, context))
  const before = await distrust(false)
  if (before !== null) return withhold(decided, before)

  const check = async (step: RemovalStep): Promise<readonly RemovalStep[]> => {
    const found =
      step.action === 'remove' ? await atSource(originIdOf(step.image), source, signal) : false
    if (found === false) return [step]
    return found === true || step.action !== 'remove'
      ? []
      : [{ action: 'doubt', image: step.image, error: found }]
  }
  const steps: RemovalStep[] = []
  let asked = 0
  let confirmed = 0
  for await (const checked of atOnce(decided, concurrency, check)) {
    steps.push(...checked)
    asked += 1
    confirmed += checked.filter(({ action }) => action === 'remove').length
    if (most === null || !isTooMany(confirmed, most, extras)) continue
    const rest = decided.slice(asked)
    const others = rest.filter(({ action }) => action === 'remove').length
    return withhold([...steps, ...rest], tooMany(how, confirmed, others, most, extras))
  }
  const after = confirmed === 0 ? null : await distrust(true)
  return after === null ? { steps, withheld: null } : withhold(steps, after)
}

/** What came of a step. */
export interface Removed {
  readonly step: RemovalStep
  /** What it failed with, or null. */
  readonly error: unknown
  /** Whether it was not done because a signal fired, or the target refused our token before. */
  readonly interrupted: boolean
}

/**
 * Carries the steps out, several at once, or only says so where there is no target; one's failure does not stop the others.
 * Each image is looked at again before it goes: where it has changed in a way that counts it is kept. What is under way
 * when a signal fires may come to its end. @throws {GlanceError} `unauthenticated`, once what was done has been told.
 */
export async function* removeAll(
  steps: readonly RemovalStep[],
  target: Endpoint | null,
  {
    copiesFrom,
    concurrency,
    closing,
    signal,
  }: Pick<Removal, 'copiesFrom'> & Pick<RemovalContext, 'concurrency' | 'closing' | 'signal'>,
): AsyncGenerator<Removed> {
  using patience = new Patience(signal, LINGER_MS)
  let refusal: GlanceError | undefined
  yield* atOnce(steps, concurrency, async step => {
    if (step.action === 'doubt') return { step, error: step.error, interrupted: false }
    if (step.action !== 'remove') return { step, error: null, interrupted: false }
    if (isStopped(signal) || isStopped(closing) || refusal !== undefined)
      return { step, error: null, interrupted: true }
    try {
      if (target === null) return { step, error: null, interrupted: false }
      const now = await lookAgain(step, target, copiesFrom, signal)
      if (now.action === 'remove')
        await target.withdraw?.(now.image, now.how, { signal: patience.signal })
      return { step: now, error: null, interrupted: false }
    } catch (error) {
      if (isGlanceError(error, 'unauthenticated')) refusal ??= error
      return { step, error, interrupted: isStopped(signal) }
    }
  })
  if (refusal !== undefined && !isStopped(signal)) throw refusal
}

function isStopped(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

function decideExtra(extra: Extra, how: Withdrawal, copiesFrom: string | null): RemovalStep {
  return 'image' in extra
    ? decide(extra.image, how, copiesFrom)
    : { action: 'unreadable', id: extra.id, error: extra.error }
}

/** What is to happen to an image that only the target has, as far as the image tells. */
export function decide(
  image: Image,
  how: Withdrawal,
  copiesFrom: string | null,
): Extract<RemovalStep, { action: 'remove' | 'keep' }> {
  const keep = (reason: Exclude<KeepReason, 'unreadable'>) => ({
    action: 'keep' as const,
    image,
    reason,
  })
  if (isGone(image.status)) return keep('gone')
  if (copiesFrom !== null && !isCopyFrom(copiesFrom, image)) return keep('unknown')
  if (how === 'delete' && image.protected) return keep('protected')
  if (how === 'hide' && image.hidden) return keep('done')
  if (how === 'deactivate' && image.status !== 'active')
    return keep(image.status === 'deactivated' ? 'done' : 'no_data')
  return { action: 'remove', image, how }
}

/** What is to happen to the image as it is now: hours may have passed since it was listed. */
async function lookAgain(
  step: Extract<RemovalStep, { action: 'remove' }>,
  target: Endpoint,
  copiesFrom: string | null,
  signal: AbortSignal | undefined,
): Promise<RemovalStep> {
  const { image, how } = step
  if (target.get === undefined) return step
  try {
    return decide(await target.get(image.id, { signal }), how, copiesFrom)
  } catch (error) {
    if (!isGlanceError(error, 'not_found')) throw error
    return { action: 'keep', image, reason: 'gone' }
  }
}

/** Whether the source has the image, or why that is not known. */
export async function atSource(
  id: string,
  source: Endpoint,
  signal: AbortSignal | undefined,
): Promise<boolean | GlanceError> {
  if (source.get === undefined)
    throw new GlanceError('unsupported', `${source.name}: it cannot be asked for single images`)
  try {
    const { status } = await source.get(id, { signal })
    return !isGone(status)
  } catch (error) {
    signal?.throwIfAborted()
    if (!isGlanceError(error) || error.code === 'unauthenticated') throw error
    return error.code === 'not_found' ? false : error
  }
}

/**
 * Why the source is not to be believed that it lacks an image: it does not own to one that it lists either. `isDone`: when
 * it has been asked already, so that it has to own to one of them; before, it may be unable to answer.
 */
export async function disowned(
  source: Endpoint,
  isDone: boolean,
  { extras, signal }: RemovalContext,
): Promise<GlanceError | null> {
  let denied: string | undefined
  for (const id of extras.known) {
    const found = await atSource(id, source, signal)
    if (found === true) return null
    if (found === false) denied = id
    else if (!isDone) return null
    else
      return new GlanceError(found.code, `${found.message}: all are left alone`, { cause: found })
  }
  if (denied === undefined) return null
  const message = `${source.name} lists image ${denied} and has none of that id when it is asked for it, so that it may have others too: all are left alone`
  return new GlanceError('conflict', message)
}
