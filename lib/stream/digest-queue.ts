import { DIGEST_ALGORITHMS, type DigestAlgorithm } from '../image/digest.ts'

/** One of the hashes of a thread. */
export interface HashName {
  readonly stream: number
  readonly algorithm: DigestAlgorithm
}

/** What a thread is to do with one of its hashes. */
export type DigestTask = HashName &
  (
    | { readonly kind: 'update'; readonly slot: number; readonly length: number }
    /** To tell what it has come to. */
    | { readonly kind: 'hex'; readonly ticket: number }
    | { readonly kind: 'forget' }
  )

/** Tasks that there is room for. */
const CAPACITY = 1024
/** Numbers of a task: kind, algorithm, stream, and two that depend on the kind. */
const WIDTH = 5
const KINDS = ['update', 'hex', 'forget'] as const

/** Before the tasks: how many have been put in, and how many have been done. Both only grow, and overflow. */
const [PUT, DONE, TASKS] = [0, 1, 2]

/**
 * What one thread is to do, in memory that it shares with whoever says so: a message for each chunk costs both of them
 * more than a chunk is worth. One puts in, one takes out.
 */
export class DigestQueue {
  readonly memory: SharedArrayBuffer
  readonly #numbers: Int32Array

  constructor(memory = new SharedArrayBuffer(4 * (TASKS + CAPACITY * WIDTH))) {
    this.memory = memory
    this.#numbers = new Int32Array(memory)
  }

  /** False when there is no room. */
  put(task: DigestTask): boolean {
    const put = Atomics.load(this.#numbers, PUT)
    if (((put - Atomics.load(this.#numbers, DONE)) | 0) >= CAPACITY) return false
    const kind = KINDS.indexOf(task.kind)
    const algorithm = DIGEST_ALGORITHMS.indexOf(task.algorithm)
    const [first, second] = detailsOf(task)
    this.#numbers.set([kind, algorithm, task.stream, first, second], placeOf(put))
    Atomics.store(this.#numbers, PUT, put + 1)
    Atomics.notify(this.#numbers, PUT)
    return true
  }

  get isEmpty(): boolean {
    return Atomics.load(this.#numbers, PUT) === Atomics.load(this.#numbers, DONE)
  }

  /** The task that comes next; undefined when there is none. */
  peek(): DigestTask | undefined {
    if (this.isEmpty) return undefined
    const from = placeOf(Atomics.load(this.#numbers, DONE))
    const [kind = 0, algorithm = 0, stream = 0, first = 0, second = 0] = this.#numbers.subarray(
      from,
      from + WIDTH,
    )
    const hash = { stream, algorithm: DIGEST_ALGORITHMS[algorithm] ?? DIGEST_ALGORITHMS[0] }
    const name = KINDS[kind]
    if (name === 'update') return { kind: name, ...hash, slot: first, length: second }
    return name === 'hex' ? { kind: name, ...hash, ticket: first } : { kind: 'forget', ...hash }
  }

  /** As {@link peek}, once there is one: blocks the thread. */
  next(): DigestTask {
    for (;;) {
      const task = this.peek()
      if (task !== undefined) return task
      Atomics.wait(this.#numbers, PUT, Atomics.load(this.#numbers, DONE))
    }
  }

  /** The next task is done, or nobody will do it. */
  done(): void {
    Atomics.add(this.#numbers, DONE, 1)
  }
}

function placeOf(task: number): number {
  return TASKS + (((task % CAPACITY) + CAPACITY) % CAPACITY) * WIDTH
}

function detailsOf(task: DigestTask): readonly [number, number] {
  if (task.kind === 'update') return [task.slot, task.length]
  return [task.kind === 'hex' ? task.ticket : 0, 0]
}
