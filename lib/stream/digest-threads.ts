import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { GlanceError, messageOf } from '../errors.ts'
import type { DigestAlgorithm } from '../image/digest.ts'
import type { DigestAnswer, DigestTask } from './digest-thread.ts'

/** Bytes that are handed over at a time. */
const SLOT = 256 * 1024
/** How many of these the threads have at most, before whoever has more waits. */
const SLOTS = 12
/** One processor is for whoever moves the data. */
const THREADS = Math.min(4, availableParallelism() - 1)
/** A thread makes next to nothing that is to be collected. */
const LIMITS = { maxYoungGenerationSizeMb: 2 }

/**
 * The digests of one stream as other threads compute them. They are `unavailable` once a thread that had a part in them
 * has ended.
 */
export interface RemoteHashes {
  /** Resolves when the chunk's memory is free again, which is before it is hashed. */
  update(chunk: Uint8Array): Promise<void>
  /** Of what was taken in so far. */
  hex(algorithm: DigestAlgorithm): Promise<string>
}

/**
 * Digests of a stream on threads that are started on first use; undefined where there is one processor only, or where no
 * thread can be started.
 */
export function hashElsewhere(algorithms: readonly DigestAlgorithm[]): RemoteHashes | undefined {
  if (THREADS < 1 || algorithms.length === 0 || !haveThread()) return undefined
  const hashes = new Hashes(algorithms)
  forgotten.register(hashes, hashes.parts)
  return hashes
}

/** One hash on its thread. */
interface Part {
  readonly algorithm: DigestAlgorithm
  readonly stream: number
  readonly thread: Thread
}

class Hashes implements RemoteHashes {
  readonly parts: readonly Part[]
  /** What is filled before the threads have it, since each hand-over takes a while. */
  #slot: Uint8Array | undefined
  #filled = 0
  #failure: { readonly error: unknown } | undefined

  constructor(algorithms: readonly DigestAlgorithm[]) {
    this.parts = algorithms.map(algorithm => {
      const thread = leastBusy()
      thread.streams += 1
      return { algorithm, stream: (streams += 1), thread }
    })
  }

