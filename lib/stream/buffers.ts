/** Bytes of a buffer. Larger ones make nothing faster that comes over a network. */
const SMALL = 256 * 1024
/** Of one for a file, where they are few: to read it in smaller pieces takes twice as long. */
const LARGE = 1024 * 1024
/** Large ones that are in use at the same time, at most. */
const MOST_LARGE = 16
/** How many of each kind are kept for whoever comes next. */
const KEPT = { small: 32, large: 4 } as const

const idle = { small: [] as Buffer[], large: [] as Buffer[] }
let largeInUse = 0

/** A buffer in which anything may be, until it is given back or dropped. */
export function takeBuffer(): Buffer {
  return idle.small.pop() ?? Buffer.allocUnsafeSlow(SMALL)
}

/** As {@link takeBuffer}, of 1 MiB unless many have one, so that memory does not grow with how many there are. */
function takeLargeBuffer(): Buffer {
  if (largeInUse === MOST_LARGE) return takeBuffer()
  largeInUse += 1
  return idle.large.pop() ?? Buffer.allocUnsafeSlow(LARGE)
}

/** As {@link takeBuffer}, for `size` bytes at a time: larger where these are many. */
export function takeBufferFor(size: number): Buffer {
  return size > SMALL ? takeLargeBuffer() : takeBuffer()
}

/** For others to use, from now on. */
export function giveBuffer(buffer: Buffer): void {
  dropBuffer(buffer)
  const size = buffer.length === LARGE ? 'large' : 'small'
  if (idle[size].length < KEPT[size]) idle[size].push(buffer)
}

/** Nobody is to use it again: who was lent it may still be at it. */
export function dropBuffer({ length }: Buffer): void {
  if (length === LARGE) largeInUse -= 1
}

/**
 * What `read` lends out of a buffer of no more than `size` bytes, which is for others to use when all of it has been
 * read: whoever leaves early may still be writing what was lent last.
 */
export async function* lending(
  size: number,
  read: (buffer: Buffer) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const buffer = takeBufferFor(size)
  let isOver = false
  try {
    yield* read(buffer.subarray(0, size))
    isOver = true
  } finally {
    if (isOver) giveBuffer(buffer)
    else dropBuffer(buffer)
  }
}

/** A copy of a chunk, for when what that is in is used for others already. Of a large one the copy is nobody's afterwards. */
export function copied(chunk: Uint8Array): AsyncGenerator<Uint8Array, void> {
  const isSmall = chunk.length <= SMALL
  const buffer = isSmall ? takeBuffer() : Buffer.allocUnsafeSlow(chunk.length)
  buffer.set(chunk)
  async function* lent() {
    yield buffer.subarray(0, chunk.length)
    if (isSmall) giveBuffer(buffer)
  }
  return lent()
}
