import { Inspector } from '../../format/inspector.ts'
import { type FormatRules, virtualSizeOf } from '../../format/verdict.ts'
import type { Image } from '../../image/image.ts'
import type { Bytes } from '../../stream/bytes.ts'

/** Data of an image that is looked into on its way. */
export interface Inspection {
  /**
   * The data, which ends in `unsupported_media_type` when it is not what the image says, or not safe. It is not judged
   * when there is less or more of it than was said, since that is what is wrong with it then.
   */
  readonly data: Bytes
  /** Bytes; null when not known. To be asked for when the data has ended. */
  readonly virtualSize: () => number | null
}

/** `size` in bytes, null when unknown. As Glance, only what is not wrapped into anything is looked into. */
export function inspected(
  data: Bytes,
  { containerFormat, diskFormat }: Pick<Image, 'containerFormat' | 'diskFormat'>,
  size: number | null,
  rules: FormatRules,
): Inspection {
  if (containerFormat !== 'bare' || diskFormat === null) return { data, virtualSize: () => null }
  let virtualSize: number | null = null
  async function* inspect(format: string) {
    const inspector = new Inspector(rules.vmdkTypes)
    for await (const chunk of data) {
      inspector.update(chunk)
      yield chunk
    }
    const seen = inspector.size
    if (size !== null && size !== seen) return
    const findings = inspector.finish()
    virtualSize = virtualSizeOf({ diskFormat: format, size: seen, findings }, rules)
  }
  return { data: inspect(diskFormat), virtualSize: () => virtualSize }
}