  async update(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      this.#slot ??= slots.take()
      const bytes = chunk.subarray(at, at + SLOT - this.#filled)
      this.#slot.set(bytes, this.#filled)
      this.#filled += bytes.length
      at += bytes.length
      if (this.#filled === SLOT) {
        await slots.room()
        this.#hand()
      }
      if (this.#failure !== undefined) throw this.#failure.error
    }
  }

  async hex(algorithm: DigestAlgorithm): Promise<string> {
    // What is left of a stream is little, and waits for nobody: who asks for another digest is to find it handed over.
    if (this.#slot !== undefined) {
      slots.crowd()
      this.#hand()
    }
    if (this.#failure !== undefined) throw this.#failure.error
    const part = this.parts.find(one => one.algorithm === algorithm)
    if (part === undefined) throw new TypeError(`not made to compute ${algorithm}`)
    return await part.thread.ask({ stream: part.stream, algorithm, bytes: null })
  }

  /** Has the threads hash what has come, for which there is to be room. */
  #hand(): void {
    const [slot, filled] = [this.#slot, this.#filled]
    this.#slot = undefined
    this.#filled = 0
    if (slot === undefined) return slots.give()
    const bytes = slot.subarray(0, filled)
    const hashed = this.parts.map(({ stream, algorithm, thread }) =>
      thread.ask({ stream, algorithm, bytes }),
    )
    void this.#settled(slot, hashed)
  }

  /** Frees the slot once all have hashed it. */
  async #settled(slot: Uint8Array, hashed: readonly Promise<string>[]): Promise<void> {
    for (const one of await Promise.allSettled(hashed)) {
      if (one.status === 'rejected') this.#failure ??= { error: one.reason }
    }
    slots.give(slot)
  }
}

/** A thread that hashes, and keeps the process only as long as it is waited for. */
class Thread {
  /** How many hashes it has been given, which it has forgotten since or not. */
  streams = 0
  readonly #worker = new Worker(new URL('digest-thread.js', import.meta.url), {
    resourceLimits: LIMITS,
    execArgv: [], // What the program was started with is about the program.
  })
  readonly #waiting = new Map<number, PromiseWithResolvers<string>>()
  #tickets = 0
  /** Why it has ended. */
  #end: GlanceError | undefined

  constructor() {
    this.#worker.unref()
    this.#worker.on('message', ({ ticket, hex }: DigestAnswer) => {
      this.#settle(ticket)?.resolve(hex)
    })
    const end = (why: string, cause?: unknown) => {
      const message = `the thread that computes digests has ended${why}`
      this.#end ??= new GlanceError('unavailable', message, { cause })
      const index = threads.indexOf(this)
      if (index >= 0) threads.splice(index, 1)
      for (const ticket of this.#waiting.keys()) this.#settle(ticket)?.reject(this.#end)
    }
    this.#worker.on('error', error => end(`: ${messageOf(error)}`, error))
    this.#worker.on('exit', () => end(''))
  }

  /** Resolves to the hex of what was hashed where that is asked for, else to nothing when it is hashed. */
  async ask(task: Omit<DigestTask, 'ticket'>): Promise<string> {
    if (this.#end !== undefined) throw this.#end
    this.#tickets += 1
    const ticket = this.#tickets
    const waiting = promiseWithResolvers<string>()
    if (this.#waiting.size === 0) this.#worker.ref()
    this.#waiting.set(ticket, waiting)
    this.#post({ ...task, ticket })
    return await waiting.promise
  }

  /** Nobody is interested in that hash any more. */
  forget({ stream, algorithm }: Part): void {
    this.streams -= 1
    this.#post({ ticket: null, stream, algorithm, bytes: null })
  }

  #post(task: DigestTask): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
    this.#worker.postMessage(task)
  }

  #settle(ticket: number): PromiseWithResolvers<string> | undefined {
    const waiting = this.#waiting.get(ticket)
    this.#waiting.delete(ticket)
    if (this.#waiting.size === 0) this.#worker.unref()
    return waiting
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

/** As `Promise.withResolvers`, which Node 20 has not. */
function promiseWithResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue
    reject = onError
  })
  return { promise, resolve, reject }
}

/** Memory that the threads share with us, used again and again. */
class Slots {
  readonly #free: Uint8Array[] = []
  readonly #waiting: (() => void)[] = []
  /** How many the threads have. */
  #handed = 0

  /** At once: a stream has one that it fills, however slowly, and keeps no other stream from having one. */
  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(new SharedArrayBuffer(SLOT))
  }

  /**
   * Resolves when the threads are not behind by so many that one more would only take memory. It counts as theirs from
   * then on: whoever waits is called by one that is given back, and by nothing else.
   */
  async room(): Promise<void> {
    if (this.#handed < SLOTS) this.#handed += 1
    else await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  /** The threads have one more, room or not. */
  crowd(): void {
    this.#handed += 1
  }

  /** Without one where the threads never had it. */
  give(slot?: Uint8Array): void {
    this.#handed -= 1
    if (slot !== undefined && this.#free.length < SLOTS) this.#free.push(slot)
    if (this.#handed >= SLOTS || this.#waiting.length === 0) return
    this.#handed += 1
    this.#waiting.shift()?.()
  }
}

const slots = new Slots()
const threads: Thread[] = []
let streams = 0

const forgotten = new FinalizationRegistry<readonly Part[]>(parts => {
  for (const part of parts) part.thread.forget(part)
})

/** Whether there is a thread, and as many as are wanted where they can be had: a system, or a user, may have no more. */
function haveThread(): boolean {
  if (threads.length < THREADS && threads.every(one => one.streams > 0)) {
    try {
      threads.push(new Thread())
    } catch {
      // Those that there are do the work, or who asks does.
    }
  }
  return threads.length > 0
}

function leastBusy(): Thread {
  haveThread()
  const [least = new Thread()] = threads.toSorted((a, b) => a.streams - b.streams)
  return least
}
