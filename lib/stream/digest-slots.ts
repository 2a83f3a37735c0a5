/** Bytes of a slot. */
export const SLOT = 256 * 1024
const SLOTS = 16

/** Behind the slots' own numbers: how many are in use, and whether somebody waits for one. */
const [IN_USE, AWAITED] = [SLOTS, SLOTS + 1]

/** Both halves of the memory of {@link DigestSlots}, for a thread to share. */
export interface SharedSlots {
  readonly data: SharedArrayBuffer
  readonly uses: SharedArrayBuffer
}

/**
 * Memory in which the data of all streams is handed to the threads that hash it, which read it where it is. A slot is
 * free again when all have, and who finds none free waits: that is the whole of the back-pressure.
 */
export class DigestSlots {
  readonly memory: SharedSlots
  readonly #data: Uint8Array
  /** For each slot, by how many it has still to be read. */
  readonly #uses: Int32Array

  constructor(memory?: SharedSlots) {
    this.memory = memory ?? {
      data: new SharedArrayBuffer(SLOT * SLOTS),
      uses: new SharedArrayBuffer(4 * (SLOTS + 2)),
    }
    this.#data = new Uint8Array(this.memory.data)
    this.#uses = new Int32Array(this.memory.uses)
  }

  /** A slot that `readers` will release each; undefined when none is free. For one thread to call. */
  take(readers: number): number | undefined {
    for (let slot = 0; slot < SLOTS; slot += 1) {
      if (Atomics.load(this.#uses, slot) > 0) continue
      Atomics.add(this.#uses, IN_USE, 1)
      Atomics.store(this.#uses, slot, readers)
      return slot
    }
    return undefined
  }

  /** No more bytes than a slot has. */
  fill(slot: number, bytes: Uint8Array): void {
    this.#data.set(bytes, slot * SLOT)
  }

  bytes(slot: number, length: number): Uint8Array {
    return this.#data.subarray(slot * SLOT, slot * SLOT + length)
  }

  /** One of its readers is done. */
  release(slot: number): void {
    if (Atomics.sub(this.#uses, slot, 1) === 1) Atomics.sub(this.#uses, IN_USE, 1)
  }

  /** Somebody waits, and has to look again after this whether there is one by now. */
  await(): void {
    Atomics.store(this.#uses, AWAITED, 1)
  }

  /** Whether somebody waits who is to be told now, by whoever asks: when a good part of the slots is free, or `isIdle`. */
  isAwaited(isIdle: boolean): boolean {
    if (Atomics.load(this.#uses, AWAITED) === 0) return false
    if (!isIdle && Atomics.load(this.#uses, IN_USE) > SLOTS / 2) return false
    return Atomics.exchange(this.#uses, AWAITED, 0) === 1
  }
}
