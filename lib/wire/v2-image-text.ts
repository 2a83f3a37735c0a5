import type { Image } from '../image/image.ts'
import { baseToV2, imageToV2, isBaseAttribute } from './v2-image.ts'

/**
 * The JSON of an image as {@link imageToV2} has it, and of the base attributes in `others` after it: character for
 * character what `JSON.stringify` makes of both together, which takes longer over objects that are all of another shape.
 */
export function imageToV2Text(image: Image, others: Readonly<Record<string, unknown>>): string {
  let properties = ''
  for (const [name, value] of image.properties) {
    // In an object it takes another's place, or comes before all that is not a number.
    if (isBaseAttribute(name) || /^\d/.test(name)) {
      return JSON.stringify({ ...imageToV2(image), ...others })
    }
    properties += `${JSON.stringify(name)}:${JSON.stringify(value)},`
  }
  const base = JSON.stringify(baseToV2(image))
  const more = JSON.stringify(others)
  return `{${properties}${base.slice(1, -1)}${more === '{}' ? more.slice(1) : `,${more.slice(1)}`}`
}
