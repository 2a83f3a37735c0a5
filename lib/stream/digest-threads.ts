import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { GlanceError, messageOf } from '../errors.ts'
import type { DigestAlgorithm } from '../image/digest.ts'
import { DigestQueue, type DigestTask, type HashName } from './digest-queue.ts'
import { DigestSlots, SLOT } from './digest-slots.ts'
import type { DigestAnswer, DigestThreadData } from './digest-thread.ts'

/** Both digests of one stream are computed at once where there are two processors; with one there is nothing to win. */
const THREADS = availableParallelism() < 2 ? 0 : Math.min(4, availableParallelism())
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
  if (THREADS === 0 || algorithms.length === 0 || !haveThread()) return undefined
  const hashes = new Hashes(algorithms)
  forgotten.register(hashes, hashes.parts)
  return hashes
}

/** One hash on its thread. */
interface Part extends HashName {
  readonly thread: Thread
}

class Hashes implements RemoteHashes {
  readonly parts: readonly Part[]

  constructor(algorithms: readonly DigestAlgorithm[]) {
    this.parts = algorithms.map(algorithm => {
      const thread = leastBusy()
      thread.streams += 1
      return { algorithm, stream: (streams += 1), thread }
    })
  }

  async update(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; at += SLOT) {
      const bytes = chunk.subarray(at, at + SLOT)
      const slot = line.take(this.parts.length) ?? (await line.wait(this.parts.length))
      slots.fill(slot, bytes)
      for (const { thread, stream, algorithm } of this.parts) {
        thread.put({ kind: 'update', stream, algorithm, slot, length: bytes.length })
      }
      for (const { thread } of this.parts) thread.requireAlive()
    }
  }

  async hex(algorithm: DigestAlgorithm): Promise<string> {
    const part = this.parts.find(one => one.algorithm === algorithm)
    if (part === undefined) throw new TypeError(`not made to compute ${algorithm}`)
    for (const { thread } of this.parts) thread.requireAlive()
    return await part.thread.hex(part)
  }
}

/** A thread that hashes, and keeps the process only as long as one is waited for. */
class Thread {
  /** How many hashes it has been given, which it has forgotten since or not. */
  streams = 0
  readonly #queue = new DigestQueue()
  readonly #worker: Worker
  /** What there is no room for in the queue. */
  #later: DigestTask[] = []
  readonly #asked = new Map<number, PromiseWithResolvers<string>>()
  #tickets = 0
  /** Why it has ended. */
  #end: GlanceError | undefined

  constructor() {
    const workerData: DigestThreadData = { queue: this.#queue.memory, slots: slots.memory }
    this.#worker = new Worker(new URL('digest-thread.js', import.meta.url), {
      workerData,
      resourceLimits: LIMITS,
      execArgv: [], // What the program was started with is about the program.
    })
    this.keepProcess(awaited > 0)
    // Node keeps the process for one that has started, whatever it was told before.
    this.#worker.on('online', () => this.keepProcess(awaited > 0))
    this.#worker.on('message', (answer: DigestAnswer) => {
      if (answer === null) goOn()
      else this.#settle(answer.ticket)?.resolve(answer.hex)
    })
    this.#worker.on('error', error => this.#ended(`: ${messageOf(error)}`, error))
    this.#worker.on('exit', () => this.#ended(''))
  }

  /** @throws {GlanceError} `unavailable` when it has ended. */
  requireAlive(): void {
    if (this.#end !== undefined) throw this.#end
  }

  /** Resolves to what a hash has come to. @throws {GlanceError} `unavailable` when the thread ends before. */
  async hex({ stream, algorithm }: HashName): Promise<string> {
    this.#tickets = (this.#tickets + 1) | 0
    const [ticket, asked] = [this.#tickets, promiseWithResolvers<string>()]
    this.#asked.set(ticket, asked)
    wait(1)
    this.put({ kind: 'hex', stream, algorithm, ticket })
    return await asked.promise
  }

  /** Has it do that; what nobody can do any more is dropped. */
  put(task: DigestTask): void {
    if (this.#end !== undefined) return drop(task)
    if (this.#later.length === 0 && this.#queue.put(task)) return
    this.#later.push(task)
    slots.await()
    if (this.#queue.isEmpty) this.putLater()
  }

  /** Puts in what there is room for by now. */
  putLater(): void {
    const tasks = this.#later
    this.#later = []
    for (const task of tasks) this.put(task)
  }

  keepProcess(isWanted: boolean): void {
    if (isWanted) this.#worker.ref()
    else this.#worker.unref()
  }

  #ended(why: string, cause?: unknown): void {
    if (this.#end !== undefined) return
    const message = `the thread that computes digests has ended${why}`
    this.#end = new GlanceError('unavailable', message, { cause })
    const index = threads.indexOf(this)
    if (index >= 0) threads.splice(index, 1)
    for (let task = this.#queue.peek(); task !== undefined; task = this.#queue.peek()) {
      this.#queue.done()
      drop(task)
    }
    this.putLater()
    for (const ticket of this.#asked.keys()) this.#settle(ticket)?.reject(this.#end)
    goOn()
  }

  #settle(ticket: number): PromiseWithResolvers<string> | undefined {
    const asked = this.#asked.get(ticket)
    if (this.#asked.delete(ticket)) wait(-1)
    return asked
  }
}

/** Nobody will carry it out. */
function drop(task: DigestTask): void {
  if (task.kind === 'update') slots.release(task.slot)
}

/** Who waits for a slot, in the order in which they came. */
class Line {
  readonly #waiting: { readonly readers: number; readonly go: (slot: number) => void }[] = []

  /** One that is free, and that nobody else waits for. */
  take(readers: number): number | undefined {
    return this.#waiting.length === 0 ? slots.take(readers) : undefined
  }

  async wait(readers: number): Promise<number> {
    wait(1)
    const slot = new Promise<number>(go => this.#waiting.push({ readers, go }))
    this.goOn()
    return await slot.finally(() => wait(-1))
  }

  /** Gives out what is free. */
  goOn(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      slots.await()
      const slot = slots.take(next.readers)
      if (slot === undefined) return
      this.#waiting.shift()
      next.go(slot)
    }
  }
}

const slots = new DigestSlots()
const line = new Line()
const threads: Thread[] = []
let streams = 0
/** How many wait for a thread. */
let awaited = 0

const forgotten = new FinalizationRegistry<readonly Part[]>(parts => {
  for (const { thread, stream, algorithm } of parts) {
    thread.streams -= 1
    thread.put({ kind: 'forget', stream, algorithm })
  }
})

/** The process stays as long as somebody waits. */
function wait(more: 1 | -1): void {
  const before = awaited
  awaited += more
  if (before > 0 !== awaited > 0) for (const thread of threads) thread.keepProcess(awaited > 0)
}

/** A thread has time. */
function goOn(): void {
  for (const thread of threads) thread.putLater()
  line.goOn()
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
