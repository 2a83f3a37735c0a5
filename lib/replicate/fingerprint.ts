import { createHash } from 'node:crypto'
import type { Endpoint } from '../endpoint/endpoint.ts'
import type { Image } from '../image/image.ts'
import { attributesOf } from '../wire/attributes.ts'

/** What tells whether an image is as it was: what its service says of its data and of its age, and what users set. */
export interface Fingerprint {
  readonly status: string
  /** Bytes. */
  readonly size: number | null
  readonly checksum: string | null
  readonly os_hash_algo: string | null
  readonly os_hash_value: string | null
  /** In ISO 8601. */
  readonly updated_at: string
  /** SHA-256 in hex of its attributes and custom properties. */
  readonly metadata: string
}

/** What of it says which data there is. */
const OF_DATA = ['status', 'size', 'checksum', 'os_hash_algo', 'os_hash_value'] as const

/** That of an image of `endpoint`, the same for one that was listed and one that was asked for. */
export function fingerprintOf(image: Image, endpoint: Pick<Endpoint, 'expressible'>): Fingerprint {
  // A listing of v1 has properties that cannot stand in a header, by which single images are shown.
  const attributes = [...attributesOf(endpoint.expressible(image).image)]
  const sorted = attributes.toSorted(([one], [other]) => (one < other ? -1 : 1))
  return {
    status: image.status,
    size: image.size,
    checksum: image.checksum,
    os_hash_algo: image.digest?.algorithm ?? null,
    os_hash_value: image.digest?.value ?? null,
    updated_at: image.updatedAt.toISOString(),
    metadata: createHash('sha256').update(JSON.stringify(sorted)).digest('hex'),
  }
}

/** In what two differ, for people; empty where they do not. */
export function describeDifference(was: Fingerprint, is: Fingerprint): string {
  const told = [...OF_DATA, 'updated_at'] as const
  const differing = told.filter(name => was[name] !== is[name])
  const parts = differing.map(name => `its ${name} was ${was[name]} and is ${is[name]}`)
  if (parts.length > 0) return parts.join(', ')
  return was.metadata === is.metadata ? '' : 'its metadata is not what it was'
}

/** In what their data differs, for people. */
export function describeOtherData(was: Fingerprint, is: Fingerprint): string {
  return describeDifference(was, { ...is, updated_at: was.updated_at, metadata: was.metadata })
}
