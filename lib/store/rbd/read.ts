import { GlanceError } from '../../errors.ts'
import type { ByteRange } from '../../stream/range.ts'
import { outputOf } from './output.ts'
import { type RbdInfo, type RbdName, type RbdPool, wordsOf } from './pool.ts'
import type { CephPrograms } from './program.ts'

/** Bytes of a chunk of zeros, at most. */
const CHUNK = 1024 * 1024

/** What is read, and by what. */
export interface RbdReading {
  readonly programs: CephPrograms
  readonly pool: RbdPool
  readonly name: RbdName
  readonly info: RbdInfo
}

/**
 * The bytes of a part of an image. `rbd export` has them all, and always begins at the first one. So of a part that
 * begins later the objects are read that have it, by `rados`, as long as the image is still what its snapshot is of:
 * `rados` knows no snapshots of images. Starts no program before it is asked for a chunk.
 * @throws {GlanceError} `gone` when the image is removed meanwhile, which Ceph shows as zeros; `corrupt`; `unavailable`.
 */
export async function* readRange(
  reading: RbdReading,
  range: ByteRange,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  const { pool, name, info } = reading
  if (range.length === 0) return
  const byObject =
    range.offset >= info.objectSize && info.isPlain && (await pool.isUnchanged(name, signal))
  const data = byObject ? objects(reading, range, signal) : exported(reading, range, signal)
  let left = range.length
  for await (const chunk of data) {
    left -= chunk.length
    if (left === 0) await requireUntouched(reading, byObject, signal)
    yield chunk
  }
  if (left === 0) return
  const message = `store ${reading.programs.store}: rbd image ${name.image} ends ${left} bytes too early`
  throw new GlanceError('corrupt', message)
}

/** Before the last chunk goes out, so that nobody ever has all of what was not all there. */
async function requireUntouched(
  { programs, pool, name }: RbdReading,
  byObject: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  const isThere = byObject
    ? await pool.isUnchanged(name, signal)
    : (await pool.find(name, signal)) !== undefined
  if (isThere) return
  const message = `store ${programs.store}: rbd image ${name.image} was removed while it was read`
  throw new GlanceError('gone', message)
}

async function* exported(
  { programs, name }: RbdReading,
  range: ByteRange,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  const running = programs.start('rbd', ['export', '--no-progress', '--path=-', ...wordsOf(name)])
  const ending = yield* outputOf(running, range, signal)
  if (ending === null || ending.status === 0) return
  const fault = programs.fault('rbd export', ending)
  throw fault.code === 'not_found' ? new GlanceError('gone', fault.message) : fault
}

async function* objects(
  { programs, info }: RbdReading,
  { offset, length }: ByteRange,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  const end = offset + length
  for (let at = offset; at < end;) {
    const within = at % info.objectSize
    const wanted = Math.min(info.objectSize - within, end - at)
    const number = Math.floor(at / info.objectSize).toString(16)
    const object = `${info.prefix}.${number.padStart(16, '0')}`
    const running = programs.start('rados', [`--pool=${info.dataPool}`, 'get', object, '-'])
    let left = wanted
    const output = outputOf(running, { offset: within, length: wanted }, signal)
    const ending = yield* counted(output, length => (left -= length))
    // An object is as long as what was written of it, and there is none where nothing was: the rest is zeros.
    if (ending !== null && ending.status !== 0 && !ending.stderr.includes(': (2) ')) {
      throw programs.fault('rados get', ending)
    }
    yield* zeros(left)
    at += wanted
  }
}

async function* counted<R>(
  data: AsyncGenerator<Uint8Array, R>,
  on: (length: number) => void,
): AsyncGenerator<Uint8Array, R> {
  for (;;) {
    const { done, value } = await data.next()
    if (done === true) return value
    on(value.length)
    yield value
  }
}

function* zeros(length: number): Generator<Uint8Array, void> {
  for (let left = length; left > 0; left -= CHUNK) yield Buffer.alloc(Math.min(left, CHUNK))
}
