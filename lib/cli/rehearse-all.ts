import type { Endpoint } from '../endpoint/endpoint.ts'
import type { Assigned, PlanningContext, TargetEvent } from '../replicate/run-all.ts'
import type { PreflightAll } from './preflight-all.ts'
import { planned } from './transfer-rows.ts'

/** The events of a run in which everything is planned and nothing done. */
export async function* rehearseAll(
  rounds: (context: PlanningContext) => AsyncIterable<readonly Assigned[]>,
  preflights: PreflightAll,
  signal: AbortSignal,
): AsyncGenerator<TargetEvent> {
  const aside: TargetEvent[] = []
  const onBroken = (target: Endpoint, error: unknown) =>
    void aside.push({ type: 'broken', target, error })
  const context: PlanningContext = {
    signal,
    onUnreadable: (target, id, error) =>
      aside.push({ type: 'failed', target, id, step: null, error }),
    onBroken,
  }
  for await (const round of rounds(context)) {
    yield* aside.splice(0)
    for (const each of round) {
      const { step, target } = each
      const foretold = await preflights.foretold(each, onBroken)
      if (foretold === undefined) continue
      preflights.count(each)
      yield { ...planned(step, foretold), target }
    }
  }
  yield* aside
}
