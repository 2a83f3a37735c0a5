import { GlanceError } from '../errors.ts'

/** The one file in a zip archive. Numbers are bytes. */
export interface ZippedFile {
  readonly method: 'stored' | 'deflated'
  /** Where its data begins in the archive. */
  readonly offset: number
  /** How long the data is there. */
  readonly packedSize: number
  readonly size: number
  readonly crc32: number
}

/** So many bytes of the archive from there on. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>

/** The end of the directory, its comment, and the end and the locator of zip64 (APPNOTE.TXT 4.3.14 to 4.3.16). */
const END = { signature: 0x06054b50, length: 22, longestComment: 0xffff }
const END_64 = { signature: 0x06064b50, length: 56 }
const LOCATOR = { signature: 0x07064b50, length: 20 }
const ENTRY = { signature: 0x02014b50, length: 46, longest: 46 + 3 * 0xffff }
const LOCAL = { signature: 0x04034b50, length: 30 }

/** Says in a field of 16 or 32 bits that the number stands elsewhere, in 64. */
const ELSEWHERE_16 = 0xffff
const ELSEWHERE_32 = 0xffffffff
const EXTRA_64 = 0x0001

/** Flags of an entry that we cannot do with: encrypted, a patch, strongly encrypted, a masked header. */
const ENCRYPTED = 0x0001 | 0x0040 | 0x2000
const PATCH = 0x0020

/**
 * Finds the only file in a zip archive of `size` bytes, by its directory and its own header, which have to agree.
 * @throws {GlanceError} `unsupported` for several files or none, a folder, encryption and other compressions than
 * deflate; `corrupt` for what does not add up.
 */
export async function onlyFileIn(read: ReadAt, size: number): Promise<ZippedFile> {
  const directory = await directoryOf(read, size)
  if (directory.files !== 1) {
    const count = directory.files === 0 ? 'no file' : `${directory.files} files`
    throw unsupported(`the archive holds ${count}, and has to hold one`)
  }
  const { length } = directory
  const isEntry = length >= ENTRY.length && length <= ENTRY.longest
  if (!isEntry || directory.offset + length > size) {
    throw damaged('its directory is not where it should be')
  }
  const entry = entryIn(await read(directory.offset, directory.length))
  const local = await localHeader(read, entry, directory.offset)
  return { ...entry.file, offset: local }
}

interface Directory {
  readonly files: number
  readonly offset: number
  readonly length: number
}

async function directoryOf(read: ReadAt, size: number): Promise<Directory> {
  const start = Math.max(0, size - END.length - END.longestComment)
  const tail = await read(start, size - start)
  const at = endIn(tail)
  const end = tail.subarray(at)
  const disks = end.readUInt16LE(4) + end.readUInt16LE(6)
  const files = end.readUInt16LE(10)
  const length = end.readUInt32LE(12)
  const offset = end.readUInt32LE(16)
  const isLarge = files === ELSEWHERE_16 || length === ELSEWHERE_32 || offset === ELSEWHERE_32
  if (isLarge) return largeDirectory(read, start + at)
  if (disks !== 0) throw unsupported('the archive has several volumes')
  return { files, offset, length }
}

/** Where the last record begins whose comment ends with the archive. */
function endIn(tail: Buffer): number {
  for (let at = tail.length - END.length; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) !== END.signature) continue
    if (at + END.length + tail.readUInt16LE(at + 20) === tail.length) return at
  }
  throw damaged('it has no end')
}

async function largeDirectory(read: ReadAt, end: number): Promise<Directory> {
  if (end < LOCATOR.length + END_64.length) throw damaged('its zip64 end is missing')
  const locator = await read(end - LOCATOR.length, LOCATOR.length)
  if (locator.readUInt32LE(0) !== LOCATOR.signature) throw damaged('its zip64 end is missing')
  const at = long(locator, 8)
  if (at + END_64.length > end - LOCATOR.length) throw damaged('its zip64 end is missing')
  const record = await read(at, END_64.length)
  if (record.readUInt32LE(0) !== END_64.signature) throw damaged('its zip64 end is missing')
  return { files: long(record, 32), length: long(record, 40), offset: long(record, 48) }
}

