import { createGunzip } from 'node:zlib'
import type { Bytes } from '../../../stream/bytes.ts'
import type { ImportWork } from '../work.ts'
import { decompressed } from './decompressed.ts'
import { unlha } from './unlha.ts'
import { unzipped } from './unzip.ts'

/** How compressed files begin, and after how many bytes. */
const MAGIC = [
  { format: 'gzip', offset: 0, bytes: Buffer.from([0x1f, 0x8b, 0x08]) },
  { format: 'zip', offset: 0, bytes: Buffer.from('PK\u0003\u0004', 'latin1') },
  { format: 'lha', offset: 2, bytes: Buffer.from('-lh', 'latin1') },
] as const
const LONGEST = 5

/**
 * Puts what is compressed in the data in its place, of an archive the only file; what is not, and an image whose
 * container format is `compressed`, stays as it is. @throws {GlanceError} `unsupported` for what we know and cannot
 * read; `corrupt`; `over_limit`.
 */
export async function imageDecompression(work: ImportWork): Promise<void> {
  if ((await work.image()).containerFormat === 'compressed') return
  const source = await work.stagedSource()
  const head = await beginningOf(await source.open())
  const magic = MAGIC.find(({ offset, bytes }) =>
    head.subarray(offset, offset + bytes.length).equals(bytes),
  )
  switch (magic?.format) {
    case undefined:
      return
    case 'gzip':
      return work.stage(decompressed(await source.open(), createGunzip(), 'gzip'), null)
    case 'zip': {
      const { data, size } = await unzipped(work)
      return work.stage(data, size)
    }
    case 'lha': {
      const { data, size } = await unlha(work)
      return work.stage(data, size)
    }
  }
}

async function beginningOf(data: Bytes): Promise<Buffer> {
  let head = Buffer.alloc(0)
  for await (const chunk of data) {
    head = Buffer.concat([head, chunk.subarray(0, LONGEST)])
    if (head.length >= LONGEST) break
  }
  return head
}
