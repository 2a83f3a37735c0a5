import { hasData, type Image } from '../image/image.ts'

/** In which way two images hold other data, as far as both sides say. Data cannot be replaced in a Glance. */
export function otherData(source: Image, target: Image): string | undefined {
  if (!hasData(source)) return undefined
  for (const [what, ours, theirs] of [
    ['size', source.size, target.size],
    ['checksum', source.checksum, target.checksum],
    ...(source.digest?.algorithm === target.digest?.algorithm
      ? [['os_hash_value', source.digest?.value ?? null, target.digest?.value ?? null] as const]
      : []),
  ] as const) {
    if (ours !== null && theirs !== null && ours !== theirs) {
      return `the target holds other data under this id: ${what} is ${theirs}, not ${ours}`
    }
  }
  return undefined
}
