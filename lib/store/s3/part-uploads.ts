import type { CompletedPart } from '@aws-sdk/client-s3'

/** Sends a part. Resolves to its tag. */
export type SendPart = (number: number, part: Uint8Array) => Promise<string | undefined>

/** The parts of one upload that are on their way, and the buffers that they are in. */
export class PartUploads {
  readonly #send: SendPart
  readonly #failed: (error: unknown) => void
  readonly #running = new Set<Promise<void>>()
  readonly #sent: CompletedPart[] = []
  readonly #free: Uint8Array[] = []

  /** `failed` is told of each part that could not be sent. */
  constructor(send: SendPart, failed: (error: unknown) => void) {
    this.#send = send
    this.#failed = failed
  }

  /** Waits until fewer than `most` are on their way. Resolves to a buffer of `size` bytes. */
  async room(most: number, size: number): Promise<Uint8Array> {
    while (this.#running.size >= most) await Promise.race(this.#running)
    const buffer = this.#free.pop()
    return buffer?.length === size ? buffer : Buffer.allocUnsafeSlow(size)
  }

  /** Sends the first `length` bytes of a buffer, which is ours from now on. */
  start(number: number, buffer: Uint8Array, length: number): void {
    const work = this.#one(number, buffer, length).catch(this.#failed)
    const done = work.finally(() => this.#running.delete(done))
    this.#running.add(done)
  }

  /** Waits until none is on its way, whatever became of them. Resolves to those that were sent, in order. */
  async settle(): Promise<CompletedPart[]> {
    await Promise.all(this.#running)
    return this.#sent.toSorted((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0))
  }

  async #one(number: number, buffer: Uint8Array, length: number): Promise<void> {
    const tag = await this.#send(number, buffer.subarray(0, length))
    this.#sent.push({ PartNumber: number, ETag: tag })
    this.#free.push(buffer)
  }
}
