import * as fc from 'fast-check'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import t from 'tap'
import { isGlanceError } from '../../lib/errors.ts'
import { abortable } from '../../lib/stream/abortable.ts'
import { DIGEST_ALGORITHMS } from '../../lib/image/digest.ts'
import { digested, Hasher } from '../../lib/stream/digest.ts'
import { leastPace } from '../../lib/stream/least-pace.ts'
import { limitSize } from '../../lib/stream/limit-size.ts'
import { meter } from '../../lib/stream/meter.ts'
import { parseContentRange, parseRange } from '../../lib/stream/range.ts'
import { rechunk } from '../../lib/stream/rechunk.ts'
import { verify } from '../../lib/stream/verify.ts'
import { bytesOf, collect } from '../../lib/compliance/bytes.ts'

const MD5 = hex('md5', 'abc')
const SHA256 = hex('sha256', 'abc')
const UNKNOWN = { size: null, checksum: null, digest: null }

t.test(
  'a hasher computes several digests of one stream, which passes through unchanged',
  async t => {
    const hasher = new Hasher(['md5', 'sha512', 'md5'])
    t.equal(await textOf(digested(bytesOf('a', '', 'bc'), hasher)), 'abc')
    t.equal(await hasher.hex('md5'), MD5)
    t.equal(await hasher.hex('sha512'), hex('sha512', 'abc'))
    t.equal(await hasher.hex('md5'), MD5, 'and may be asked again')
    await t.rejects(hasher.hex('sha1'), TypeError, 'but not for what it was not made for')
  },
)

t.test('digests of long streams, which other threads compute', async t => {
  const algorithms = ['md5', 'sha512', 'sha256'] as const
  /** Chunks of one buffer, which is another one's as soon as the next chunk is asked for. */
  async function* lent(seed: number, length: number) {
    const buffer = Buffer.allocUnsafe(700_001)
    for (let at = 0; at < length; at += buffer.length) {
      for (let i = 0; i < buffer.length; i += 1) buffer[i] = (i * seed + at) & 255
      yield buffer.subarray(0, Math.min(buffer.length, length - at))
      buffer.fill(0)
    }
  }
  const LONG = 9_000_000

  t.test('several at once, of memory that is only lent', async t => {
    const all = Array.from({ length: 6 }, async (_, seed) => {
      const hasher = new Hasher(algorithms)
      const here = algorithms.map(name => createHash(name))
      for await (const chunk of lent(seed, LONG + seed)) {
        for (const hash of here) hash.update(chunk)
        await hasher.update(chunk)
      }
      const found = await Promise.all(algorithms.map(name => hasher.hex(name)))
      t.strictSame(
        found,
        here.map(hash => hash.digest('hex')),
      )
      await t.rejects(hasher.hex('sha1'), TypeError)
    })
    await Promise.all(all)
  })

  t.test(
    'are told before the end too, whether the stream has been short or long by then',
    async t => {
      const [hasher, here] = [new Hasher(['sha512']), createHash('sha512')]
      for await (const chunk of lent(3, LONG)) {
        here.update(chunk)
        await hasher.update(chunk)
        t.equal(await hasher.hex('sha512'), here.copy().digest('hex'))
      }
    },
  )

  t.test('of many streams that are all behind, of which some end and some go on', async t => {
    const chunk = Buffer.alloc(256 * 1024, 'what there is most of')
    const streams = await Promise.all(
      Array.from({ length: 60 }, async () => {
        const hasher = new Hasher(['sha512'])
        for (let i = 0; i < 5; i += 1) await hasher.update(chunk)
        return hasher
      }),
    )
    // The threads have these all at once, and nothing comes after most of them.
    await Promise.all(streams.map(async hasher => await hasher.update(chunk)))
    await Promise.all(streams.slice(50).map(async hasher => await hasher.update(chunk)))
    const of = (chunks: number) =>
      createHash('sha512')
        .update(Buffer.concat(Array.from({ length: chunks }, () => chunk)))
        .digest('hex')
    const found = await Promise.all(streams.map(async hasher => await hasher.hex('sha512')))
    t.strictSame(
      found,
      streams.map((_, i) => (i < 50 ? of(6) : of(7))),
    )
  })

  t.test('are told to more who ask at once than a thread has room for', async t => {
    const hasher = new Hasher(['md5'])
    for await (const chunk of lent(1, LONG)) await hasher.update(chunk)
    const asked = await Promise.all(Array.from({ length: 5000 }, () => hasher.hex('md5')))
    t.equal(new Set(asked).size, 1)
    t.match(asked[0], /^[0-9a-f]{32}$/)
  })

  /** What a program prints that can make a `Hasher`. */
  async function printed(script: string, ...options: readonly string[]): Promise<string> {
    const from = JSON.stringify(new URL('../../lib/stream/digest.js', import.meta.url).href)
    // Without what the tests are started with, which wants more than it may be permitted.
    const { stdout } = await promisify(execFile)('env', [
      '-u',
      'NODE_OPTIONS',
      process.execPath,
      ...options,
      '--input-type=module',
      '-e',
      `const { Hasher } = await import(${from});${script}`,
    ])
    return stdout.trim()
  }

  const NINE = `
    const hasher = new Hasher(['md5'])
    for (let i = 0; i < 9; i += 1) await hasher.update(new Uint8Array(1e6))
    console.log(await hasher.hex('md5'))`
  const OF_NINE = createHash('md5').update(new Uint8Array(9e6)).digest('hex')

  t.test('do not keep a program from ending', async t => {
    t.equal(await printed(NINE), OF_NINE)
    const unasked = NINE.replace('i < 9', 'i < 3').replace(
      "await hasher.hex('md5')",
      "'not asked for'",
    )
    t.equal(await printed(unasked), 'not asked for', 'also when nobody asks for one')
  })

  t.test('are computed here where no thread may be started', async t => {
    // What a process may have no more of, its permissions stand for.
    const options = ['--experimental-permission', '--allow-fs-read=*', '--no-warnings']
    t.equal(await printed(NINE, ...options), OF_NINE)
  })

  t.test('fail when their thread ends, whose place another takes', async t => {
    const said = await printed(`
      const threads = []
      process.on('worker', thread => threads.push(thread))
      const chunk = new Uint8Array(1e6)
      const long = async () => {
        const hasher = new Hasher(['md5'])
        for (let i = 0; i < 9; i += 1) await hasher.update(chunk)
        return hasher
      }
      const begun = await Promise.all(Array.from({ length: 2 }, long))
      await Promise.all(begun.map(hasher => hasher.hex('md5')))
      await Promise.all(threads.map(thread => thread.terminate()))
      for (const hasher of begun) {
        // More than all streams together may have on its way.
        const fed = (async () => { for (let i = 0; i < 9; i += 1) await hasher.update(chunk) })()
        for (const failed of [fed, hasher.hex('md5')])
          await failed.then(() => console.log('done'), error => console.log(error.code))
      }
      console.log(await (await long()).hex('md5'))`)
    // With one processor there are no threads that could end.
    const end = availableParallelism() > 1 ? 'unavailable' : 'done'
    t.strictSame(said.split('\n'), [end, end, end, end, OF_NINE])
  })
})

