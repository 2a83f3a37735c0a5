import type { Endpoint } from '../endpoint/endpoint.ts'
import { Followers } from '../replicate/follow-ids.ts'
import { plan, type PlanContext, type PlanOptions } from '../replicate/plan.ts'
import { renumbered, renumbering } from '../replicate/renumber.ts'
import { run, type RunOptions, type TransferEvent } from '../replicate/run.ts'
import { planned } from './transfer-rows.ts'

/** Does what is planned, and again where an image names another that only then got its id on the target. */
export async function* carryOut(
  source: Endpoint,
  target: Endpoint,
  planning: PlanOptions,
  { extras, ...options }: RunOptions & Pick<PlanContext, 'extras'>,
): AsyncGenerator<TransferEvent> {
  const { ids, onConflict } = planning
  const gives = onConflict === 'new-id'
  const from = ids === undefined ? source : renumbered(source, ids)
  const to = ids === undefined || !gives ? target : renumbering(target, ids)
  const followers = ids === undefined || !gives ? undefined : new Followers(ids)
  const steps: Parameters<typeof run>[0] = (onUnreadable, signal) =>
    plan(source, target, planning, { extras, onUnreadable, signal })
  const skipTaken = onConflict === 'skip'
  for await (const event of run(steps, from, to, { ...options, skipTaken })) {
    followers?.note(event)
    yield event
  }
  if (followers === undefined || options.signal?.aborted === true) return
  yield* run(() => followers.plan(), from, to, options)
}

/** The events of a run in which everything is planned and nothing done. */
export async function* rehearse(
  source: Endpoint,
  target: Endpoint,
  planning: PlanOptions,
  context: Pick<PlanContext, 'extras' | 'signal'>,
): AsyncGenerator<TransferEvent> {
  const unreadable: TransferEvent[] = []
  const onUnreadable = (id: string, error: unknown) => {
    unreadable.push({ type: 'failed', id, step: null, error })
  }
  for await (const step of plan(source, target, planning, { ...context, onUnreadable })) {
    yield* unreadable.splice(0)
    yield planned(step)
  }
  yield* unreadable
}
