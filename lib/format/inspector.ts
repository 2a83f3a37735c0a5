import { gpt } from './gpt.ts'
import type { Finding, Probe, Want } from './probe.ts'
import { qcow2 } from './qcow2.ts'
import { iso, luks, qed, vdi } from './small-headers.ts'
import { vhd } from './vhd.ts'
import { vhdx } from './vhdx.ts'
import { vmdk } from './vmdk.ts'

/** Bytes from the end of the data that a probe can ask for. */
const TAIL = 1536

/**
 * Looks on while data goes by, and says in the end what formats it has the marks of. Any data will do: it never
 * throws, and holds no more than what the probes want, which is less than 2 MiB at any time.
 */
export class Inspector {
  #size = 0
  #tail = Buffer.alloc(0)
  readonly #captures: readonly Capture[]

  /** `vmdkTypes` are the subformats of vmdk that are safe. */
  constructor(vmdkTypes: readonly string[]) {
    const probes = [qcow2(), vhd(this), vhdx(), vmdk(vmdkTypes), vdi(), qed(), iso(), gpt(this)]
    this.#captures = [...probes, luks(this)].map(probe => new Capture(probe))
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size
  }

  /** Bytes of the data that it holds. */
  get held(): number {
    return this.#captures.reduce((sum, { held }) => sum + held, this.#tail.length)
  }

  /** Takes the next chunk in, and keeps nothing of it but copies. */
  update(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    const start = this.#size
    this.#size += chunk.length
    for (const capture of this.#captures) capture.take(chunk, start)
    this.#tail =
      chunk.length >= TAIL
        ? Buffer.from(chunk.subarray(-TAIL))
        : Buffer.concat([this.#tail, chunk]).subarray(-TAIL)
  }

  /** To be called when there is no more data. */
  finish(): readonly Finding[] {
    return this.#captures.flatMap(capture => capture.finish(this.#tail) ?? [])
  }
}

/** One probe, and what has come in of the part that it waits for. */
class Capture {
  readonly #probe: Probe
  /** Undefined when the probe has made up its mind. */
  #want: Want | undefined
  #finding: Finding | null = null
  #buffer: Buffer | undefined
  #filled = 0

  constructor(probe: Probe) {
    this.#probe = probe
    this.#follow(probe.next())
  }

  get held(): number {
    return this.#buffer?.length ?? 0
  }

  take(chunk: Uint8Array, start: number): void {
    while (this.#want?.from === 'start') {
      const { offset, length } = this.#want
      const from = offset + this.#filled - start
      if (from >= chunk.length) return
      // What has gone by since the part before is asked for in vain.
      if (from < 0) this.#give(Buffer.alloc(0))
      else {
        this.#buffer ??= Buffer.allocUnsafeSlow(length)
        const part = chunk.subarray(from, from + length - this.#filled)
        this.#buffer.set(part, this.#filled)
        this.#filled += part.length
        if (this.#filled < length) return
        this.#give(this.#buffer)
      }
    }
  }

  finish(tail: Buffer): Finding | null {
    while (this.#want !== undefined) {
      const { from, length } = this.#want
      if (from === 'start') this.#give(this.#buffer?.subarray(0, this.#filled) ?? Buffer.alloc(0))
      else this.#give(tail.subarray(Math.max(tail.length - length, 0)))
    }
    return this.#finding
  }

  #give(bytes: Buffer): void {
    this.#buffer = undefined
    this.#filled = 0
    this.#follow(this.#probe.next(bytes))
  }

  #follow({ done, value }: IteratorResult<Want, Finding | null>): void {
    if (done === true) {
      this.#want = undefined
      this.#finding = value
    } else this.#want = value
  }
}
