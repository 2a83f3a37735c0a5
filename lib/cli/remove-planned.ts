import type { Endpoint } from '../endpoint/endpoint.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import type { Image } from '../image/image.ts'
import { atOnce } from '../replicate/at-once.ts'
import { describeDifference, fingerprintOf } from '../replicate/fingerprint.ts'
import { Patience } from '../replicate/patience.ts'
import { present } from '../replicate/recheck.ts'
import { LINGER_MS, type Removal } from '../replicate/removal.ts'
import { RemovalJudge } from '../replicate/removal-judge.ts'
import type { PlanEnd, PlannedStep } from '../replicate/saved-plan.ts'
import { WITHDRAWN } from '../replicate/withdrawn.ts'
import { errorRow } from './differences.ts'
import { printable } from './format.ts'
import {
  COUNTED,
  NOTHING_REMOVED,
  type RemovalOutcome,
  type RemovalRow,
  type RemovalRunOptions,
  tellRemoval,
  WOULD,
} from './removal-rows.ts'

type RemovalStep = Exclude<PlannedStep, { step: 'create' | 'update' }>

/**
 * Removes what is to be removed by a plan that was made before, as `removeDeparted` does, which looks at the source once
 * more and bounds how many they are. What has changed on the target since then stays. The steps are read twice, to judge
 * them and to do them; of each is held between the two whether it is to be done, and nothing else.
 */
export async function* removePlanned(
  steps: () => AsyncIterable<PlannedStep>,
  { listed }: PlanEnd,
  source: Endpoint,
  target: Endpoint,
  removal: Removal,
  { dryRun, log, closing, ...context }: Omit<RemovalRunOptions, 'extras'>,
): AsyncGenerator<RemovalRow, RemovalOutcome> {
  const { concurrency, signal } = context
  const { source: ofSource, both: onBoth, copies: hasCopies, known } = listed
  const extras = { ofSource, onBoth, hasCopies, known, take: () => [] }
  const judge = new RemovalJudge(source, removal, { ...context, extras })
  const totals = { ...NOTHING_REMOVED.totals }
  const told = (row: RemovalRow) => {
    totals[COUNTED[row.result]] += 1
    tellRemoval(row, log)
    return row
  }
  const judged = async (step: RemovalStep): Promise<RemovalRow | 'goes' | 'here'> => {
    const found = await checked(step, target, signal)
    if ('row' in found) return found.row
    const verdict = await judge.judge(found.image)
    if (verdict.type === 'kept') return { ...rowOf(step), result: 'kept', reason: verdict.reason }
    return verdict.type === 'doubt' ? failed(step, verdict.error) : verdict.type
  }
  /** For each step that removes an image: 1 where it goes. */
  const goes: boolean[] = []
  let withheld: GlanceError | null
  try {
    for await (const found of atOnce(removalsIn(steps()), concurrency, judged)) {
      goes.push(found === 'goes')
      if (typeof found === 'object') yield told(found)
    }
    withheld = await judge.end()
  } catch (error) {
    if (!signal.aborted) throw error
    return { ...NOTHING_REMOVED, totals }
  }
  if (withheld !== null) log.error(printable(withheld.message))
  using patience = new Patience(signal, LINGER_MS)
  let refusal: GlanceError | undefined
  const done = async (step: RemovalStep): Promise<RemovalRow> => {
    const row = rowOf(step)
    if (withheld !== null) return { ...row, result: 'kept', reason: 'withheld' }
    if (signal.aborted || closing?.aborted === true || refusal !== undefined)
      return { ...row, result: 'interrupted' }
    if (dryRun) return { ...row, result: WOULD[step.step] }
    try {
      const found = await checked(step, target, patience.signal)
      if ('row' in found) return found.row
      await target.withdraw?.(found.image, step.step, { signal: patience.signal })
      return { ...row, result: WITHDRAWN[step.step] }
    } catch (error) {
      if (isGlanceError(error, 'unauthenticated')) refusal ??= error
      return signal.aborted ? { ...row, result: 'interrupted' } : failed(step, error)
    }
  }
  async function* going() {
    let n = 0
    for await (const step of removalsIn(steps())) if (goes[n++] === true) yield step
  }
  for await (const row of atOnce(going(), concurrency, done)) yield told(row)
  const broken = signal.aborted ? undefined : refusal
  return { totals, withheld: withheld === null ? null : errorRow(withheld), broken }
}

async function* removalsIn(steps: AsyncIterable<PlannedStep>): AsyncGenerator<RemovalStep> {
  for await (const step of steps) {
    if (step.step !== 'create' && step.step !== 'update') yield step
  }
}

/** The image as it is now, when it is as it was. @throws {GlanceError} `unauthenticated`. */
async function checked(
  step: RemovalStep,
  target: Endpoint,
  signal: AbortSignal,
): Promise<{ readonly image: Image } | { readonly row: RemovalRow }> {
  const { step: how, id, target: was } = step
  const row = rowOf(step)
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
    return { row: failed(step, new GlanceError('conflict', `image ${id}: ${why}`)) }
  } catch (error) {
    signal.throwIfAborted()
    if (!isGlanceError(error) || error.code === 'unauthenticated') throw error
    return { row: failed(step, error) }
  }
}

/** The row of a step of which nothing has become yet. */
function rowOf({ id, name, target: { size } }: RemovalStep): Omit<RemovalRow, 'result'> {
  return { id, name, size, reason: null, error: null }
}

function failed(step: RemovalStep, error: unknown): RemovalRow {
  return { ...rowOf(step), result: 'failed', error: errorRow(error) }
}
