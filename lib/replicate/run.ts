import type { AttemptOptions } from '../attempts.ts'
import type { Endpoint, PullMethod, Written } from '../endpoint/endpoint.ts'
import type { PlanStep, SkipReason } from './plan.ts'
import type { Order } from './order.ts'
import type { Via } from './pull.ts'
import { type PlanningContext, runAll } from './run-all.ts'
import type { TransferOptions } from './transfer.ts'

/** A step that has something to be done. */
export type WorkStep = Extract<PlanStep, { action: 'create' | 'update' }>

/** What happened while a plan ran, in order for any one image. */
export type TransferEvent =
  /** The step is known and waits for its turn. */
  | { readonly type: 'planned' | 'started'; readonly step: WorkStep }
  | {
      readonly type: 'retried'
      readonly step: WorkStep
      readonly attempt: number
      readonly error: unknown
    }
  /** The reading of the source broke off, and goes on at this byte in the same attempt. */
  | {
      readonly type: 'resumed'
      readonly step: WorkStep
      readonly offset: number
      readonly error: unknown
    }
  /**
   * The target has the data before this byte, so that it is sent from there: what an earlier run or attempt sent, or,
   * with an error, this one before it broke off.
   */
  | {
      readonly type: 'continued'
      readonly step: WorkStep
      readonly offset: number
      readonly error: unknown
    }
  /** The data was to be read in ranges, and the source serves none: it is read in one go. */
  | { readonly type: 'unranged'; readonly step: WorkStep; readonly error: unknown }
  /** The target could not fetch the data by itself: it goes through us. */
  | {
      readonly type: 'relayed'
      readonly step: WorkStep
      readonly method: PullMethod
      readonly error: unknown
    }
  | {
      readonly type: 'finished'
      readonly step: WorkStep
      readonly written: Written
    }
  | { readonly type: 'skipped'; readonly step: PlanStep; readonly reason: SkipReason }
  /** `id` is what is known of an image that could not even be planned for. */
  | {
      readonly type: 'failed'
      readonly id: string
      readonly step: PlanStep | null
      readonly error: unknown
    }
  /** The run was stopped before the step was done. */
  | { readonly type: 'interrupted'; readonly step: WorkStep }

export interface RunOptions
  extends Omit<AttemptOptions, 'onRetry'>, Pick<TransferOptions, 'bandwidth'> {
  /** How many images are copied at once; `auto`: as many as the servers gain by. Default 4. */
  readonly concurrency?: number | 'auto' | undefined
  /** How many `auto` copies at once at most. Default 64. */
  readonly mostAtOnce?: number | undefined
  /** Told of each change of that, and its reason. */
  readonly onConcurrency?: ((limit: number, why: string) => void) | undefined
  /** How many images of which no data is copied are written at once, besides. Default 8. */
  readonly checkers?: number | undefined
  /**
   * Which images are copied first, among a thousand that wait at most; none is begun before so many are known. Default:
   * those that are largest of what is known at any time, and nothing is waited for.
   */
  readonly order?: Order | undefined
  /** Whether targets fetch data by themselves. Default `relay`: they are sent it. */
  readonly via?: Via | undefined
  /** Whether an image that could not be copied is removed from the target again. Default false: see `Endpoint.add`. */
  readonly discardUnfinished?: boolean | undefined
  /** Whether images whose ids the target does not give out are skipped instead of having failed. Default false. */
  readonly skipTaken?: boolean | undefined
  /**
   * Asked when the turn of a step has come: what is to be done instead, or why nothing is. Never rejects for what it finds.
   */
  readonly recheck?: ((step: WorkStep, signal: AbortSignal) => Promise<PlanStep>) | undefined
  /**
   * When it fires, no further image is begun, and those under way go on. Where that leaves anything to be done, the
   * run ends by throwing its reason.
   */
  readonly closing?: AbortSignal | undefined
  /** Told how many bytes have been copied in all; bytes of an attempt that failed are taken back. */
  readonly onBytes?: ((total: number) => void) | undefined
  /** Told what the user is to know of where it is that was copied, at the end. */
  readonly onNote?: ((note: string) => void) | undefined
}

/**
 * Carries out a plan, several images at once. One image's failure does not stop the others. When `signal` fires, what
 * is under way is broken off and reported as interrupted, and the events end, else the target is told to finish. A
 * token that is refused ends the run.
 * @throws what the plan and finishing throw; {GlanceError} `unauthenticated`.
 */
export async function* run(
  plan: (
    onUnreadable: (id: string, error: unknown) => void,
    signal: AbortSignal,
  ) => AsyncIterable<PlanStep>,
  source: Endpoint,
  target: Endpoint,
  options: RunOptions = {},
): AsyncGenerator<TransferEvent> {
  async function* rounds({ onUnreadable, signal }: PlanningContext) {
    const steps = plan((id, error) => onUnreadable(target, id, error), signal)
    for await (const step of steps) yield [{ step, target }]
  }
  let broken: { readonly error: unknown } | undefined
  for await (const event of runAll(rounds, source, [target], options)) {
    if (event.type === 'broken') broken = event
    else yield event
  }
  if (broken !== undefined) throw broken.error
}
