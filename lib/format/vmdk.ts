import { at, type Flaw, hasText, incomplete, last, type Probe, sizeOf } from './probe.ts'

const SECTOR = 512
const MAGIC = 'KDMV'
const LARGEST_DESCRIPTOR = 1024 * 1024 - 1
/** The directory of grains is at the end: there is a footer, which counts for more than the header. */
const AT_END = 0xffff_ffff_ffff_ffffn
const FOOTER_MARKER = 3

/**
 * VMware's format: a sparse extent with a descriptor in it, or a descriptor alone, which names other files and so is
 * never safe. Numbers are little-endian. `allowedTypes` are those of `createType`.
 */
export function* vmdk(allowedTypes: readonly string[]): Probe {
  const header = yield at(0, SECTOR)
  if (!hasText(header, MAGIC)) return yield* descriptorAlone(header)
  if (header.length < SECTOR) return incomplete('vmdk')
  const { version, sectors, descriptorSector, descriptorSectors, directory } = sparseHeader(header)
  if (version < 1 || version > 3 || descriptorSector !== 1n) {
    return { format: 'vmdk', virtualSize: null, complete: true, flaws: [flaw('no descriptor')] }
  }
  const length = Math.min(Number(descriptorSectors) * SECTOR, LARGEST_DESCRIPTOR)
  const descriptor = yield at(SECTOR, length)
  if (descriptor.length < length) return incomplete('vmdk')
  const isAllowed = allows(allowedTypes, descriptor)
  const flaws = [...descriptorFlaws(descriptor, isAllowed)]
  if (directory === AT_END) {
    const end = yield last(3 * SECTOR)
    if (end.length < 3 * SECTOR) return incomplete('vmdk')
    flaws.push(...footerFlaws(header, end))
  }
  const virtualSize = isAllowed ? sizeOf(sectors * 512n) : null
  return { format: 'vmdk', virtualSize, complete: true, flaws }
}

function sparseHeader(bytes: Buffer) {
  return {
    magic: bytes.toString('latin1', 0, 4),
    version: bytes.readUInt32LE(4),
    sectors: bytes.readBigUInt64LE(12),
    descriptorSector: bytes.readBigUInt64LE(28),
    descriptorSectors: bytes.readBigUInt64LE(36),
    directory: bytes.readBigUInt64LE(56),
  }
}

/** Text in which a type is created, as far as a descriptor may go. */
function* descriptorAlone(header: Buffer): Probe {
  if (header.length < 64 || !isText(header)) return null
  const rest = yield at(SECTOR, LARGEST_DESCRIPTOR - SECTOR)
  if (typeIn(textOf(Buffer.concat([header, rest]))) === null) return null
  const flaws = [flaw('its data is in other files')]
  return { format: 'vmdk', virtualSize: null, complete: true, flaws }
}

function isText(bytes: Buffer): boolean {
  return bytes.every(byte => (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d))
}

/** Up to the padding. Case does not matter in it. */
function textOf(descriptor: Buffer): string {
  const end = descriptor.indexOf(0)
  return descriptor.toString('latin1', 0, end < 0 ? descriptor.length : end).toLowerCase()
}

function typeIn(text: string): string | null {
  const [, type] = /createtype="([^"]{0,63})"/.exec(text) ?? []
  return type ?? null
}

function allows(allowedTypes: readonly string[], descriptor: Buffer): boolean {
  const type = typeIn(textOf(descriptor))
  return allowedTypes.some(allowed => allowed.toLowerCase() === type)
}

/** Every line has to be one that is understood, and no extent may be in another folder. */
function* descriptorFlaws(descriptor: Buffer, isAllowed: boolean): Generator<Flaw> {
  const text = textOf(descriptor)
  if (text === '' || Buffer.from(text, 'latin1').some(byte => byte > 0x7f)) {
    yield flaw('no descriptor')
    return
  }
  if (!isAllowed) {
    yield flaw('its subformat is not allowed')
    return
  }
  let extents = 0
  for (const line of text.split('\n').map(line => line.trim())) {
    if (line === '' || line.startsWith('#') || line.startsWith('ddb')) continue
    if (/^[^ =]*=/.test(line)) continue
    if (!/^(?:rw|rdonly|noaccess)(?: |$)/.test(line)) {
      yield flaw('its descriptor has a line that is not understood')
      return
    }
    extents += 1
    if (line.includes('/')) yield flaw('an extent is in another folder')
  }
  if (extents === 0) yield flaw('it has no extents')
}

/** `end` is a marker, the footer and the marker of the end, a sector each. */
function footerFlaws(header: Buffer, end: Buffer): Flaw[] {
  const expected = sparseHeader(header)
  const footer = sparseHeader(end.subarray(SECTOR))
  const isSame = (['magic', 'version', 'descriptorSector', 'descriptorSectors'] as const).every(
    name => footer[name] === expected[name],
  )
  if (!isSame || footer.directory === AT_END) {
    return [{ check: 'footer', reason: 'its footer is not as its header' }]
  }
  const [before, after] = [end.subarray(0, SECTOR), end.subarray(2 * SECTOR)]
  const isMarked = before.readUInt32LE(8) === 0 && before.readUInt32LE(12) === FOOTER_MARKER
  if (isMarked && isZero(before.subarray(16)) && isZero(after)) return []
  return [{ check: 'footer', reason: 'its footer is not marked as one' }]
}

function isZero(bytes: Buffer): boolean {
  return bytes.every(byte => byte === 0)
}

function flaw(reason: string): Flaw {
  return { check: 'descriptor', reason }
}
