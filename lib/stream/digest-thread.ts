import type { Hash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import type { DigestAlgorithm } from '../image/digest.ts'
import { hashBy } from './hash-by.ts'

/** What a thread is to do with one of its hashes: to take bytes in, or, without any, to tell what it has come to. */
export interface DigestTask {
  /** Null: to forget it. */
  readonly ticket: number | null
  readonly stream: number
  readonly algorithm: DigestAlgorithm
  /** Shared memory, left alone until the task is answered. */
  readonly bytes: Uint8Array | null
}

export interface DigestAnswer {
  readonly ticket: number
  /** Empty unless it was asked for. */
  readonly hex: string
}

const hashes = new Map<number, Hash>()

parentPort?.on('message', ({ ticket, stream, algorithm, bytes }: DigestTask) => {
  if (ticket === null) return void hashes.delete(stream)
  const hash = hashes.get(stream) ?? hashBy(algorithm)
  hashes.set(stream, hash)
  if (bytes !== null) hash.update(bytes)
  const answer: DigestAnswer = { ticket, hex: bytes === null ? hash.copy().digest('hex') : '' }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
  parentPort?.postMessage(answer)
})