interface Entry {
  readonly file: Omit<ZippedFile, 'offset'>
  readonly flags: number
  readonly name: Buffer
  /** Where the file's own header is. */
  readonly at: number
}

function entryIn(directory: Buffer): Entry {
  if (directory.readUInt32LE(0) !== ENTRY.signature) throw damaged('its directory is none')
  const flags = directory.readUInt16LE(8)
  const nameLength = directory.readUInt16LE(28)
  const extraLength = directory.readUInt16LE(30)
  const name = directory.subarray(ENTRY.length, ENTRY.length + nameLength)
  const extraAt = ENTRY.length + nameLength
  const extra = directory.subarray(extraAt, extraAt + extraLength)
  const commentLength = directory.readUInt16LE(32)
  if (extraAt + extraLength + commentLength !== directory.length) {
    throw damaged('its directory is not one entry')
  }
  if ((flags & ENCRYPTED) !== 0) throw unsupported('the archive is encrypted')
  if ((flags & PATCH) !== 0) throw unsupported('the archive holds a patch')
  if (name.at(-1) === '/'.charCodeAt(0)) throw unsupported('the archive holds a folder, not a file')
  // In this order, and only those that are said to stand there.
  const large = largeNumbers(extra)
  const [size, packedSize, at] = [24, 20, 42].map(field => {
    const number = directory.readUInt32LE(field)
    return number === ELSEWHERE_32 ? large() : number
  })
  if (size === undefined || packedSize === undefined || at === undefined) {
    throw damaged('its sizes are missing')
  }
  const method = methodOf(directory.readUInt16LE(10))
  if (method === 'stored' && size !== packedSize) throw damaged('its sizes differ')
  return {
    file: { method, packedSize, size, crc32: directory.readUInt32LE(16) },
    flags,
    name,
    at,
  }
}

function methodOf(method: number): ZippedFile['method'] {
  if (method === 0) return 'stored'
  if (method === 8) return 'deflated'
  throw unsupported(`the archive is compressed by method ${method}, not by deflate`)
}

/** The numbers of a zip64 extra field, one after the other. */
function largeNumbers(extra: Buffer): () => number | undefined {
  let rest = extra
  while (rest.length >= 4) {
    const length = rest.readUInt16LE(2)
    const field = rest.subarray(4, 4 + length)
    if (rest.readUInt16LE(0) === EXTRA_64) {
      let next = 0
      return () => (next + 8 > field.length ? undefined : long(field, (next += 8) - 8))
    }
    rest = rest.subarray(4 + length)
  }
  return () => undefined
}

/** Where the data begins, by the header before it. */
async function localHeader(read: ReadAt, entry: Entry, end: number): Promise<number> {
  const { at, name, file } = entry
  if (at + LOCAL.length + name.length > end) throw damaged('its file is not where it should be')
  const header = await read(at, LOCAL.length + name.length)
  const isSame =
    header.readUInt32LE(0) === LOCAL.signature &&
    header.readUInt16LE(6) === entry.flags &&
    methodOf(header.readUInt16LE(8)) === file.method &&
    header.readUInt16LE(26) === name.length &&
    header.subarray(LOCAL.length).equals(name)
  if (!isSame) throw damaged('its file is not what its directory says')
  const offset = at + LOCAL.length + name.length + header.readUInt16LE(28)
  if (offset + file.packedSize > end) throw damaged('its file is cut short')
  return offset
}

function long(buffer: Buffer, at: number): number {
  const number = buffer.readBigUInt64LE(at)
  if (number > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged('a number in it is too large')
  return Number(number)
}

function damaged(how: string): GlanceError {
  return new GlanceError('corrupt', `the zip archive is damaged: ${how}`)
}

function unsupported(why: string): GlanceError {
  return new GlanceError('unsupported', why)
}
