import { dropBuffer, giveBuffer, takeBufferFor } from './buffers.ts'

/** Two buffers that are used in turn, one to be read into while what is in the other is lent; others use them afterwards. */
export class TwoBuffers {
  readonly #size: number
  readonly #taken: [Buffer?, Buffer?] = []
  #turn: 0 | 1 = 0

  /** Of `size` bytes each, or fewer: of 1 MiB at the most, and of less where many have some. */
  constructor(size: number) {
    this.#size = size
  }

  next(): Buffer {
    this.#turn = this.#turn === 0 ? 1 : 0
    const buffer = (this.#taken[this.#turn] ??= this.#take())
    return buffer.subarray(0, this.#size)
  }

  /** Nothing is read into them any more. Unless all `isOver`, who was lent the last may still be at it. */
  release(isOver: boolean): void {
    const release = isOver ? giveBuffer : dropBuffer
    for (const buffer of this.#taken) if (buffer !== undefined) release(buffer)
  }

  #take(): Buffer {
    return takeBufferFor(this.#size)
  }
}
