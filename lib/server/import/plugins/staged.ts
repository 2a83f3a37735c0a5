import { fileURLToPath } from 'node:url'
import { GlanceError } from '../../../errors.ts'
import type { ReadAt } from '../../../format/zip.ts'
import type { ImportWork } from '../work.ts'

/** The file of something that is staged, for a program. @throws {GlanceError} `unsupported` when there is none. */
export function pathOf(url: string): string {
  if (url.startsWith('file:')) return fileURLToPath(url)
  throw new GlanceError('unsupported', 'data is converted only when it is staged in a folder')
}

/** Reads small pieces of what is staged now. */
export function piecesOf({ staging, staged, signal }: ImportWork): ReadAt {
  return async (offset, length) => {
    if (length === 0) return Buffer.alloc(0)
    const chunks: Buffer[] = []
    const data = await staging.open(staged, { offset, length }, { signal })
    for await (const chunk of data) chunks.push(Buffer.from(chunk))
    return Buffer.concat(chunks)
  }
}
