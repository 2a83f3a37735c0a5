import type { Bytes } from './bytes.ts'

/** One line of a text. */
export interface Line {
  /** Without its end; no more than its beginning, when it is longer than was asked for. */
  readonly text: string
  /** Whether that is all of it. */
  readonly isWhole: boolean
  /** Whether its end is there: the last line of a text may have none. */
  readonly isEnded: boolean
  /** How many bytes it takes where it stands, with its end. */
  readonly bytes: number
}

/** The lines of a text of any size, of each of which no more than `longest` bytes are kept: who wrote it may not be our friend. */
export async function* boundedLines(text: Bytes, longest: number): AsyncGenerator<Line, void> {
  let [kept, bytes]: [Buffer[], number] = [[], 0]
  let size = 0
  const keep = (part: Uint8Array) => {
    bytes += part.length
    const wanted = part.subarray(0, longest - size)
    if (wanted.length === 0) return
    kept.push(Buffer.from(wanted)) // What is passed on is lent.
    size += wanted.length
  }
  const line = (isEnded: boolean): Line => {
    const text = Buffer.concat(kept).toString().replace(/\r$/, '')
    const told = { text, isWhole: size === bytes, isEnded, bytes: bytes + (isEnded ? 1 : 0) }
    ;[kept, bytes, size] = [[], 0, 0]
    return told
  }
  for await (const chunk of text) {
    let at = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, at)) {
      keep(chunk.subarray(at, end))
      at = end + 1
      yield line(true)
    }
    keep(chunk.subarray(at))
  }
  if (bytes > 0) yield line(false)
}
