import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Bytes } from '../stream/bytes.ts'

/** Bytes of a stream between two looks. */
const INTERVAL = 15 * 1024 * 1024
/** How often to look again before it is believed that memory is in use. */
const LOOKS = 10

/**
 * Looks at the memory of this process while streams pass: at what is in use, since how much waits for the garbage collector
 * is Node's affair, and what networks bring is much of it.
 */
export class MemoryWatch {
  readonly #most: number
  readonly #collectGarbage = garbageCollector()
  readonly #before: number
  #peak = 0

  /** Takes what is in use now for the beginning. What is not above `most` bytes more need not be known exactly. */
  constructor(most: number) {
    this.#most = most
    this.#before = this.#inUse()
  }

  /** Bytes that came on top of those at the beginning, at the most. */
  get peak(): number {
    return this.#peak
  }

  /** The same stream, looked at now and then. */
  async *watch(data: Bytes): AsyncGenerator<Uint8Array, void> {
    let passed = 0
    for await (const chunk of data) {
      yield chunk
      passed += chunk.length
      if (passed < INTERVAL) continue
      passed = 0
      await this.#look()
    }
  }

  /** What is held stays, and what is not is gone at last: it is freed in other threads, and by callbacks. */
  async #look(): Promise<void> {
    let least = Infinity
    for (let look = 1; look <= LOOKS && least > this.#most; look += 1) {
      await turn()
      least = Math.min(least, this.#inUse() - this.#before)
    }
    this.#peak = Math.max(this.#peak, least)
  }

  #inUse(): number {
    this.#collectGarbage()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
}

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void // V8 has it, by that flag.
}
