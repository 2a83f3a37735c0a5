import type { AnswerObserver } from '../endpoint/endpoint.ts'

/** Milliseconds for which a limit is tried at least before it is judged. */
const TRIAL_MS = 500
/** Milliseconds after which it is judged also if few images were done meanwhile: those that are large take long. */
const LONG_TRIAL_MS = 5000
/** Bytes that an image costs besides its own: its record and the proof of it are requests as well. */
const IMAGE_COST = 256 * 1024
/** Times the pace before from which on more at once is worth it. */
const WORTH = 1.1
/** Times what small requests took at this limit before from which on servers keep them waiting. */
const SLOW = 2
/** Trials after a step back in which no other step up is tried. */
const REST = 8

export interface AdaptiveLimitOptions {
  readonly most: number
  /** To begin with. */
  readonly start: number
  /** Milliseconds since any time. Default: the system's. */
  readonly now?: (() => number) | undefined
  /** Told of each change and its reason, for people. */
  readonly onChange?: ((limit: number, why: string) => void) | undefined
}

interface Trial {
  /** When it began. */
  readonly since: number
  /** Bytes, with what images cost besides. */
  work: number
  images: number
  answers: number
  answeredMs: number
  /** Whether there was always more to be begun than might be. */
  isFull: boolean
}

/** What a trial has come to. */
interface Judged {
  readonly limit: number
  /** Bytes a millisecond. */
  readonly pace: number
  /** What a small request took; undefined where there was none. */
  readonly answerMs: number | undefined
}

/**
 * How many images are to be copied at once: more as long as that copies faster, half as many once a server says that it
 * is too much, and fewer where requests take longer and nothing is faster for it. Judges by what it is told, and never
 * wakes by itself.
 */
export class AdaptiveLimit implements AnswerObserver {
  readonly #most: number
  readonly #now: () => number
  readonly #onChange: (limit: number, why: string) => void
  #limit: number
  #highest: number
  #trial: Trial
  /** What was before the last step up, as long as that is on trial. */
  #before: Judged | undefined
  /** What was found of the present limit. */
  #usual: Judged | undefined
  #rest = 0

  constructor({
    most,
    start,
    now = () => performance.now(),
    onChange = () => {},
  }: AdaptiveLimitOptions) {
    this.#most = most
    this.#now = now
    this.#onChange = onChange
    this.#limit = Math.min(start, most)
    this.#highest = this.#limit
    this.#trial = this.#begin()
  }

  get limit(): number {
    return this.#limit
  }

  /** The most that it has been. */
  get highest(): number {
    return this.#highest
  }

  /** So many bytes have been copied since it was told last; fewer than none where an attempt failed. */
  copied(bytes: number): void {
    this.#trial.work += bytes
    this.#judge()
  }

  /** An image is done, and so many are under way or wait. */
  done(left: number): void {
    this.#trial.work += IMAGE_COST
    this.#trial.images += 1
    if (left < this.#limit) this.#trial.isFull = false
    this.#judge()
  }

  answered(ms: number): void {
    this.#trial.answers += 1
    this.#trial.answeredMs += ms
  }

  busy(): void {
    // What was begun before the last step down is refused after it.
    const isOld = this.#rest === REST && this.#now() - this.#trial.since < TRIAL_MS
    if (isOld) return
    this.#set(Math.floor(this.#limit / 2), 'a server is busy')
    this.#usual = undefined
    this.#stepBack()
  }

  #judge(): void {
    const { since, work, images, answers, answeredMs, isFull } = this.#trial
    const ms = this.#now() - since
    if (ms < TRIAL_MS || (images < 2 * this.#limit && ms < LONG_TRIAL_MS)) return
    const answerMs = answers === 0 ? undefined : answeredMs / answers
    const found: Judged = { limit: this.#limit, pace: work / ms, answerMs }
    const before = this.#before
    if (before !== undefined && found.pace < before.pace * WORTH) {
      this.#set(before.limit, 'more is no faster')
      this.#usual = before
      return this.#stepBack()
    }
    if (before === undefined && isSlower(found, this.#usual)) {
      this.#set(Math.floor(this.#limit * 0.75), 'requests take longer')
      this.#usual = undefined
      return this.#stepBack()
    }
    this.#before = undefined
    if (before !== undefined) this.#usual = found
    this.#usual ??= found
    this.#rest = Math.max(this.#rest - 1, 0)
    if (this.#rest === 0 && isFull && this.#limit < this.#most) {
      this.#before = found
      const more = this.#limit + Math.max(Math.ceil(this.#limit / 2), 1)
      const why = before === undefined ? 'to see whether more is faster' : 'more is faster'
      this.#set(Math.min(more, this.#most), why)
    }
    this.#trial = this.#begin()
  }

  #stepBack(): void {
    this.#before = undefined
    this.#rest = REST
    this.#trial = this.#begin()
  }

  #set(limit: number, why: string): void {
    const next = Math.max(limit, 1)
    if (next === this.#limit) return
    this.#limit = next
    this.#highest = Math.max(this.#highest, next)
    this.#onChange(next, why)
  }

  #begin(): Trial {
    const since = this.#now()
    return { since, work: 0, images: 0, answers: 0, answeredMs: 0, isFull: true }
  }
}

/** Whether small requests take much longer than they did, and all is no faster for it. */
function isSlower(found: Judged, usual: Judged | undefined): boolean {
  if (usual?.answerMs === undefined || found.answerMs === undefined) return false
  return found.answerMs > SLOW * usual.answerMs && found.pace < WORTH * usual.pace
}
