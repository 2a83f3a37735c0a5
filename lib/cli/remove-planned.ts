import type { Endpoint } from '../endpoint/endpoint.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import type { Image } from '../image/image.ts'
import { atOnce } from '../replicate/at-once.ts'
import { describeDifference, fingerprintOf } from '../replicate/fingerprint.ts'
import { present } from '../replicate/recheck.ts'
import type { Removal } from '../replicate/removal.ts'
import type { PlanEnd, PlannedStep } from '../replicate/saved-plan.ts'
import {
  type RemovalOutcome,
  type RemovalRow,
  type RemovalRunOptions,
  removeDeparted,
  tellRemoval,
} from './removal-rows.ts'
import { errorRow } from './differences.ts'

type RemovalStep = Exclude<PlannedStep, { step: 'create' | 'update' }>

/**
 * Removes what is to be removed by a plan that was made before, as `removeDeparted` does, which looks at the source once
 * more and bounds how many they are. What has changed on the target since then stays.
 */
export async function* removePlanned(
  steps: AsyncIterable<PlannedStep>,
  { listed }: PlanEnd,
  source: Endpoint,
  target: Endpoint,
  removal: Removal,
  options: Omit<RemovalRunOptions, 'extras'>,
): AsyncGenerator<RemovalRow, RemovalOutcome> {
  const { concurrency, log, signal } = options
  const images: Image[] = []
  let [failed, done] = [0, 0]
  const check = async (step: RemovalStep) => await checked(step, target, signal)
  for await (const found of atOnce(removalsIn(steps), concurrency, check)) {
    if ('image' in found) images.push(found.image)
    else {
      if (found.row.result === 'failed') failed += 1
      else done += 1
      tellRemoval(found.row, log)
      yield found.row
    }
  }
  const { source: ofSource, both: onBoth, copies: hasCopies, known } = listed
  const take = () => images.splice(0).map(image => ({ image }))
  const extras = { ofSource, onBoth, hasCopies, known, take }
  const outcome = yield* removeDeparted(source, target, removal, { ...options, extras })
  const { totals } = outcome
  const all = { ...totals, failed: totals.failed + failed, kept: totals.kept + done }
  return { ...outcome, totals: all }
}

async function* removalsIn(steps: AsyncIterable<PlannedStep>): AsyncGenerator<RemovalStep> {
  for await (const step of steps) {
    if (step.step !== 'create' && step.step !== 'update') yield step
  }
}

/** The image as it is now, when it is as it was. */
async function checked(
  { step: how, id, name, target: was }: RemovalStep,
  target: Endpoint,
  signal: AbortSignal,
): Promise<{ readonly image: Image } | { readonly row: RemovalRow }> {
  const row = { id, name, size: was.size, reason: null, error: null }
  const failed = (error: unknown): { readonly row: RemovalRow } => ({
    row: { ...row, result: 'failed', error: errorRow(error) },
  })
  try {
    const image = await present(target, id, { signal })
    if (image === undefined) {
      return { row: { ...row, result: 'kept', reason: how === 'delete' ? 'done' : 'gone' } }
    }
    const isDone =
      (how === 'hide' && image.hidden) || (how === 'deactivate' && image.status === 'deactivated')
    if (isDone) return { row: { ...row, result: 'kept', reason: 'done' } }
    const difference = describeDifference(was, fingerprintOf(image, target))
    if (difference === '') return { image }
    const why = `it has changed on ${target.name}: ${difference}, since the plan was made`
    return failed(new GlanceError('conflict', `image ${id}: ${why}`))
  } catch (error) {
    signal.throwIfAborted()
    if (!isGlanceError(error) || error.code === 'unauthenticated') throw error
    return failed(error)
  }
}
