import type { NewLocation } from '../image/location.ts'

/** A location as the image schema has it. */
interface LocationDocument {
  readonly url: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly validation_data?: {
    readonly checksum?: string
    readonly os_hash_algo: string
    readonly os_hash_value: string
  }
}

/** Reads a location that has been held to the image schema. */
export function newLocation(valid: unknown): NewLocation {
  const { url, metadata, validation_data: said } = valid as LocationDocument // As the schema says.
  if (said === undefined) return { url, metadata, validation: null }
  const digest = { algorithm: said.os_hash_algo, value: said.os_hash_value }
  return { url, metadata, validation: { checksum: said.checksum ?? null, digest } }
}
