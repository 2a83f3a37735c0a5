import { GlanceError } from '../../../errors.ts'
import type { Bytes } from '../../../stream/bytes.ts'

/** What an archive says of the file in it. */
interface Promised {
  /** For messages: `zip`. */
  readonly format: string
  /** Bytes. */
  readonly size: number
  /** Its sum, by `sumOf`, which takes what came before into account. */
  readonly sum: number
  readonly sumOf: (data: Uint8Array, before: number) => number
  /** For messages: `CRC-32`. */
  readonly sumName: string
}

/** Passes the data on, and ends in `corrupt` when it is not what the archive says. */
export async function* asPromised(
  data: Bytes,
  { format, size, sum, sumOf, sumName }: Promised,
): AsyncGenerator<Uint8Array> {
  let found = 0
  let sumFound = 0
  for await (const chunk of data) {
    found += chunk.length
    sumFound = sumOf(chunk, sumFound)
    if (found > size) break
    yield chunk
  }
  if (found === size && sumFound === sum) return
  const how =
    found === size ? `its ${sumName} is another` : `it is not the ${size} bytes that it should be`
  throw new GlanceError('corrupt', `the ${format} data is damaged: ${how}`)
}
