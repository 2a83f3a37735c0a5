import { at, type Flaw, last, type Probe, type Progress } from './probe.ts'

const PARTITIONS = 446
const PROTECTIVE = 0xee

/**
 * A disk with partitions: a master boot record, which is also the first sector of a GPT. A FAT file system has a boot
 * sector with the same signature, and is none.
 */
export function* gpt(data: Progress): Probe {
  const sector = yield at(0, 512)
  if (sector.length < 512 || sector.readUInt16LE(510) !== 0xaa55 || isFat(sector)) return null
  yield last(0)
  const flaw = flawOf(sector)
  const flaws = flaw === null ? [] : [flaw]
  return { format: 'gpt', virtualSize: data.size, complete: true, flaws }
}

/** Two tables, as every FAT but the tiniest, on a fixed disk. */
function isFat(sector: Buffer): boolean {
  return sector[0x10] === 2 && sector[0x15] === 0xf8
}

/** The first thing that is wrong with the table of partitions; null when nothing is. */
function flawOf(sector: Buffer): Flaw | null {
  const entries = [0, 1, 2, 3].map(i => sector.subarray(PARTITIONS + 16 * i).subarray(0, 16))
  for (const [i, entry] of entries.entries()) {
    if (entry[0] !== 0 && entry[0] !== 0x80) return mbr(`partition ${i} has a wrong boot flag`)
    if (entry[4] !== PROTECTIVE) continue
    if (entry.readUIntBE(1, 3) !== 0x000200) return mbr('the GPT has a wrong start CHS')
    if (entry.readUInt32LE(8) !== 1) return mbr('the GPT has a wrong start LBA')
  }
  const used = entries.filter(entry => entry[4] !== 0)
  if (used.length === 0) return mbr('there are no partitions')
  const isGpt = used.some(entry => entry[4] === PROTECTIVE)
  if (isGpt && (used.length > 1 || entries[0]?.[4] !== PROTECTIVE)) {
    return mbr('there are partitions besides the GPT')
  }
  return null
}

function mbr(reason: string): Flaw {
  return { check: 'mbr', reason }
}
