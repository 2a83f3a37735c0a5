import { setMaxListeners } from 'node:events'
import { type AttemptOptions, withAttempts } from '../attempts.ts'
import type { Endpoint, Written } from '../endpoint/endpoint.ts'
import { isGlanceError, messageOf } from '../errors.ts'
import type { Image } from '../image/image.ts'
import { AdaptiveLimit } from './adaptive-limit.ts'
import { Channel } from './channel.ts'
import { DeadTargets } from './dead-targets.ts'
import { inOrder, LARGEST_FIRST } from './order.ts'
import type { PlanStep } from './plan.ts'
import { Puller } from './pull.ts'
import type { RunOptions, TransferEvent, WorkStep } from './run.ts'
import { share } from './share.ts'
import { type DataSource, transfer } from './transfer.ts'
import { WorkQueue } from './work-queue.ts'

/** What is to happen to a source image on one of the targets. */
export interface Assigned {
  readonly step: PlanStep
  readonly target: Endpoint
}

/** What a plan is told and tells while it is made. */
export interface PlanningContext {
  readonly signal: AbortSignal
  /** There is an image that cannot be understood. */
  onUnreadable(target: Endpoint, id: string, error: unknown): void
  /** The target cannot be planned for any more: no step is for it from now on. */
  onBroken(target: Endpoint, error: unknown): void
}

/** What happened on one of the targets. */
export type TargetEvent = {
  readonly target: Endpoint
} & (
  | TransferEvent
  /** It is given up. */
  | { readonly type: 'broken'; readonly error: unknown }
)

interface Work {
  readonly step: WorkStep
  readonly target: Endpoint
}

/** Steps that may wait for their turn: enough to know what is coming, few enough to hold. */
const WINDOW = 1000
/** How many images `auto` copies at once to begin with. */
const FEW = 4
/** Milliseconds that tidying up after an interruption may take. */
const TIDY_MS = 10_000

/**
 * Carries out a plan for several targets as {@link run} does for one. The data of an image that several of them lack is
 * read once. A target that cannot be listed any more, refuses our token, or fails to finish is given up, and the others
 * go on; so is one that answers nothing any more while there are others, which would wait for it. A source that is read once is copied in its own order, an image at a time.
 * @throws what the plan throws.
 */
