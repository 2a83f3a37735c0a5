import { createHash } from 'node:crypto'
import type { ImageData } from '../endpoint/endpoint.ts'
import type { Image } from '../image/image.ts'

/** The n-th of a row of ids in ascending order. */
export function idOf(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
}

/** Bytes that differ from one seed to the next, and are the same in every run. */
export function bytesOf(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i += 1) bytes[i] = (i * 31 + (i >> 8) * 7 + seed * 101) & 0xff
  return bytes
}

/** An active image with these bytes, and whatever else is wanted of it. */
export function imageOf(
  n: number,
  bytes: Uint8Array = Buffer.alloc(0),
  fields: Partial<Image> = {},
): Image {
  return {
    id: idOf(n),
    name: `image ${n}`,
    status: 'active',
    visibility: 'public',
    hidden: false,
    protected: false,
    owner: null,
    containerFormat: 'bare',
    diskFormat: 'raw',
    minDisk: 0,
    minRam: 0,
    size: bytes.length,
    virtualSize: null,
    checksum: createHash('md5').update(bytes).digest('hex'),
    digest: { algorithm: 'sha512', value: createHash('sha512').update(bytes).digest('hex') },
    tags: [],
    properties: new Map(),
    createdAt: new Date('2026-01-02T03:04:05Z'),
    updatedAt: new Date('2026-01-02T03:04:05Z'),
    ...fields,
  }
}

/** Data that is as `image` says, unless other `bytes` are given to be sent in its place. */
export function dataOf(
  image: Image,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): ImageData {
  const { size, checksum, digest } = image
  return {
    size,
    checksum,
    digest,
    open: async () =>
      (async function* () {
        yield* chunks
      })(),
  }
}

/** All of a stream, copied, since chunks are only lent. */
export async function collect(data: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of data) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

export async function toArray<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
