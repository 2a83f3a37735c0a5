/** An lha archive without its end that holds the data, which is not compressed. */
export function lhaOf(
  data: string,
  { level = 1, method = '-lh0-', crc = crc16(Buffer.from(data)) }: LhaOptions = {},
): Buffer {
  const name = Buffer.from('disk.img')
  const bytes = Buffer.from(data)
  const common = Buffer.alloc(19)
  common.write(method)
  common.writeUInt32LE(bytes.length, 5)
  common.writeUInt32LE(bytes.length, 9)
  common.writeUInt8(0x20, 17)
  common.writeUInt8(level, 18)
  const sum = u16(crc)
  if (level === 2) {
    const extension = Buffer.concat([u16(name.length + 3), Buffer.from([1]), name, u16(0)])
    const header = Buffer.concat([common, sum, Buffer.from('U'), extension])
    return Buffer.concat([u16(header.length + 2), header, bytes])
  }
  const more = level === 1 ? Buffer.concat([Buffer.from('U'), u16(0)]) : Buffer.alloc(0)
  const header = Buffer.concat([common, Buffer.from([name.length]), name, sum, more])
  const check = header.reduce((total, byte) => (total + byte) & 0xff, 0)
  return Buffer.concat([Buffer.from([header.length, check]), header, bytes])
}

interface LhaOptions {
  /** Of its header. */
  readonly level?: 0 | 1 | 2
  readonly method?: string
  readonly crc?: number
}

function u16(number: number): Buffer {
  const buffer = Buffer.alloc(2)
  buffer.writeUInt16LE(number)
  return buffer
}

function crc16(data: Uint8Array): number {
  let sum = 0
  for (const byte of data) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit += 1) sum = (sum & 1) === 1 ? (sum >>> 1) ^ 0xa001 : sum >>> 1
  }
  return sum
}
