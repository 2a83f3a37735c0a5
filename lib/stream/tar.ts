import { GlanceError } from '../errors.ts'
import type { Bytes } from './bytes.ts'
import { collectText } from './text.ts'

/** One file of a tar archive. */
export interface TarEntry {
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** The file, once, before the next entry is asked for; what is not read is passed over. Ends in `corrupt` when it is cut short. */
  readonly bytes: Bytes
}

/** What stands at the end of an archive. */
export const TAR_END: Uint8Array = Buffer.alloc(1024)

const BLOCK = 512
/** Bytes of a name, or of what else is said of one file, at most. */
const LONGEST_EXTRA = 1024 * 1024

/**
 * The header of a regular file, which `size` bytes and {@link tarPadding} follow. Sizes from 8 GiB on are in base 256, as
 * GNU tar has them. @throws {TypeError} for a name longer than 100 bytes.
 */
export function tarHeader(name: string, size: number, modified: Date): Uint8Array {
  if (Buffer.byteLength(name) > 100) throw new TypeError(`too long for a header: ${name}`)
  const header = Buffer.alloc(BLOCK)
  header.write(name, 0)
  header.write('0000644\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  if (size < 8 ** 11) header.write(`${octal(size, 11)}\0`, 124)
  else {
    header[124] = 0x80
    header.writeBigUInt64BE(BigInt(size), 128)
  }
  header.write(`${octal(Math.floor(modified.getTime() / 1000), 11)}\0`, 136)
  header.write('0', TYPE, 'latin1')
  header.write('ustar\u000000', 257)
  header.write(`${octal(sumOf(header), 6)}\0 `, CHECKSUM)
  return header
}

/** What fills the last block of a file of `size` bytes. */
export function tarPadding(size: number): Uint8Array {
  return TAR_END.subarray(0, (BLOCK - (size % BLOCK)) % BLOCK)
}

const TYPE = 156
const CHECKSUM = 148

/**
 * The regular files of an archive, in their order; other things, such as folders, are left out. Understands ustar, pax and the
 * long names and sizes of GNU tar. Reads on behind the end of the archive, so that who writes it is not cut off.
 * Who reads a sparse file gets `unsupported`, and may go on with the next.
 * @throws {GlanceError} `corrupt` when it is none, or is cut short.
 */
export async function* readTar(bytes: Bytes): AsyncGenerator<TarEntry, void> {
  const input = new Input(bytes)
  let [pax, longName]: [ReadonlyMap<string, string>, string | undefined] = [new Map(), undefined]
  try {
    for (let first = true; ; first = false) {
      const header = Buffer.from(await input.take(BLOCK))
      if (header.length < BLOCK)
        throw cut(header.length === 0 && !first ? 'after an entry' : 'in a header')
      if (header.every(byte => byte === 0)) break
      const type = header.toString('latin1', TYPE, TYPE + 1)
      if (number(header, CHECKSUM, 8) !== sumOf(header)) {
        throw new GlanceError(
          'corrupt',
          first ? 'this is no tar archive' : 'the tar archive is damaged',
        )
      }
      const size = Number(pax.get('size') ?? number(header, 124, 12))
      if (!Number.isSafeInteger(size) || size < 0) {
        throw new GlanceError('corrupt', 'the tar archive is damaged: a file has no size')
      }
      const name: string =
        pax.get('GNU.sparse.name') ?? pax.get('path') ?? longName ?? nameIn(header)
      const left = { bytes: size }
      if (type === 'x') pax = paxRecords(await collectText(input.upTo(left, name), LONGEST_EXTRA))
      else if (type === 'L') {
        longName = (await collectText(input.upTo(left, name), LONGEST_EXTRA)).replace(/\0.*$/s, '')
      } else {
        const isSparse = type === 'S' || [...pax.keys()].some(key => key.startsWith('GNU.sparse.'))
        // What more is known of its holes stands before its data, and is not counted.
        if (type === 'S') {
          for (let block = header, at = 482; block[at] === 1; at = 504)
            block = Buffer.from(await input.take(BLOCK))
        }
        if (isSparse) yield { name, size, bytes: unsupported(name) }
        else if (type === '0' || type === '\0' || type === '7') {
          yield { name, size, bytes: input.upTo(left, name) }
        }
        ;[pax, longName] = [new Map(), undefined]
      }
      left.bytes += tarPadding(size).length
      for await (const _ of input.upTo(left, name));
    }
    for (let rest = await input.chunk(); rest !== undefined; rest = await input.chunk())
      input.skip(rest.length)
  } finally {
    await input.close()
  }
}

/** What comes, in pieces of the sizes that are asked for. */
class Input {
  readonly #source: AsyncIterator<Uint8Array>
  #chunk: Uint8Array = new Uint8Array()

  constructor(bytes: Bytes) {
    this.#source = bytes[Symbol.asyncIterator]()
  }

  /** What there is, at least a byte, without taking it; undefined at the end. */
  async chunk(): Promise<Uint8Array | undefined> {
    while (this.#chunk.length === 0) {
      const next = await this.#source.next()
      if (next.done === true) return undefined
      this.#chunk = next.value
    }
    return this.#chunk
  }

  skip(length: number): void {
    this.#chunk = this.#chunk.subarray(length)
  }

  /** The next `length` bytes, or fewer at the end. */
  async take(length: number): Promise<Uint8Array> {
    const taken = Buffer.alloc(length)
    let filled = 0
    while (filled < length) {
      const chunk = (await this.chunk())?.subarray(0, length - filled)
      if (chunk === undefined) return taken.subarray(0, filled)
      taken.set(chunk, filled)
      filled += chunk.length
      this.skip(chunk.length)
    }
    return taken
  }

  /** So many bytes as `left` says, which is counted down. */
  async *upTo(left: { bytes: number }, name: string): AsyncGenerator<Uint8Array, void> {
    while (left.bytes > 0) {
      const chunk = (await this.chunk())?.subarray(0, left.bytes)
      if (chunk === undefined) throw cut(`in ${name}`)
      left.bytes -= chunk.length
      this.skip(chunk.length)
      yield chunk
    }
  }

  async close(): Promise<void> {
    await this.#source.return?.()
  }
}

/** What is read of a sparse file. */
// eslint-disable-next-line require-yield -- there is nothing to be had.
async function* unsupported(name: string): AsyncGenerator<Uint8Array, void> {
  throw new GlanceError(
    'unsupported',
    `${name} is a sparse file of GNU tar: pack it without --sparse`,
  )
}

function cut(where: string): GlanceError {
  return new GlanceError('corrupt', `the archive is cut short, ${where}`)
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}

/** The sum of a header's bytes, those of the sum itself as blanks. */
function sumOf(header: Uint8Array): number {
  return header.reduce((sum, byte, i) => sum + (i >= CHECKSUM && i < CHECKSUM + 8 ? 0x20 : byte), 0)
}

/** A number in octal, or in base 256 when its first bit is set; NaN when it is neither. */
function number(header: Buffer, at: number, length: number): number {
  const field = header.subarray(at, at + length)
  if (field[0] === 0x80) return field.subarray(1).reduce((value, byte) => value * 256 + byte, 0)
  const digits = /^ *([0-7]*)(?:[ \0]|$)/.exec(field.toString('latin1'))?.[1]
  if (digits === undefined) return Number.NaN
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}

function nameIn(header: Buffer): string {
  const text = (at: number, length: number) =>
    header.toString('utf8', at, at + length).replace(/\0.*$/s, '')
  const prefix = text(257, 6) === 'ustar' ? text(345, 155) : ''
  return prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`
}

/** Records of the form `length key=value\n`, where the length, in bytes, is that of the record. */
function paxRecords(text: string): ReadonlyMap<string, string> {
  const records = new Map<string, string>()
  for (let rest = Buffer.from(text); rest.length > 0;) {
    const [, length, key] = /^(\d+) ([^=]+)=/.exec(rest.toString('utf8', 0, 1024)) ?? []
    if (length === undefined || key === undefined) break
    const start = Buffer.byteLength(`${length} ${key}=`)
    records.set(key, rest.toString('utf8', start, Number(length) - 1))
    rest = rest.subarray(Math.max(Number(length), 1))
  }
  return records
}
