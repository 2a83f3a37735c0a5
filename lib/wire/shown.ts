/** What somebody sent where text was expected, for a message: an object cannot be trusted to say what it is. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
