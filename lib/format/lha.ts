import { GlanceError } from '../errors.ts'
import type { ReadAt } from './zip.ts'

/** The one file in an lha archive. */
export interface LhaFile {
  /** Bytes, unpacked. */
  readonly size: number
  /** CRC-16 of what is unpacked. */
  readonly crc16: number
}

/** A header of level 0 or 1 is at most this long, and of the others no more is looked at. */
const HEADER = 257
/** How much of a header tells where the next one is. */
const LEAST = 24
const FOLDER = '-lhd-'

/**
 * Finds the only file in an lha archive of `size` bytes, which is to be unpacked by somebody else.
 * @throws {GlanceError} `unsupported` for several files and for a folder; `corrupt` for what is no such archive.
 */
export async function onlyLhaFileIn(read: ReadAt, size: number): Promise<LhaFile> {
  const header = await read(0, Math.min(size, HEADER))
  const first = headerIn(header)
  if (first.end > size) throw damaged('its file is cut short')
  const rest = await read(first.end, Math.min(size - first.end, 1))
  // A byte of nothing, or nothing at all, ends an archive.
  if ((rest[0] ?? 0) !== 0) throw new GlanceError('unsupported', 'the archive holds several files')
  return first
}

function headerIn(header: Buffer): LhaFile & { readonly end: number } {
  if (header.length < LEAST) throw damaged('its header is cut short')
  const method = header.toString('latin1', 2, 7)
  if (!/^-l[hz][\da-z]-$/.test(method)) throw damaged('it has no header')
  if (method === FOLDER)
    throw new GlanceError('unsupported', 'the archive holds a folder, not a file')
  const packed = header.readUInt32LE(7)
  const size = header.readUInt32LE(11)
  const level = header.readUInt8(20)
  switch (level) {
    case 0:
    case 1: {
      const nameEnd = 22 + header.readUInt8(21)
      if (nameEnd + 2 > header.length) throw damaged('its header is cut short')
      // What a header of level 1 is extended by counts as packed data.
      return { size, crc16: header.readUInt16LE(nameEnd), end: 2 + header.readUInt8(0) + packed }
    }
    case 2:
      return { size, crc16: header.readUInt16LE(21), end: header.readUInt16LE(0) + packed }
    default:
      throw new GlanceError('unsupported', `the archive has a header of level ${level}`)
  }
}

function damaged(how: string): GlanceError {
  return new GlanceError('corrupt', `the lha archive is damaged: ${how}`)
}
