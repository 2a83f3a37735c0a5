import { at, hasText, incomplete, last, type Probe, type Progress, sizeOf } from './probe.ts'

/** QEMU's enhanced disk: given up long ago, and taken by nobody. */
export function* qed(): Probe {
  const header = yield at(0, 512)
  if (header.length < 512 || !hasText(header, 'QED\0')) return null
  const flaw = { check: 'banned', reason: 'the format qed is not allowed' } as const
  return { format: 'qed', virtualSize: null, complete: true, flaws: [flaw] }
}

/** VirtualBox's format. Numbers are little-endian. */
export function* vdi(): Probe {
  const header = yield at(0, 512)
  if (header.length < 512 || header.readUInt32LE(0x40) !== 0xbeda107f) return null
  const virtualSize = sizeOf(header.readBigUInt64LE(0x170))
  return { format: 'vdi', virtualSize, complete: true, flaws: [] }
}

/** ISO 9660 and UDF: the first descriptor comes after 32 KiB that are anybody's, and is a sector of 2 KiB. */
export function* iso(): Probe {
  const header = yield at(32 * 1024, 2 * 1024)
  if (header.length < 2 * 1024) return null
  if (!['CD001', 'NSR02', 'NSR03'].some(text => hasText(header, text, 1))) return null
  // Only a primary volume descriptor tells the size, in both byte orders, of which the first is little-endian.
  const virtualSize = header[0] === 1 ? header.readUInt32LE(80) * header.readUInt16LE(128) : null
  return { format: 'iso', virtualSize, complete: true, flaws: [] }
}

/** Version 1 of the Linux disk encryption. The disk is what comes after the header. */
export function* luks(data: Progress): Probe {
  const header = yield at(0, 592)
  if (!hasText(header, 'LUKS\xba\xbe')) return null
  if (header.length < 592) return incomplete('luks')
  yield last(0)
  const version = header.readUInt16BE(6)
  const size = data.size - header.readUInt32BE(104) * 512
  const flaw = { check: 'version', reason: `version ${version} of LUKS is not supported` } as const
  return {
    format: 'luks',
    virtualSize: size >= 0 ? size : null,
    complete: true,
    flaws: version === 1 ? [] : [flaw],
  }
}
