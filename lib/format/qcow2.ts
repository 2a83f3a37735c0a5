import { at, type Flaw, hasText, type Probe, sizeOf } from './probe.ts'

/** Bits of the incompatible features of version 3: the third is an external data file, those from the fifth unknown. */
const DATA_FILE = 1n << 2n
const KNOWN = (1n << 4n) - 1n

/** QEMU's copy-on-write format (its docs/interop/qcow2.rst). Numbers are big-endian. */
export function* qcow2(): Probe {
  const header = yield at(0, 512)
  if (header.length < 512 || !hasText(header, 'QFI\xfb')) return null
  return {
    format: 'qcow2',
    virtualSize: sizeOf(header.readBigUInt64BE(24)),
    complete: true,
    flaws: [...flawsOf(header)],
  }
}

function* flawsOf(header: Buffer): Generator<Flaw> {
  if (header.readBigUInt64BE(8) !== 0n) {
    yield { check: 'backing_file', reason: 'it has a backing file' }
  }
  const version = header.readUInt32BE(4)
  if (version === 2) return // Had no features yet.
  if (version !== 3) {
    yield { check: 'unknown_features', reason: `version ${version} of qcow2 is not supported` }
    return
  }
  const features = header.readBigUInt64BE(72)
  if ((features & DATA_FILE) !== 0n) {
    yield { check: 'data_file', reason: 'it keeps its data in another file' }
  }
  if ((features & ~KNOWN) !== 0n) {
    yield { check: 'unknown_features', reason: 'it needs features that are not known' }
  }
}
