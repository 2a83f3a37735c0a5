import { at, hasText, incomplete, last, type Probe, type Progress, sizeOf } from './probe.ts'

const COOKIE = 'conectix'
const FIXED = 2

/**
 * Virtual PC's format. A disk that grows begins with a copy of its footer; one of a fixed size has it at the end only,
 * after the bytes of the disk. Numbers are big-endian.
 */
export function* vhd(data: Progress): Probe {
  const header = yield at(0, 512)
  if (hasText(header, COOKIE)) {
    if (header.length < 512) return incomplete('vhd')
    return { format: 'vhd', virtualSize: diskSize(header), complete: true, flaws: [] }
  }
  const footer = yield last(512)
  if (footer.length < 512 || !hasText(footer, COOKIE)) return null
  if (footer.readUInt32BE(60) !== FIXED) return null
  if (sizeOf(footer.readBigUInt64BE(48)) !== data.size - 512) return null
  return { format: 'vhd', virtualSize: diskSize(footer), complete: true, flaws: [], byItsEnd: true }
}

/** As Glance: the size that the disk was made with, not the one that it was given later. */
function diskSize(footer: Buffer): number | null {
  return sizeOf(footer.readBigUInt64BE(40))
}
