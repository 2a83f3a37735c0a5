import { at, type Finding, hasText, incomplete, type Probe, sizeOf } from './probe.ts'

const KIB = 1024
/** Of the region table and of the table of metadata: 2047 entries of 32 bytes, and what comes before them. */
const TABLE = 64 * KIB
const ENTRY = 32
const MOST_ENTRIES = 2047

/** As the bytes of a GUID are in a file: the first three parts are little-endian. */
const METADATA_REGION = Buffer.from('06a27c8b90479a4bb8fe575f050f886e', 'hex')
const VIRTUAL_DISK_SIZE = Buffer.from('2442a52f1bcd7648b2115dbed83bf4b8', 'hex')

/**
 * Hyper-V's format (MS-VHDX): a table of regions, of which one has a table of metadata, of which one item is the
 * size of the disk. Numbers are little-endian. Without these tables nobody can use it: it counts as incomplete.
 */
export function* vhdx(): Probe {
  const identifier = yield at(0, 32)
  if (!hasText(identifier, 'vhdxfile')) return null
  const regions = yield at(192 * KIB, TABLE)
  if (regions.length < TABLE || !hasText(regions, 'regi')) return incomplete('vhdx')
  const region = entryOf(regions, 16, regions.readUInt32LE(8), METADATA_REGION)
  if (region === undefined) return incomplete('vhdx')
  const offset = sizeOf(region.readBigUInt64LE(16))
  if (offset === null) return incomplete('vhdx')
  const metadata = yield at(offset, TABLE)
  if (metadata.length < 32 || !hasText(metadata, 'metadata')) return incomplete('vhdx')
  const item = entryOf(metadata, 32, metadata.readUInt16LE(10), VIRTUAL_DISK_SIZE)
  if (item === undefined) return incomplete('vhdx')
  const within = item.readUInt32LE(16)
  if (within + 8 <= metadata.length) return disk(metadata.subarray(within))
  const size = yield at(offset + within, 8)
  return size.length < 8 ? incomplete('vhdx') : disk(size)
}

function disk(size: Buffer): Finding {
  const virtualSize = sizeOf(size.readBigUInt64LE(0))
  return { format: 'vhdx', virtualSize, complete: true, flaws: [] }
}

/** The entry of a table that begins with `guid`; undefined when there is none, or the table ends before. */
function entryOf(table: Buffer, first: number, count: number, guid: Buffer): Buffer | undefined {
  for (let i = 0; i < Math.min(count, MOST_ENTRIES); i += 1) {
    const entry = table.subarray(first + i * ENTRY, first + (i + 1) * ENTRY)
    if (entry.length < ENTRY) return undefined
    if (entry.subarray(0, guid.length).equals(guid)) return entry
  }
  return undefined
}
