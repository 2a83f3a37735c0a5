import { crc32, deflateRawSync } from 'node:zlib'

/** What is special about a zip archive; by default it holds one deflated file. */
interface ZipOptions {
  readonly name?: string
  readonly method?: number
  readonly flags?: number
  /** How the directory differs. */
  readonly crc?: number
  readonly size?: number
  readonly packed?: Buffer
  readonly comment?: string
  /** How many files there are said to be. */
  readonly files?: number
  /** Whether all numbers stand in fields of 64 bits. */
  readonly zip64?: boolean
  /** The name in the file's own header. */
  readonly localName?: string
}

/** A zip archive that holds the data. */
export function zipOf(data: string | Buffer, options: ZipOptions = {}): Buffer {
  const { name = 'disk.img', method = 8, flags = 0, comment = '', files = 1 } = options
  const bytes = Buffer.from(data)
  const packed = options.packed ?? (method === 8 ? deflateRawSync(bytes) : bytes)
  const { crc = crc32(bytes), size = bytes.length, zip64 = false, localName = name } = options
  const local = Buffer.concat([
    u32(0x04034b50),
    u16(20, flags, method, 0, 0),
    u32(crc, packed.length, size),
    u16(localName.length, 4),
    Buffer.from(localName),
    u16(0xcafe, 0), // An extra field that nobody knows, and that the directory has not.
  ])
  const large = Buffer.concat([
    u16(0xcafe, 1),
    Buffer.from('x'),
    u16(1, 24),
    u64(size),
    u64(packed.length),
    u64(0),
  ])
  const extra = zip64 ? large : Buffer.alloc(0)
  const entry = Buffer.concat([
    u32(0x02014b50),
    u16(20, 20, flags, method, 0, 0),
    u32(crc, zip64 ? 0xffffffff : packed.length, zip64 ? 0xffffffff : size),
    u16(name.length, extra.length, 0, 0, 0),
    u32(0, zip64 ? 0xffffffff : 0),
    Buffer.from(name),
    extra,
  ])
  const at = local.length + packed.length
  const end64 = Buffer.concat([
    u32(0x06064b50),
    u64(44),
    u16(45, 45),
    u32(0, 0),
    ...[files, files, entry.length, at].map(u64),
    u32(0x07064b50, 0),
    u64(at + entry.length),
    u32(1),
  ])
  const end = Buffer.concat([
    u32(0x06054b50),
    u16(0, 0, zip64 ? 0xffff : files, zip64 ? 0xffff : files),
    u32(zip64 ? 0xffffffff : entry.length, zip64 ? 0xffffffff : at),
    u16(comment.length),
    Buffer.from(comment),
  ])
  return Buffer.concat([local, packed, entry, ...(zip64 ? [end64] : []), end])
}

function u16(...numbers: readonly number[]): Buffer {
  const buffer = Buffer.alloc(2 * numbers.length)
  for (const [i, number] of numbers.entries()) buffer.writeUInt16LE(number, 2 * i)
  return buffer
}

function u32(...numbers: readonly number[]): Buffer {
  const buffer = Buffer.alloc(4 * numbers.length)
  for (const [i, number] of numbers.entries()) buffer.writeUInt32LE(number, 4 * i)
  return buffer
}

function u64(number: number): Buffer {
  const buffer = Buffer.alloc(8)
  buffer.writeBigUInt64LE(BigInt(number))
  return buffer
}
