import type { IncomingMessage } from 'node:http'

/** Bytes of a buffer that is read into. */
const SLOT = 512 * 1024
/** Buffers of a body: one is filled, one is lent, and between them there is what came meanwhile. */
const SLOTS = 4
/** Bytes for which whoever waits is called at once; less is given the time to become more. */
const ENOUGH = 128 * 1024
/** Buffers that are kept for the bodies to come. */
const KEPT = 16

const idle: Buffer[] = []

interface Part {
  readonly bytes: Uint8Array
  /** The buffer that is free again once this part has been read; null where more of it is to come. */
  readonly frees: Buffer | null
}

/**
 * The body of an answer, read from its socket past Node's parser into buffers that are used again and again. Its chunks
 * are lent. The socket asks {@link buffer} where the next bytes are to go, and tells {@link received} of them; it is
 * closed at the end of the body, which Node's parser never sees.
 */
export class BulkBody implements AsyncIterableIterator<Uint8Array, void> {
  readonly #answer: IncomingMessage
  readonly #free: Buffer[] = []
  readonly #ready: Part[] = []
  /** Bytes that have not come yet. */
  #left: number
  #slot = take()
  /** Of the slot, what has been handed over and what has come: [0, #from) and [#from, #to). */
  #from = 0
  #to = 0
  #lent: Part | undefined
  #wake: (() => void) | undefined
  #soon: NodeJS.Immediate | undefined
  #failure: { readonly error: unknown } | undefined
  /** Whether its buffers are others' already. */
  #isOver = false

  /** `length` in bytes: what the headers of the answer announce. */
  constructor(answer: IncomingMessage, length: number) {
    this.#answer = answer
    this.#left = length
    for (let i = 1; i < SLOTS; i += 1) this.#free.push(take())
    answer.once('error', error => this.#fail(error))
    answer.once('close', () => this.#fail(new Error('aborted')))
  }

  /** Takes what came together with the headers, which the parser has handed on already. */
  begin(): void {
    for (let chunk: Buffer | null; (chunk = this.#answer.read() as Buffer | null) !== null;) {
      for (let at = 0; at < chunk.length && this.#left > 0;) {
        const room = this.buffer()
        const taken = chunk.copy(room, 0, at)
        this.received(taken)
        at += taken
      }
    }
  }

  /** Where the next bytes go: never more room than there are bytes to come, but for the last of all. */
  buffer(): Buffer {
    return this.#slot.subarray(this.#to, Math.min(SLOT, this.#to + Math.max(this.#left, 1)))
  }

  /** So many bytes are in {@link buffer}. Whether there is room for more right now. */
  received(count: number): boolean {
    if (this.#left === 0) return true // Bytes after the end are nobody's.
    this.#to += count
    this.#left -= count
    if (this.#left === 0 || this.#to >= SLOT / 2) this.#publish(true)
    if (this.#left === 0) this.#answer.destroy()
    this.#call()
    return this.#free.length > 0
  }

  async next(): Promise<IteratorResult<Uint8Array, void>> {
    this.#release()
    while (this.#ready.length === 0) {
      if (this.#failure !== undefined) throw this.#failure.error
      if (this.#left === 0) {
        this.#keep()
        return { done: true, value: undefined }
      }
      await new Promise<void>(resolve => {
        this.#wake = resolve
        this.#call()
      })
    }
    this.#lent = this.#ready.shift()
    return { done: false, value: this.#lent?.bytes ?? new Uint8Array() }
  }

  /** Its buffers are not used again: somebody may still be writing what was lent last. */
  async return(): Promise<IteratorResult<Uint8Array, void>> {
    this.#answer.destroy()
    clearImmediate(this.#soon)
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Hands over what has come, and begins another buffer if this one is `full`. */
  #publish(full: boolean): void {
    const bytes = this.#slot.subarray(this.#from, this.#to)
    this.#ready.push({ bytes, frees: full ? this.#slot : null })
    this.#from = this.#to
    if (!full) return
    this.#from = 0
    this.#to = 0
    // TLS hands on what it has decrypted already, room or not.
    this.#slot = this.#free.pop() ?? take()
  }

  /** Calls whoever waits: at once if there is enough, else when the socket has nothing more at the moment. */
  #call(): void {
    if (this.#wake === undefined) return
    if (this.#ready.length > 0 || this.#to - this.#from >= ENOUGH) this.#hand()
    else if (this.#to > this.#from) this.#soon ??= setImmediate(() => this.#hand())
  }

  #hand(): void {
    clearImmediate(this.#soon)
    this.#soon = undefined
    if (this.#ready.length === 0 && this.#to > this.#from) this.#publish(false)
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  /** What was lent last has been read. */
  #release(): void {
    const slot = this.#lent?.frees
    this.#lent = undefined
    if (slot === undefined || slot === null) return
    this.#free.push(slot)
    this.#answer.socket.resume()
  }

  #keep(): void {
    if (this.#isOver) return
    this.#isOver = true
    idle.push(...[this.#slot, ...this.#free].slice(0, KEPT - idle.length))
    this.#free.length = 0
  }

  #fail(error: unknown): void {
    if (this.#left === 0) return
    this.#failure ??= { error }
    this.#hand()
  }
}

function take(): Buffer {
  return idle.pop() ?? Buffer.allocUnsafeSlow(SLOT)
}
