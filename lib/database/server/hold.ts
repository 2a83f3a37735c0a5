import { setTimeout as pause } from 'node:timers/promises'
import { GlanceError } from '../../errors.ts'
import type { HoldOptions } from '../database.ts'
import { answerWithin, GRACE_MS, type Session } from './session.ts'

/** A database that can be held, and by which statements: the server keeps it for a connection until that ends. */
export interface Holdable {
  /** What it is called in messages. */
  readonly name: string
  /** Makes a connection. */
  readonly open: () => Promise<Session>
  /** Statements on a new connection, such as that it ends when nothing is heard for {@link SILENCE_MS}. */
  readonly prepare: readonly string[]
  /** Its row has `taken`, true or 1 when we have it now. */
  readonly take: string
  /** Its row has `holder`, the connection that has it; there is no row, or null, when none has. */
  readonly holder: string
  /** Lets go of it. */
  readonly release: string
}

export interface HoldTimes {
  /** How long one that has just ended may take to let go. Default 2000. */
  readonly patienceMs?: number
  /** How often it is looked whether the connection is there. Default 1000. */
  readonly lookMs?: number
}

/** After how long a server takes a connection for one whose program has vanished. Milliseconds. */
export const SILENCE_MS = 60_000

/** How often the server hears of us. Milliseconds. */
const BEAT_MS = 15_000

/** How long the server may take to answer. Milliseconds. */
const LIMIT_MS = 10_000

/** Keeps a database of a server, on a connection of its own. One that is lost is made again, and the database taken. */
export class ServerHold implements AsyncDisposable {
  readonly #place: Holdable
  readonly #report: (error: unknown) => void
  readonly #lookMs: number
  #session: Session
  #heardAt = performance.now()
  #timer: NodeJS.Timeout | undefined
  /** Never rejects. */
  #looking = Promise.resolve()
  #isOver = false
  /** Whether it has been told that somebody else has it. */
  #isTold = false

  private constructor(
    place: Holdable,
    session: Session,
    { report = () => {}, lookMs = 1000 }: HoldOptions & HoldTimes,
  ) {
    this.#place = place
    this.#session = session
    this.#report = report
    this.#lookMs = lookMs
    this.#lookLater()
  }

  /** @throws {GlanceError} `unavailable` when somebody else has it, or the server does not answer. */
  static async take(place: Holdable, options: HoldOptions & HoldTimes = {}): Promise<ServerHold> {
    const { patienceMs = 2000, signal } = options
    const end = performance.now() + patienceMs
    for (;;) {
      signal?.throwIfAborted()
      const taken = await tryTake(place)
      if ('session' in taken) return new ServerHold(place, taken.session, options)
      if (performance.now() >= end) {
        const advice = 'stop that one first, or name another database'
        throw new GlanceError('unavailable', `${inUse(place, taken)}: ${advice}`)
      }
      await pause(Math.min(patienceMs, 200), undefined, { signal })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    clearTimeout(this.#timer)
    await Promise.race([this.#looking, pause(GRACE_MS, undefined, { ref: false })])
    const session = this.#session
    // Closing lets go of it as well, but not before we are gone.
    if (!session.ended) await ask(session, this.#place.release).catch(() => {})
    await session.close()
  }

  #lookLater(): void {
    if (this.#isOver) return
    this.#timer = setTimeout(() => {
      this.#looking = this.#look()
    }, this.#lookMs)
  }

  async #look(): Promise<void> {
    try {
      if (this.#session.ended) await this.#takeAgain()
      else if (performance.now() - this.#heardAt >= BEAT_MS) await this.#beat()
    } catch {
      // It is away, which everybody is told who asks it for something.
    }
    this.#lookLater()
  }

  async #beat(): Promise<void> {
    const session = this.#session
    try {
      await ask(session, 'select 1')
      this.#heardAt = performance.now()
    } catch {
      await session.close()
    }
  }

  async #takeAgain(): Promise<void> {
    const taken = await tryTake(this.#place)
    if (!('session' in taken)) {
      if (!this.#isTold && !this.#isOver) this.#report(lostTo(this.#place, taken))
      this.#isTold = true
      return
    }
    if (this.#isOver) return await taken.session.close()
    this.#session = taken.session
    this.#heardAt = performance.now()
    this.#isTold = false
  }
}

interface Other {
  readonly holder: unknown
}

/** A connection that has it now, or the one that has it already. */
async function tryTake({
  open,
  prepare,
  take,
  holder,
}: Holdable): Promise<{ readonly session: Session } | Other> {
  const session = await open()
  let isOurs = false
  try {
    for (const statement of prepare) await ask(session, statement)
    const { taken } = await ask(session, take)
    isOurs = taken === true || taken === 1
    return isOurs ? { session } : { holder: (await ask(session, holder))['holder'] }
  } finally {
    if (!isOurs) await session.close()
  }
}

/** The first row of the answer; an empty one when there is none. */
async function ask(session: Session, sql: string): Promise<Readonly<Record<string, unknown>>> {
  const { rows } = await answerWithin(LIMIT_MS, session, sql, [])
  return (rows[0] ?? {}) as Readonly<Record<string, unknown>> // Rows are objects by column.
}

function inUse({ name }: Holdable, { holder }: Other): string {
  const which = typeof holder === 'number' ? ` (connection ${holder})` : ''
  return `${name} is in use by another service${which}`
}

function lostTo(place: Holdable, other: Other): GlanceError {
  const message =
    `${inUse(place, other)}, which took it while this one had lost its connection: ` +
    `stop one of them, since each takes the uploads of the other for cut off when it starts`
  return new GlanceError('unavailable', message)
}
