import type { Hash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { DigestQueue, type DigestTask } from './digest-queue.ts'
import { DigestSlots, type SharedSlots } from './digest-slots.ts'
import { hashBy } from './hash-by.ts'

/** What a thread is started with. */
export interface DigestThreadData {
  readonly queue: SharedArrayBuffer
  readonly slots: SharedSlots
}

/** What a thread tells: null, that who waits may go on; else a digest that was asked for. */
export type DigestAnswer = null | { readonly ticket: number; readonly hex: string }

const { queue: memory, slots: shared } = workerData as DigestThreadData // By digest-threads.ts.
const queue = new DigestQueue(memory)
const slots = new DigestSlots(shared)
const hashes = new Map<number, Hash>()

for (;;) {
  const task = queue.next()
  const answer = carryOut(task)
  // In this order: who ends in between has read a slot that stays in use, not one that others count on.
  queue.done()
  if (task.kind === 'update') slots.release(task.slot)
  if (answer !== undefined) tell(answer)
  if (slots.isAwaited(queue.isEmpty)) tell(null)
}

function carryOut(task: DigestTask): DigestAnswer | undefined {
  const { stream, algorithm } = task
  if (task.kind === 'forget') return void hashes.delete(stream)
  const hash = hashes.get(stream) ?? hashBy(algorithm)
  hashes.set(stream, hash)
  if (task.kind === 'hex') return { ticket: task.ticket, hex: hash.copy().digest('hex') }
  return void hash.update(slots.bytes(task.slot, task.length))
}

function tell(answer: DigestAnswer): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
  parentPort?.postMessage(answer)
}
