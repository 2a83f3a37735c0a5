import type { Abortable } from '../abort.ts'
import type { Endpoint } from '../endpoint/endpoint.ts'
import { isGlanceError } from '../errors.ts'
import { Followers } from '../replicate/follow-ids.ts'
import { unclashed } from '../replicate/id-clash.ts'
import type { PlanContext, PlanOptions, PlanStep } from '../replicate/plan.ts'
import { Need } from '../replicate/preflight.ts'
import { renumbered, renumbering } from '../replicate/renumber.ts'
import { run, type RunOptions, type TransferEvent } from '../replicate/run.ts'
import type { Preflight } from './preflight.ts'
import { planned } from './transfer-rows.ts'

/** What is planned, anew each time. */
export type Steps = (context: PlanContext) => AsyncIterable<PlanStep>

/** Does what is planned, and again where an image names another that only then got its id on the target. */
export async function* carryOut(
  source: Endpoint,
  target: Endpoint,
  steps: Steps,
  {
    extras,
    ids,
    onConflict,
    isLeftOut,
    ...options
  }: RunOptions &
    Pick<PlanContext, 'extras'> &
    Pick<PlanOptions, 'ids' | 'onConflict'> & {
      /** Whether a property is left alone or given, so that it does not follow new ids either. Default: none is. */
      readonly isLeftOut?: ((property: string) => boolean) | undefined
    },
): AsyncGenerator<TransferEvent> {
  const gives = onConflict === 'new-id'
  const from = ids === undefined ? source : renumbered(source, ids)
  const to = ids === undefined || !gives ? target : renumbering(target, ids, source)
  const followers = ids === undefined || !gives ? undefined : new Followers(ids, isLeftOut)
  const planning: Parameters<typeof run>[0] = (onUnreadable, signal) =>
    steps({ extras, onUnreadable, signal })
  const skipTaken = onConflict === 'skip'
  const { recheck: remains = async step => step, ...again } = options
  const recheck: RunOptions['recheck'] = async (step, signal) => {
    const now = await remains(step, signal)
    return ids === undefined || !gives ? now : await unclashed(now, ids)
  }
  for await (const event of run(planning, from, to, { ...again, recheck, skipTaken })) {
    followers?.note(event)
    yield event
  }
  if (followers === undefined || options.signal?.aborted === true) return
  yield* run(() => followers.plan(), from, to, again)
}

/** The events of a run in which everything is planned and nothing done. */
export async function* rehearse(
  steps: Steps,
  preflight: Preflight,
  {
    recheck = async step => step,
    ...context
  }: Pick<PlanContext, 'extras' | 'onPair'> &
    Pick<RunOptions, 'recheck'> & { readonly signal: AbortSignal },
): AsyncGenerator<TransferEvent> {
  const need = new Need()
  const unreadable: TransferEvent[] = []
  const onUnreadable = (id: string, error: unknown) => {
    unreadable.push({ type: 'failed', id, step: null, error })
  }
  for await (const step of steps({ ...context, onUnreadable })) {
    yield* unreadable.splice(0)
    const isWork = step.action === 'create' || step.action === 'update'
    const now = isWork ? await recheck(step, context.signal).catch(failing(step, context)) : step
    need.add(now)
    yield planned(now, await preflight.foretold(now))
  }
  yield* unreadable
  await preflight.check(need)
}

/** What becomes of a step about which an error says that it cannot be done, while the others may. */
function failing(step: PlanStep, { signal }: Abortable): (error: unknown) => PlanStep {
  return error => {
    signal?.throwIfAborted()
    if (!isGlanceError(error) || error.code === 'unauthenticated') throw error
    const { image, present, lost } = step
    return { action: 'refuse', image, present, lost, error }
  }
}
