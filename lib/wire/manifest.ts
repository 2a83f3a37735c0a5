import { GlanceError, messageOf } from '../errors.ts'
import type { Digest } from '../image/digest.ts'
import { isImageId } from '../image/image.ts'
import { isObject } from '../image/json.ts'

/** What a dump says its files are: one line of its manifest, about one image. */
export interface ManifestEntry {
  readonly id: string
  /** The metadata file: bytes, and their SHA-512 as lower-case hex. */
  readonly metadata: { readonly size: number; readonly sha512: string }
  /** The data file as the image's own digests have it; null of an image without data. */
  readonly data: {
    readonly size: number
    readonly checksum: string | null
    readonly digest: Digest | null
    /** Eight lower-case hex digits; null where whoever wrote the data did not compute it. */
    readonly crc32: string | null
  } | null
}

/** The entry as a line, with its end. */
export function manifestLine({ id, metadata, data }: ManifestEntry): string {
  const line = {
    id,
    metadata,
    data: data && {
      size: data.size,
      checksum: data.checksum,
      os_hash_algo: data.digest?.algorithm ?? null,
      os_hash_value: data.digest?.value ?? null,
      ...(data.crc32 !== null && { crc32: data.crc32 }),
    },
  }
  return `${JSON.stringify(line)}\n`
}

/** The last line of the manifest of an archive in which images are missing. */
export const INCOMPLETE_LINE = `${JSON.stringify({ incomplete: true })}\n`

/** Says that what stands before it of an image counts no more: it is to be gone. With its end. */
export function goneLine(id: string): string {
  return `${JSON.stringify({ id, gone: true })}\n`
}

/** A line of a manifest: what an image is, or its id where it is to be gone. */
export type ManifestLine = ManifestEntry | { readonly id: string; readonly gone: true }

/** @throws {GlanceError} `corrupt` for what is no line of a manifest. */
export function parseManifestLine(line: string): ManifestLine {
  let document: unknown
  try {
    document = JSON.parse(line)
  } catch (cause) {
    throw new GlanceError('corrupt', `no line of a manifest: ${messageOf(cause)}`, { cause })
  }
  const { id, gone, metadata, data, incomplete } = isObject(document) ? document : {}
  if (incomplete === true) {
    throw new GlanceError('corrupt', 'images are missing: its dump was cut short, or they failed')
  }
  if (typeof id !== 'string' || !isImageId(id)) throw unexpected('id')
  if (gone === true) return { id, gone }
  if (!isObject(metadata)) throw unexpected('metadata')
  const { size, sha512 } = metadata
  if (!isSize(size) || typeof sha512 !== 'string') throw unexpected('metadata')
  return { id, metadata: { size, sha512 }, data: data === null ? null : parseData(data) }
}

function parseData(data: unknown): ManifestEntry['data'] {
  if (!isObject(data)) throw unexpected('data')
  const { size, checksum, os_hash_algo: algorithm, os_hash_value: value, crc32 = null } = data
  if (!isSize(size) || !isTextOrNull(checksum)) throw unexpected('data')
  if (!isTextOrNull(algorithm) || !isTextOrNull(value)) throw unexpected('data')
  if (!isTextOrNull(crc32) || (crc32 !== null && !/^[0-9a-f]{8}$/.test(crc32)))
    throw unexpected('data')
  return {
    size,
    checksum,
    digest: algorithm !== null && value !== null ? { algorithm, value } : null,
    crc32,
  }
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}

function unexpected(field: string): GlanceError {
  return new GlanceError('corrupt', `no line of a manifest: ${field} is not what it should be`)
}