t.test('verify', async t => {
  const digest = { algorithm: 'sha256', value: SHA256 }
  for (const { title, sent, expected, message } of [
    { title: 'nothing is checked when nothing is expected', sent: ['x'], expected: UNKNOWN },
    {
      title: 'the expected bytes pass',
      sent: ['ab', 'c'],
      expected: { size: 3, checksum: MD5, digest },
    },
    { title: 'no bytes pass when none are expected', sent: [], expected: { ...UNKNOWN, size: 0 } },
    {
      title: 'a short stream is corrupt',
      sent: ['ab'],
      expected: { ...UNKNOWN, size: 3 },
      message: 'the data ends after 2 of the 3 bytes expected',
    },
    {
      title: 'a long stream is corrupt',
      sent: ['abc', 'd'],
      expected: { ...UNKNOWN, size: 3 },
      message: 'the data goes on after the 3 bytes expected',
    },
    {
      title: 'a flipped bit is corrupt',
      sent: ['abd'],
      expected: { size: 3, checksum: null, digest },
      message: `sha256 is ${hex('sha256', 'abd')}, expected ${SHA256}`,
    },
    {
      title: 'a checksum is enough to find it',
      sent: ['abd'],
      expected: { ...UNKNOWN, checksum: MD5 },
      message: `md5 is ${hex('md5', 'abd')}, expected ${MD5}`,
    },
    {
      title: 'the checksum counts when the digest is of an unknown algorithm',
      sent: ['abd'],
      expected: { ...UNKNOWN, checksum: MD5, digest: { algorithm: 'blake3', value: 'ff' } },
      message: `md5 is ${hex('md5', 'abd')}, expected ${MD5}`,
    },
    {
      title: 'the digest counts, not a checksum beside it',
      sent: ['abc'],
      expected: { ...UNKNOWN, checksum: 'ff', digest },
    },
    {
      title: 'hex digits in capitals mean the same',
      sent: ['abc'],
      expected: { ...UNKNOWN, digest: { algorithm: 'sha256', value: SHA256.toUpperCase() } },
    },
  ]) {
    t.test(title, async t => {
      const run = textOf(verify(bytesOf(...sent), expected))
      if (message === undefined) t.equal(await run, sent.join(''))
      else await t.rejects(run, { code: 'corrupt', message })
    })
  }

  t.test('where bytes follow the last one expected, that is not passed on either', async t => {
    let seen = ''
    const run = async () => {
      for await (const chunk of verify(bytesOf('ab', 'c', 'd', 'e'), { ...UNKNOWN, size: 3 })) {
        seen += Buffer.from(chunk).toString()
      }
    }
    await t.rejects(run(), { code: 'corrupt' })
    t.equal(seen, 'ab')
  })
})

