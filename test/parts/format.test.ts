import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import t from 'tap'
import { Inspector } from '../../lib/format/inspector.ts'
import { type FormatRules, virtualSizeOf } from '../../lib/format/verdict.ts'

const FIXTURES = 'fixtures/formats'
const KIB = 1024
const RULES: FormatRules = {
  requireMatch: true,
  vmdkTypes: ['streamOptimized', 'monolithicSparse'],
  harmlessChecks: [],
}

/** What `qemu-img` made; see the README there. */
function made(name: string): Buffer {
  return gunzipSync(readFileSync(join(FIXTURES, `${name}.gz`)))
}

/** What comes of uploading the data in chunks of `chunkSize`: its virtual size, or why it is refused. */
function judge(
  diskFormat: string,
  data: Uint8Array,
  rules: Partial<FormatRules> = {},
  chunkSize = 64 * KIB,
): number | string | null {
  const all = { ...RULES, ...rules }
  const inspector = new Inspector(all.vmdkTypes)
  for (let i = 0; i < data.length; i += chunkSize) inspector.update(data.subarray(i, i + chunkSize))
  try {
    const findings = inspector.finish()
    return virtualSizeOf({ diskFormat, size: data.length, findings }, all)
  } catch (error) {
    t.match(error, { code: 'unsupported_media_type' })
    return error instanceof Error ? error.message : String(error)
  }
}

/** A copy of the data in which something is written over, each with its offset. */
function patched(data: Buffer, ...patches: readonly (readonly [number, Buffer])[]): Buffer {
  const copy = Buffer.from(data)
  for (const [offset, bytes] of patches) bytes.copy(copy, offset)
  return copy
}

const bytes = (...values: readonly number[]) => Buffer.from(values)
const text = (value: string) => Buffer.from(value, 'latin1')
const SIGNATURE = [510, bytes(0x55, 0xaa)] as const
const LINUX_PARTITION = [446, bytes(0x80, 1, 1, 0, 0x83, 1, 1, 0, 1, 0, 0, 0, 8, 0, 0, 0)] as const
const PROTECTIVE = [446, bytes(0, 0, 2, 0, 0xee, 1, 1, 0, 1, 0, 0, 0, 8, 0, 0, 0)] as const
const DISK = Buffer.alloc(64 * KIB)
const GPT = patched(DISK, SIGNATURE, PROTECTIVE)
const ISO = readFileSync('fixtures/images/5d1f6a8e-3c27-4e9d-b7a4-9e0c2b8d7f03.img')
const LUKS = patched(DISK, [0, text('LUKS\xba\xbe\0\x01')], [104, bytes(0, 0, 0, 8)])
const QCOW2 = made('qcow2-v3')
const VMDK = made('vmdk-sparse')

/** A streamOptimized extent whose directory is at its end. */
function withFooter(footer: (header: Buffer) => Buffer): Buffer {
  const atEnd = Buffer.alloc(8, 0xff)
  const header = patched(VMDK.subarray(0, 512), [56, atEnd])
  const marker = patched(Buffer.alloc(512), [12, bytes(3)])
  return Buffer.concat([patched(VMDK, [56, atEnd]), marker, footer(header), Buffer.alloc(512)])
}
const PROPER_FOOTER = withFooter(header => patched(header, [56, Buffer.alloc(8, 1)]))

t.test('the virtual size is the one that is inside', async t => {
  for (const [title, format, data, size] of [
    ['qcow2', 'qcow2', QCOW2, 1024 * KIB],
    ['qcow2 of version 2', 'qcow2', made('qcow2-v2'), 64 * KIB],
    ['vmdk, monolithicSparse', 'vmdk', VMDK, 64 * KIB],
    ['vmdk, streamOptimized', 'vmdk', made('vmdk-stream'), 64 * KIB],
    ['vmdk with a footer', 'vmdk', PROPER_FOOTER, 64 * KIB],
    ['vdi', 'vdi', made('vdi'), 64 * KIB],
    ['vhd that grows', 'vhd', made('vpc-dynamic'), 68 * KIB],
    ['vhd of a fixed size', 'vhd', made('vpc-fixed'), 64 * KIB],
    ['vhd of a fixed size, with partitions', 'vhd', withPartitions(made('vpc-fixed')), 64 * KIB],
    ['vhdx', 'vhdx', made('vhdx'), 64 * KIB],
    ['iso', 'iso', ISO, 19 * 2 * KIB],
    ['iso that can be booted as a disk', 'iso', withPartitions(ISO), 19 * 2 * KIB],
    ['raw, anything', 'raw', text('some data'), 9],
    ['raw, nothing', 'raw', Buffer.alloc(0), null],
    ['raw with partitions', 'raw', withPartitions(DISK), 64 * KIB],
    ['raw with a GPT', 'raw', GPT, 64 * KIB],
    ['raw, although it is qcow2', 'raw', QCOW2, QCOW2.length],
    ['gpt', 'gpt', GPT, 64 * KIB],
    ['luks', 'luks', LUKS, 60 * KIB],
    ['ploop, which nobody looks into', 'ploop', DISK, null],
  ] as const) {
    t.equal(judge(format, data), size, title)
  }
})