export async function* runAll(
  plan: (context: PlanningContext) => AsyncIterable<readonly Assigned[]>,
  source: Endpoint,
  targets: readonly Endpoint[],
  {
    concurrency = 4,
    mostAtOnce = 64,
    checkers = 8,
    order,
    bandwidth,
    via = 'relay',
    discardUnfinished = false,
    skipTaken = false,
    recheck = async step => step,
    closing,
    onBytes = () => {},
    onConcurrency = () => {},
    onNote = () => {},
    signal,
    ...retrying
  }: RunOptions = {},
): AsyncGenerator<TargetEvent> {
  let room = () => {}
  const channel = new Channel<TargetEvent>(() => room())
  /** Targets that do not get all that they were to have. */
  const lacking = new Set<Endpoint>()
  const events = {
    put: (event: TargetEvent) => {
      if (event.type === 'failed') lacking.add(event.target)
      channel.put(event)
    },
    isFull: () => channel.length >= WINDOW,
  }
  const stop = new AbortController()
  const stopped = AbortSignal.any([stop.signal, ...(signal ? [signal] : [])])
  setMaxListeners(0, stopped) // As many as there are images under way, on every target.
  const compare = inOrder(order ?? LARGEST_FIRST)
  const isReadOnce = source.features.sequential === true
  const asListed = isReadOnce || (order?.by === 'id' && !order.descending)
  const adaptive =
    concurrency === 'auto'
      ? new AdaptiveLimit({ start: FEW, most: mostAtOnce, onChange })
      : undefined
  const observing = [source, ...targets].map(end => adaptive && end.observe?.(adaptive))
  const transfers = new WorkQueue<readonly Work[]>({
    concurrency: () => (concurrency === 'auto' ? (adaptive?.limit ?? 1) : concurrency),
    work: copy,
    order: asListed ? undefined : (one, other) => compare(imageOf(one), imageOf(other)),
    onDone: () => {
      adaptive?.done(transfers.length)
      room()
    },
  })
  const changes = new WorkQueue<Work>({
    concurrency: () => checkers,
    work: async work => await carryOut(work, source),
    onDone: () => room(),
  })
  const pullers = new Map(targets.map(target => [target, new Puller(via, target)]))
  const broken = new Set<Endpoint>()
  const most = () => (concurrency === 'auto' ? (adaptive?.highest ?? 1) : concurrency)
  const dead = targets.length > 1 ? new DeadTargets(most) : undefined
  let total = 0
  let left = false

  function onChange(limit: number, why: string): void {
    onConcurrency(limit, why)
    transfers.more()
  }

  function giveUp(target: Endpoint, error: unknown): void {
    if (broken.has(target)) return
    broken.add(target)
    events.put({ type: 'broken', target, error })
    if (broken.size === targets.length) stop.abort(error)
  }

  /** Copies one image to all targets that lack it. */
  async function copy(works: readonly Work[]): Promise<void> {
    const [only] = works
    if (only === undefined) return
    if (works.length === 1) return await carryOut(only, source)
    const { step, target } = only
    const shares = share(step.image, source, works.length, {
      ...retrying,
      onResume: (error, offset) => events.put({ type: 'resumed', target, step, offset, error }),
    })
    await Promise.all(
      works.map(async (work, i) => {
        const part = shares[i]
        if (part === undefined) return
        await carryOut(work, part.source)
        part.leave()
      }),
    )
  }

  async function carryOut(work: Work, source: DataSource): Promise<void> {
    const { target } = work
    const watched = dead?.watching(source) ?? source
    if (closing?.aborted === true) return void (left = true)
    if (stopped.aborted || broken.has(target)) {
      return events.put({ type: 'interrupted', target, step: work.step })
    }
    const step = await checked(work)
    if (step === undefined) return
    events.put({ type: 'started', target, step })
    let counted = 0
    const count = (bytes: number) => {
      total += bytes - counted
      adaptive?.copied(bytes - counted)
      counted = bytes
      onBytes(total)
    }
    const options: AttemptOptions = {
      ...retrying,
      signal: stopped,
      onRetry: (error, attempt) => {
        count(0)
        if (isTooMuch(error)) adaptive?.busy()
        events.put({ type: 'retried', target, step, attempt, error })
      },
    }
    try {
      const written =
        step.action === 'create' && step.withData
          ? await transfer(step.image, watched, target, {
              ...options,
              bandwidth,
              members: step.members,
              puller: pullers.get(target),
              onRelay: (error, method) =>
                events.put({ type: 'relayed', target, step, method, error }),
              onBytes: count,
              onWhole: error => events.put({ type: 'unranged', target, step, error }),
              onResume: (error, offset) =>
                events.put({ type: 'resumed', target, step, offset, error }),
              onContinue: (offset, error) =>
                events.put({ type: 'continued', target, step, offset, error: error ?? null }),
            })
          : await write(step, target, options)
      dead?.lives(target)
      events.put({ type: 'finished', target, step, written: await shared(written, step, target) })
    } catch (error) {
      count(0)
      if (discardUnfinished && step.action === 'create') {
        await target
          .discard(step.image.id, { signal: AbortSignal.timeout(TIDY_MS) })
          .catch(() => {})
      }
      if (stopped.aborted) return events.put({ type: 'interrupted', target, step })
      if (skipTaken && isGlanceError(error, 'duplicate')) {
        return events.put({ type: 'skipped', target, step, reason: 'conflict' })
      }
      events.put({ type: 'failed', target, id: step.image.id, step, error })
      const why = isGlanceError(error, 'unauthenticated') ? error : dead?.failed(target, error)
      if (why !== undefined) giveUp(target, why)
    }
  }

  async function skip(step: Extract<PlanStep, { action: 'skip' }>, target: Endpoint) {
    const { image, reason } = step
    try {
      if (reason === 'same') await target.confirm?.(image, { signal: stopped })
      events.put({ type: 'skipped', target, step, reason })
    } catch (error) {
      if (!stopped.aborted) events.put({ type: 'failed', target, id: image.id, step, error })
    }
  }

  /** The step as it is to be done now; undefined when that is nothing. */
  async function checked({ step, target }: Work): Promise<WorkStep | undefined> {
    const now = await recheck(step, stopped).catch((error: unknown) => {
      if (stopped.aborted) return events.put({ type: 'interrupted', target, step })
      events.put({ type: 'failed', target, id: step.image.id, step, error })
      if (isGlanceError(error, 'unauthenticated')) giveUp(target, error)
    })
    if (now === undefined) return undefined
    if (now.action === 'skip') {
      events.put({ type: 'skipped', target, step: now, reason: now.reason })
    } else if (now.action === 'refuse') {
      events.put({ type: 'failed', target, id: now.image.id, step: now, error: now.error })
    } else return now
    return undefined
  }

  /** Shares the image with whom it is to be shared with, which is all that is missing where that fails. */
  async function shared(written: Written, { members }: WorkStep, target: Endpoint) {
    const access = target.members
    if (members === undefined || access === undefined) return written
    const set = async () => await access.set(written.image, members, { signal: stopped })
    const refused = await withAttempts(set, { ...retrying, signal: stopped }).catch(
      (error: unknown) => {
        stopped.throwIfAborted()
        if (!isGlanceError(error) || error.code === 'unauthenticated') throw error
        return [{ field: 'members', reason: messageOf(error) }]
      },
    )
    return { ...written, refused: [...written.refused, ...refused] }
  }

  const waiting = () => transfers.length + changes.length

  async function feed(): Promise<void> {
    changes.start()
    // What is to come first has to be known first.
    if (asListed || order === undefined) transfers.start()
    const onUnreadable: PlanningContext['onUnreadable'] = (target, id, error) =>
      events.put({ type: 'failed', target, id, step: null, error })
    for await (const round of plan({ onUnreadable, onBroken: giveUp, signal: stopped })) {
      if (closing?.aborted === true) return void (left = true)
      const copies: Work[] = []
      for (const { step, target } of round) {
        if (step.action === 'skip') {
          await skip(step, target)
        } else if (step.action === 'refuse') {
          events.put({ type: 'failed', target, id: step.image.id, step, error: step.error })
        } else {
          events.put({ type: 'planned', target, step })
          if (step.action === 'create' && step.withData) copies.push({ step, target })
          else void changes.put({ step, target })
        }
      }
      if (copies.length > 0) {
        const copied = transfers.put(copies) // Never rejects.
        // The next image comes when the data of this one has been read, or is not wanted.
        if (isReadOnce) await copied
      }
      while (!stopped.aborted && (waiting() >= WINDOW || events.isFull())) {
        transfers.start()
        await new Promise<void>(resolve => {
          room = resolve
        })
      }
      if (stopped.aborted) return
    }
  }

  async function finish(target: Endpoint): Promise<void> {
    if (stopped.aborted || broken.has(target)) return
    try {
      const note = await target.finish?.({ signal, isWhole: !left && !lacking.has(target) })
      if (note !== undefined) onNote(note)
    } catch (error) {
      if (!stopped.aborted) giveUp(target, error)
    }
  }

  async function work(): Promise<void> {
    try {
      try {
        await feed()
      } finally {
        await Promise.all([transfers.end(), changes.end()])
      }
      await Promise.all(targets.map(finish))
    } catch (error) {
      if (!stopped.aborted) throw error
    } finally {
      channel.close()
    }
  }

  const working = work()
  working.catch(() => {}) // Awaited below, once what was done has been told.
  try {
    yield* channel
    await working
    const isCut = closing?.aborted === true && (left || stopped.aborted)
    // What made us give up all targets says more than that the time is over.
    if (isCut && broken.size < targets.length) throw closing.reason
  } finally {
    stop.abort(new Error('nobody listens any more'))
    room()
    for (const one of observing) one?.[Symbol.dispose]()
    await working.catch(() => {}) // Told above, if anybody still listened.
  }
}

/** Whether a failure says that a service had too much to do, rather than that an image is in somebody else's hands. */
function isTooMuch(error: unknown): boolean {
  return isGlanceError(error, 'unavailable') && !isGlanceError(error.cause, 'conflict')
}

/** The image that is to be copied; there is one. */
function imageOf([first]: readonly Work[]): Image {
  if (first === undefined) throw new TypeError('there is nothing to copy')
  return first.step.image
}

async function write(step: WorkStep, target: Endpoint, options: AttemptOptions): Promise<Written> {
  const { signal } = options
  const { members } = step
  if (step.action === 'update') return await target.update(step.present, step.image, { signal })
  return await withAttempts(
    async () => await target.add(step.image, null, { signal, members }),
    options,
  )
}