t.test('a meter tells the total after each chunk has been dealt with', async t => {
  const events: (string | number)[] = []
  for await (const chunk of meter(bytesOf('ab', 'cde'), total => events.push(total))) {
    events.push(Buffer.from(chunk).toString())
  }
  t.strictSame(events, ['ab', 2, 'cde', 5])
})

t.test(
  'a size limit lets through what fits and ends in over_limit at the first chunk that does not',
  async t => {
    t.equal(await textOf(limitSize(bytesOf('ab', 'c'), 3)), 'abc')
    await t.rejects(textOf(limitSize(bytesOf('ab', 'cd'), 3)), { code: 'over_limit' })
  },
)

t.test(
  'small chunks are gathered into large ones and large ones cut, the last being the rest',
  async t => {
    const sizes: number[] = []
    const chunks = ['a', 'bcdefgh', '', 'ij']
    const data = meter(rechunk(bytesOf(...chunks), 3), total => sizes.push(total))
    t.equal(await textOf(data), 'abcdefghij')
    t.strictSame(sizes, [3, 6, 9, 10])
  },
)

t.test('leaving the loop closes the source through all stages', async t => {
  const source = tracked('ab', 'cd')
  const stages = meter(limitSize(verify(source.data, { ...UNKNOWN, checksum: MD5 }), 9), () => {})
  for await (const _ of abortable(stages, new AbortController().signal)) break
  t.ok(source.closed())
})

t.test('abortable', async t => {
  const reason = new Error('enough')

  t.test('passes everything on while the signal does not fire, or where there is none', async t => {
    t.equal(await textOf(abortable(bytesOf('a', 'b'), undefined)), 'ab')
    t.equal(await textOf(abortable(bytesOf('a', 'b'), new AbortController().signal)), 'ab')
  })

  t.test('reads nothing when the signal has fired already', async t => {
    const source = tracked('a')
    await t.rejects(textOf(abortable(source.data, AbortSignal.abort(reason))), reason)
    t.equal(source.started(), false)
  })

  t.test('stops between two chunks and closes the source', async t => {
    const controller = new AbortController()
    const source = tracked('a', 'b')
    const run = async () => {
      for await (const _ of abortable(source.data, controller.signal)) controller.abort(reason)
    }
    await t.rejects(run(), reason)
    t.ok(source.closed())
  })

  t.test('stops while the source keeps it waiting', async t => {
    const controller = new AbortController()
    let told = false
    const stuck: AsyncIterableIterator<Uint8Array> = {
      [Symbol.asyncIterator]: () => stuck,
      next: () => new Promise(() => queueMicrotask(() => controller.abort(reason))),
      return: async () => {
        told = true
        throw new Error('could not close')
      },
    }
    await t.rejects(textOf(abortable(stuck, controller.signal)), reason)
    t.ok(told, 'which is told to close')
  })

  t.test('throws on what the source throws', async t => {
    const broken = new Error('broken')
    const { signal } = new AbortController()
    await t.rejects(textOf(abortable(failing(broken), signal)), broken)
  })
})

t.test('a least pace', async t => {
  /** A source that takes so many milliseconds over each chunk, by a clock that only it moves. */
  const run = async (...chunks: readonly (readonly [ms: number, text: string])[]) => {
    let now = 0
    async function* source() {
      for (const [ms, text] of chunks) {
        now += ms
        yield* bytesOf(text)
      }
    }
    return textOf(leastPace(source(), { bytes: 3, ms: 10, clock: () => now }))
  }

  t.test('is no matter to what comes in time', async t => {
    t.equal(await run([9, 'a'], [9, 'bcd'], [9, 'e'], [0, 'f'], [9, 'g']), 'abcdefg')
    t.equal(await run([10, 'abc'], [10, 'def']), 'abcdef')
    t.equal(await run(), '')
  })

  t.test('ends what trickles in, at the beginning or later', async t => {
    const error = { code: 'unavailable', message: /^only 2 bytes came in 0 s$/ }
    await t.rejects(run([5, 'a'], [5, 'b'], [0, 'cdef']), error)
    await t.rejects(run([10, 'abcdef'], [12, 'gh']), error)
  })

  t.test('leaves the time out that the reader takes', async t => {
    let now = 0
    const data = leastPace(bytesOf('a', 'b', 'c'), { bytes: 3, ms: 10, clock: () => now })
    for await (const _ of data) now += 100
    t.equal(now, 300)
  })
})

