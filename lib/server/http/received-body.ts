import type { IncomingMessage } from 'node:http'
import { giveBuffer, takeBuffer } from '../../stream/buffers.ts'
import { freeAtOnce } from '../../stream/free-at-once.ts'

/** Buffers that are full before the client has to wait. */
const AHEAD = 2

/**
 * The body of a request, gathered into buffers that are used again and again, while Node makes a new one for each read.
 * Its chunks are lent. Nothing is read before the first is asked for; who stops early leaves the rest unread.
 */
export class ReceivedBody implements AsyncIterableIterator<Uint8Array, void> {
  readonly #request: IncomingMessage
  readonly #full: Buffer[] = []
  #filling: Buffer | undefined
  #filled = 0
  #lent: Buffer | undefined
  #state: 'new' | 'coming' | 'ended' | 'left' = 'new'
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined
  #soon: NodeJS.Immediate | undefined

  constructor(request: IncomingMessage) {
    this.#request = request
  }

  async next(): Promise<IteratorResult<Uint8Array, void>> {
    this.#release()
    if (this.#state === 'new') this.#begin()
    while (this.#full.length === 0) {
      if (this.#failure !== undefined) throw this.#failure.error
      if (this.#state === 'ended' || this.#state === 'left') return this.#last()
      await new Promise<void>(resolve => {
        this.#wake = resolve
        this.#call()
      })
      if (this.#filled > 0 && this.#full.length === 0) return this.#lend(this.#filled)
    }
    const value = this.#full.shift()
    this.#lent = value
    if (this.#full.length < AHEAD && this.#state === 'coming') this.#request.resume()
    return { done: false, value: value ?? new Uint8Array() }
  }

  /** Its buffers are not used again: somebody may still be writing what was lent last. */
  async return(): Promise<IteratorResult<Uint8Array, void>> {
    this.#leave('left')
    this.#full.length = 0
    this.#filled = 0
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #begin(): void {
    this.#state = 'coming'
    const request = this.#request
    request.once('error', this.#fail)
    if (request.destroyed) return this.#fail(request.errored ?? new Error('aborted'))
    request.once('close', this.#closed).once('end', this.#ended).on('data', this.#take)
  }

  readonly #take = (chunk: Buffer): void => {
    for (let at = 0; at < chunk.length;) {
      this.#filling ??= takeBuffer()
      const taken = chunk.copy(this.#filling, this.#filled, at)
      this.#filled += taken
      at += taken
      if (this.#filled < this.#filling.length) break
      this.#full.push(this.#filling)
      this.#filling = undefined
      this.#filled = 0
    }
    freeAtOnce(chunk)
    if (this.#full.length >= AHEAD) this.#request.pause()
    this.#call()
  }

  readonly #ended = (): void => {
    this.#leave('ended')
    this.#hand()
  }

  readonly #closed = (): void => this.#fail(new Error('aborted'))

  readonly #fail = (error: unknown): void => {
    if (this.#state !== 'coming') return
    this.#failure ??= { error }
    this.#leave('left')
    this.#hand()
  }

  #leave(state: 'ended' | 'left'): void {
    const isOver = this.#state !== 'coming'
    this.#state = state
    clearImmediate(this.#soon)
    if (isOver) return
    this.#request.off('data', this.#take).off('end', this.#ended).off('close', this.#closed)
    if (state === 'left') this.#request.pause()
  }

  /** Calls whoever waits: at once for a full buffer, else when nothing more comes at the moment. */
  #call(): void {
    if (this.#wake === undefined) return
    if (this.#full.length > 0) this.#hand()
    else if (this.#filled > 0) this.#soon ??= setImmediate(() => this.#hand())
  }

  #hand(): void {
    clearImmediate(this.#soon)
    this.#soon = undefined
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  #lend(length: number): IteratorResult<Uint8Array, void> {
    const buffer = this.#filling
    this.#filling = undefined
    this.#filled = 0
    this.#lent = buffer
    return { done: false, value: buffer?.subarray(0, length) ?? new Uint8Array() }
  }

  /** What has come of a buffer that will not be full any more; then the end. */
  #last(): IteratorResult<Uint8Array, void> {
    if (this.#filled > 0 && this.#state === 'ended') return this.#lend(this.#filled)
    if (this.#filling !== undefined && this.#state === 'ended') giveBuffer(this.#filling)
    this.#filling = undefined
    return { done: true, value: undefined }
  }

  /** What was lent last has been read. */
  #release(): void {
    if (this.#lent !== undefined) giveBuffer(this.#lent)
    this.#lent = undefined
  }
}