t.test('data of another format is refused', async t => {
  for (const [title, format, data, reason] of [
    ['vmdk for qcow2', 'qcow2', VMDK, /disk_format qcow2 does not match stream data vmdk/],
    ['qcow2 for vmdk', 'vmdk', QCOW2, /disk_format vmdk does not match stream data qcow2/],
    ['raw for iso', 'iso', DISK, /disk_format iso does not match stream data raw/],
    ['raw for vhd', 'vhd', DISK, /disk_format vhd does not match stream data raw/],
    ['partitions for qcow2', 'qcow2', GPT, /disk_format qcow2 does not match stream data gpt/],
    ['qcow2 for ploop', 'ploop', QCOW2, /disk_format ploop does not match stream data qcow2/],
    ['a header cut short', 'qcow2', QCOW2.subarray(0, 511), /does not match stream data raw/],
    ['qcow of version 1', 'qcow2', made('qcow1'), /version 1 of qcow2 is not supported/],
    ['two formats at once', 'qcow2', patched(QCOW2, SIGNATURE), /multiple formats .*: qcow2,gpt/],
    ['as raw as well', 'raw', patched(QCOW2, SIGNATURE), /multiple formats detected: qcow2,gpt/],
    ['a footer at the wrong place', 'vhd', made('vpc-fixed').subarray(512), /stream data raw/],
    ['vhdx without its tables', 'vhdx', made('vhdx').subarray(0, 192 * KIB), /^incomplete file/],
    ['vmdk without its descriptor', 'vmdk', VMDK.subarray(0, 600), /^incomplete file/],
  ] as const) {
    t.match(judge(format, data), reason, title)
  }
})

t.test('data that is not safe is refused, also as raw', async t => {
  const descriptor = (from: string, to: string) =>
    patched(VMDK, [VMDK.indexOf(from), text(to.padEnd(from.length))])
  for (const [title, format, data, reason] of [
    ['a backing file', 'qcow2', made('qcow2-backing'), /has a backing file/],
    ['a data file', 'qcow2', made('qcow2-datafile'), /keeps its data in another file/],
    ['an unknown feature', 'qcow2', made('qcow2-extl2'), /needs features that are not known/],
    ['a feature from far ahead', 'qcow2', patched(QCOW2, [72, bytes(0x80)]), /not known/],
    ['version 4', 'qcow2', patched(QCOW2, [7, bytes(4)]), /version 4 .* not supported/],
    ['qed', 'qed', made('qed'), /the format qed is not allowed/],
    ['vmdk, monolithicFlat', 'vmdk', made('vmdk-flat'), /its data is in other files/],
    [
      'another subformat',
      'vmdk',
      descriptor('"monolithicSparse"', '"fullDevice"'),
      /its subformat is not allowed/,
    ],
    [
      'an extent elsewhere',
      'vmdk',
      descriptor('"vmdk-sparse.img"', '"/etc/passwd"'),
      /an extent is in another folder/,
    ],
    ['no extents', 'vmdk', descriptor('RW 128', '# RW 8'), /has no extents/],
    ['a line that means nothing', 'vmdk', descriptor('RW 128', 'EVIL 8'), /is not understood/],
    ['a descriptor elsewhere', 'vmdk', patched(VMDK, [28, bytes(2)]), /no descriptor/],
    ['a descriptor that is not ASCII', 'vmdk', patched(VMDK, [520, bytes(0xe9)]), /no descriptor/],
    ['a footer that differs', 'vmdk', withFooter(() => Buffer.alloc(512)), /footer is not as/],
    ['a footer with a footer', 'vmdk', withFooter(header => header), /footer is not as its header/],
    [
      'a footer that is not the end',
      'vmdk',
      Buffer.concat([PROPER_FOOTER.subarray(0, -1), bytes(1)]),
      /not marked as one/,
    ],
    ['no partitions', 'gpt', patched(DISK, SIGNATURE), /there are no partitions/],
    ['a boot flag', 'gpt', patched(GPT, [446, bytes(1)]), /wrong boot flag/],
    ['a GPT that starts late', 'gpt', patched(GPT, [454, bytes(2)]), /wrong start LBA/],
    ['a GPT with odd geometry', 'gpt', patched(GPT, [447, bytes(9)]), /wrong start CHS/],
    ['a GPT and more', 'gpt', patched(GPT, [466, bytes(0x83)]), /partitions besides the GPT/],
    ['LUKS 2', 'luks', patched(LUKS, [7, bytes(2)]), /version 2 of LUKS is not supported/],
  ] as const) {
    t.match(
      judge(format, data),
      new RegExp(`^image failed safety checks: .*${reason.source}`),
      title,
    )
    t.match(judge('raw', data), reason, `${title}, as raw`)
  }
})