t.test('a Range header', async t => {
  for (const [header, size, expected] of [
    ['bytes=0-4', 10, [0, 5]],
    ['bytes=9-9', 10, [9, 1]],
    ['bytes=4-', 10, [4, 6]],
    ['bytes=4-99', 10, [4, 6]],
    ['bytes=-3', 10, [7, 3]],
    ['bytes=-10', 10, [0, 10]],
    ['bytes=-11', 10, [0, 10]],
    ['bytes=-0', 10, [0, 10]],
    ['Bytes = 2 - 3', 10, [2, 2]],
    ['bytes=10-', 10, 'unsatisfiable_range'],
    ['bytes=0-', 0, 'unsatisfiable_range'],
    ['bytes=-1', 0, 'unsatisfiable_range'],
    ['bytes=5-4', 10, 'unsatisfiable_range'],
    ['bytes=99999999999999999999-', 10, 'unsatisfiable_range'],
    ['bytes=-', 10, 'unsatisfiable_range'],
    ['bytes=a-b', 10, 'unsatisfiable_range'],
    ['items=0-4', 10, 'unsatisfiable_range'],
    ['', 10, 'unsatisfiable_range'],
    ['bytes=0-1,3-4', 10, 'invalid'],
  ] as const) {
    t.test(rangeTitle(header, size, expected), async t => {
      if (typeof expected === 'string') t.throws(() => parseRange(header, size), { code: expected })
      else t.strictSame(Object.values(parseRange(header, size)), expected)
    })
  }

  t.test('whatever it says, asks for bytes that are there or is refused', async () => {
    const header = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.constantFrom('', '1', '7', '99'), fc.constantFrom('', '0', '5', '99'))
        .map(([first, last]) => `bytes=${first}-${last}`),
    )
    fc.assert(
      fc.property(header, fc.nat(20), (header, size) => {
        try {
          const { offset, length } = parseRange(header, size)
          return offset >= 0 && length > 0 && offset + length <= size
        } catch (error) {
          return isGlanceError(error, 'invalid', 'unsatisfiable_range')
        }
      }),
    )
  })
})

t.test('a Content-Range header of a request', async t => {
  for (const [header, size, expected] of [
    ['bytes 0-4/10', 10, [0, 5]],
    ['bytes 0-4/*', 10, [0, 5]],
    ['bytes 0-9/*', 10, [0, 10]],
    ['bytes 5-14/20', 10, [5, 5]],
    ['bytes 0-10/*', 10, 'unsatisfiable_range'],
    ['bytes 0-10/10', 10, 'unsatisfiable_range'],
    ['bytes 10-11/20', 10, 'unsatisfiable_range'],
    ['bytes 4-3/10', 10, 'unsatisfiable_range'],
    ['bytes */10', 10, 'unsatisfiable_range'],
    ['0-4', 10, 'unsatisfiable_range'],
  ] as const) {
    t.test(rangeTitle(header, size, expected), async t => {
      if (typeof expected === 'string') {
        t.throws(() => parseContentRange(header, size), { code: expected })
      } else {
        t.strictSame(Object.values(parseContentRange(header, size)), expected)
      }
    })
  }
})

function rangeTitle(header: string, size: number, expected: string | readonly number[]): string {
  const meaning =
    typeof expected === 'string' ? `is ${expected}` : `starts at ${expected.join(' and has ')}`
  return `"${header}" of ${size} bytes ${meaning}`
}

function hex(algorithm: string, text: string): string {
  return createHash(algorithm).update(text).digest('hex')
}

async function textOf(data: AsyncIterable<Uint8Array>): Promise<string> {
  return (await collect(data)).toString()
}

/** A source that knows whether it was started and whether it was closed. */
function tracked(...chunks: readonly string[]) {
  let state: 'new' | 'open' | 'closed' = 'new'
  async function* data() {
    state = 'open'
    try {
      yield* bytesOf(...chunks)
    } finally {
      state = 'closed'
    }
  }
  return { data: data(), started: () => state !== 'new', closed: () => state === 'closed' }
}

async function* failing(error: Error): AsyncGenerator<Uint8Array, void> {
  yield* bytesOf('a')
  throw error
}

t.test('every algorithm that a Glance may hash with is known by its name', async t => {
  const hasher = new Hasher(DIGEST_ALGORITHMS)
  await hasher.update(Buffer.from('abc'))
  for (const algorithm of DIGEST_ALGORITHMS) {
    t.match(await hasher.hex(algorithm), /^(?:[0-9a-f]{2}){16,64}$/, algorithm)
  }
  // As hashlib.new(name, b'abc').hexdigest() has them.
  t.match(await hasher.hex('blake2b'), /^ba80a53f981c4d0d/)
  t.match(await hasher.hex('blake2s'), /^508c5e8c327c14e2/)
  t.match(await hasher.hex('sha3_224'), /^e642824c3f8cf24a/)
})
