import { type AttemptOptions, withAttempts } from '../attempts.ts'
import type { Endpoint, Written } from '../endpoint/endpoint.ts'
import { isGlanceError } from '../errors.ts'
import { Channel } from './channel.ts'
import type { PlanStep, SkipReason } from './plan.ts'
import { BY_ID, inOrder, type Order } from './order.ts'
import { transfer, type TransferOptions } from './transfer.ts'
import { WorkQueue } from './work-queue.ts'

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
  /** How many images are copied at once. Default 4. */
  readonly concurrency?: number | undefined
  /** How many images of which no data is copied are written at once, besides. Default 8. */
  readonly checkers?: number | undefined
  /** Which images are copied first, among a thousand that wait at most. Default: by id, as they come. */
  readonly order?: Order | undefined
  /** Whether an image that could not be copied is removed from the target again. Default false: see `Endpoint.add`. */
  readonly discardUnfinished?: boolean | undefined
  /** Told how many bytes have been copied in all; bytes of an attempt that failed are taken back. */
  readonly onBytes?: ((total: number) => void) | undefined
}

/** Steps that may wait for their turn: enough to know what is coming, few enough to hold. */
const WINDOW = 1000
/** Milliseconds that tidying up after an interruption may take. */
const TIDY_MS = 10_000

/**
 * Carries out a plan, several images at once. One image's failure does not stop the others. When `signal` fires, what
 * is under way is broken off and reported as interrupted, and the events end. A token that is refused ends the run.
 * @throws what the plan throws; {GlanceError} `unauthenticated`.
 */
export async function* run(
  plan: (
    onUnreadable: (id: string, error: unknown) => void,
    signal: AbortSignal,
  ) => AsyncIterable<PlanStep>,
  source: Endpoint,
  target: Endpoint,
  {
    concurrency = 4,
    checkers = 8,
    order = BY_ID,
    bandwidth,
    discardUnfinished = false,
    onBytes = () => {},
    signal,
    ...retrying
  }: RunOptions = {},
): AsyncGenerator<TransferEvent> {
  let room = () => {}
  const events = new Channel<TransferEvent>(() => room())
  const stop = new AbortController()
  const stopped = AbortSignal.any([stop.signal, ...(signal ? [signal] : [])])
  const compare = inOrder(order)
  const asListed = order.by === 'id' && !order.descending
  const transfers = new WorkQueue<WorkStep>({
    concurrency,
    work: carryOut,
    order: asListed ? undefined : (one, other) => compare(one.image, other.image),
    onDone: () => room(),
  })
  const changes = new WorkQueue<WorkStep>({
    concurrency: checkers,
    work: carryOut,
    onDone: () => room(),
  })
  let total = 0

  async function carryOut(step: WorkStep): Promise<void> {
    if (stopped.aborted) return events.put({ type: 'interrupted', step })
    events.put({ type: 'started', step })
    let counted = 0
    const count = (bytes: number) => {
      total += bytes - counted
      counted = bytes
      onBytes(total)
    }
    const options: AttemptOptions = {
      ...retrying,
      signal: stopped,
      onRetry: (error, attempt) => {
        count(0)
        events.put({ type: 'retried', step, attempt, error })
      },
    }
    try {
      const written =
        step.action === 'create' && step.withData
          ? await transfer(step.image, source, target, {
              ...options,
              bandwidth,
              onBytes: count,
              onResume: (error, offset) => events.put({ type: 'resumed', step, offset, error }),
            })
          : await write(step, target, options)
      events.put({ type: 'finished', step, written })
    } catch (error) {
      count(0)
      if (discardUnfinished && step.action === 'create') {
        await target
          .discard(step.image.id, { signal: AbortSignal.timeout(TIDY_MS) })
          .catch(() => {})
      }
      if (stopped.aborted) return events.put({ type: 'interrupted', step })
      events.put({ type: 'failed', id: step.image.id, step, error })
      if (isGlanceError(error, 'unauthenticated')) stop.abort(error)
    }
  }

  const waiting = () => transfers.length + changes.length

  async function feed(): Promise<void> {
    changes.start()
    // What is to come first has to be known first.
    if (asListed) transfers.start()
    const onUnreadable = (id: string, error: unknown) =>
      events.put({ type: 'failed', id, step: null, error })
    for await (const step of plan(onUnreadable, stopped)) {
      if (step.action === 'skip') events.put({ type: 'skipped', step, reason: step.reason })
      else if (step.action === 'refuse') {
        events.put({ type: 'failed', id: step.image.id, step, error: step.error })
      } else {
        events.put({ type: 'planned', step })
        const queue = step.action === 'create' && step.withData ? transfers : changes
        queue.put(step)
      }
      while (!stopped.aborted && (waiting() >= WINDOW || events.length >= WINDOW)) {
        transfers.start()
        await new Promise<void>(resolve => {
          room = resolve
        })
      }
      if (stopped.aborted) return
    }
  }

  async function work(): Promise<void> {
    try {
      await feed()
    } catch (error) {
      if (!stopped.aborted) throw error
    } finally {
      await Promise.all([transfers.end(), changes.end()])
      events.close()
    }
  }

  const working = work()
  working.catch(() => {}) // Awaited below, once what was done has been told.
  try {
    yield* events
    await working
    if (stop.signal.aborted) throw stop.signal.reason
  } finally {
    stop.abort(new Error('nobody listens any more'))
    room()
    await working.catch(() => {}) // Told above, if anybody still listened.
  }
}

async function write(step: WorkStep, target: Endpoint, options: AttemptOptions): Promise<Written> {
  const { signal } = options
  if (step.action === 'update') return await target.update(step.present, step.image, { signal })
  return await withAttempts(async () => await target.add(step.image, null, { signal }), options)
}