t.test('a FAT file system has a signature as partitions have, and is raw', async t => {
  const fat = patched(DISK, SIGNATURE, [0x10, bytes(2)], [0x15, bytes(0xf8)])
  t.equal(judge('raw', fat), 64 * KIB)
})

t.test('without the need for a match', async t => {
  const rules = { requireMatch: false }
  t.equal(judge('vmdk', QCOW2, rules), null, 'another format is taken, its size not')
  t.equal(judge('qcow2', patched(QCOW2, SIGNATURE), rules), null, 'several formats are taken')
  t.match(judge('qcow2', made('qcow2-backing'), rules), /has a backing file/, 'unsafe is not')
})

t.test('what is safe can be said otherwise', async t => {
  t.match(judge('vmdk', VMDK, { vmdkTypes: [] }), /subformat is not allowed/)
  t.equal(judge('vmdk', VMDK, { vmdkTypes: ['monolithicsparse'] }), 64 * KIB)
  const boot = patched(DISK, SIGNATURE)
  t.match(judge('raw', boot), /there are no partitions/)
  t.equal(judge('raw', boot, { harmlessChecks: ['mbr'] }), 64 * KIB)
})

t.test('a size that no number is as exact is not known', async t => {
  t.equal(judge('qcow2', patched(QCOW2, [24, Buffer.alloc(8, 0xff)])), null)
})

t.test('how the data is cut up makes no difference', async t => {
  for (const name of readdirSync(FIXTURES).filter(name => name.endsWith('.gz'))) {
    const data = made(name.slice(0, -3)).subarray(0, 3 * 1024 * KIB)
    const format = name.split(/[-.]/)[0]?.replace('vpc', 'vhd') ?? ''
    const whole = judge(format, data, {}, data.length)
    for (const size of [509, 4096, 65_537]) t.equal(judge(format, data, {}, size), whole, name)
  }
  for (const size of [1, 7]) t.equal(judge('iso', ISO, {}, size), 19 * 2 * KIB)
})

t.test('whatever the data, there is an answer, and no more is held than 2 MiB', async () => {
  const originals = readdirSync(FIXTURES)
    .filter(name => name.endsWith('.gz'))
    .map(name => made(name.slice(0, -3)).subarray(0, 2560 * KIB))
    .concat(ISO, GPT, LUKS, PROPER_FOOTER, text('createType="x"'.repeat(200_000)))
  const change = fc.tuple(fc.nat({ max: 4 * KIB }), fc.uint8Array({ minLength: 1, maxLength: 16 }))
  const damaged = fc
    .tuple(
      fc.constantFrom(...originals),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.array(change),
    )
    .map(([original, part, changes]) => {
      const cut = Buffer.from(original.subarray(0, Math.ceil(original.length * part ** 3)))
      for (const [offset, bytes] of changes)
        cut.set(bytes.subarray(0, Math.max(cut.length - offset, 0)), Math.min(offset, cut.length))
      return cut
    })
  const anything = fc.oneof(fc.uint8Array({ maxLength: 2 * KIB }), damaged)
  fc.assert(
    fc.property(anything, fc.integer({ min: 1000, max: 100_000 }), (data, chunkSize) => {
      const inspector = new Inspector(RULES.vmdkTypes)
      for (let i = 0; i < data.length; i += chunkSize) {
        inspector.update(data.subarray(i, i + chunkSize))
        if (inspector.held > 2048 * KIB) return false
      }
      for (const { virtualSize } of inspector.finish()) {
        if (virtualSize !== null && !(Number.isSafeInteger(virtualSize) && virtualSize >= 0))
          return false
      }
      return true
    }),
    { numRuns: 400 },
  )
})

function withPartitions(data: Buffer): Buffer {
  return patched(data, SIGNATURE, LINUX_PARTITION)
}
