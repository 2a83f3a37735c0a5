import { isDeepStrictEqual } from 'node:util'

/** Whether what is wanted is found, as tap has it: in text a part, in objects and lists the members that are named. */
export function isMatch(found: unknown, wanted: unknown): boolean {
  if (Object.is(found, wanted)) return true
  if (typeof found === 'string' && wanted instanceof RegExp) return wanted.test(found)
  if (typeof found === 'string' && typeof wanted === 'string') return found.includes(wanted)
  if (!isObject(found) || !isObject(wanted)) return false
  if (wanted instanceof Error) {
    return found instanceof Error && found.name === wanted.name && found.message === wanted.message
  }
  if (isWhole(wanted)) return isDeepStrictEqual(found, wanted)
  if (Array.isArray(wanted) !== Array.isArray(found)) return false
  return Object.entries(wanted).every(([key, value]) => key in found && isMatch(found[key], value))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** Whether it has no members to name. */
function isWhole(value: object): boolean {
  return [Map, Set, Date, Uint8Array].some(type => value instanceof type)
}
