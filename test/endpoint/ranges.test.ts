import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DirectoryEndpoint } from '../../lib/endpoint/directory.ts'
import type { ImageData } from '../../lib/endpoint/endpoint.ts'
import { transfer } from '../../lib/replicate/transfer.ts'
import { RateLimit } from '../../lib/stream/limit-rate.ts'
import { bytesOf, dataOf, idOf, imageOf } from '../support/images.ts'
import { run } from '../support/program.ts'
import { startTestServer } from '../support/server.ts'
import { type Manner, type Stored, startUnruly, type UnrulyServer } from '../support/unruly.ts'

const MIB = 1024 * 1024
/** Six parts of a MiB, and a shorter one. */
const DATA = bytesOf(1, 6 * MIB + 1000)
const IMAGE: Stored = { image: imageOf(1, DATA), data: DATA }
const FILE = `${idOf(1)}.img`
const STREAMS = ['--streams', '3', '--streams-cutoff', '1M']
/** As they are asked for when nothing happens. */
const RANGES = Array.from(
  { length: 7 },
  (_, i) => `bytes=${i * MIB}-${Math.min((i + 1) * MIB, DATA.length) - 1}`,
)
const [FIRST = '', , , FOURTH = ''] = RANGES

/** All that is told when nothing happens on the way. */
const QUIETLY = /^[^\n]*: created, 6\.0 MiB\n$/

type Manners = (asked: number, range?: string) => Manner

/** Asked for this range the first time, the source is like that. */
function once(wanted: string, manner: Manner): Manners {
  let done = false
  return (_, range) => {
    if (done || range !== wanted) return {}
    done = true
    return manner
  }
}

async function isComplete(t: Test, folder: string, data = DATA) {
  t.strictSame((await readdir(folder)).toSorted(), [idOf(1), FILE, 'MANIFEST'], 'nothing besides')
  t.ok((await readFile(join(folder, FILE))).equals(data), 'the bytes are the same')
  t.match(await run(['verify', folder]), { status: 0 })
}

const rangesAsked = ({ asked }: UnrulyServer) => asked.map(one => one.slice('1 '.length))

t.test('dump --streams reads an image in ranges', async t => {
  t.test('each of which is asked for once', async t => {
    const folder = t.testdir()
    const source = await startUnruly(t, [IMAGE])
    t.match(await run(['dump', ...STREAMS, source.url, folder]), { status: 0, stderr: QUIETLY })
    t.strictSame(rangesAsked(source).toSorted(), RANGES.toSorted())
    await isComplete(t, folder)
  })

  t.test('so many at once, as soon as the first has come', async t => {
    const folder = t.testdir()
    let release = () => {}
    const until = new Promise<void>(resolve => (release = resolve))
    const source = await startUnruly(t, [IMAGE], asked => {
      if (asked === 1) return {}
      if (asked === 4) release()
      return { until }
    })
    t.match(await run(['dump', ...STREAMS, source.url, folder]), { status: 0 })
    await isComplete(t, folder)
  })

  for (const [option, isSparse] of [
    ['--sparse', true],
    ['--no-sparse', false],
  ] as const) {
    t.test(`and zeros are holes or not as ever (${option})`, async t => {
      const data = Buffer.concat([bytesOf(5, 1000), Buffer.alloc(5 * MIB), bytesOf(6, 1000)])
      const folder = t.testdir()
      const source = await startUnruly(t, [{ image: imageOf(1, data), data }])
      t.match(await run(['dump', ...STREAMS, option, source.url, folder]), { status: 0 })
      t.ok(source.asked.length > 3)
      const { blocks, size } = await stat(join(folder, FILE))
      t.equal(size, data.length)
      if (!isSparse) t.ok(blocks * 512 >= size)
      await isComplete(t, folder, data)
    })
  }

  t.test('from a Glance of ours too', async t => {
    const source = await startTestServer(t)
    await source.create({ id: idOf(1), disk_format: 'raw', container_format: 'bare' })
    await source.upload(idOf(1), DATA)
    const folder = t.testdir()
    t.match(await run(['dump', ...STREAMS, source.url, folder]), { status: 0, stderr: QUIETLY })
    await isComplete(t, folder)
  })

  t.test('of which --bandwidth limits the sum', async t => {
    let time = 0
    const clock = { now: () => time, wait: async (ms: number) => void (time += ms) }
    const bandwidth = new RateLimit(() => MIB, clock)
    await using target = await DirectoryEndpoint.open(t.testdir(), {
      writable: true,
      ranges: 3,
      rangesCutoff: 1,
    })
    const asked: number[] = []
    const data: ImageData = {
      ...dataOf(IMAGE.image, [DATA]),
      openRange: async ({ offset, length }) => {
        asked.push(offset)
        return (async function* () {
          yield DATA.subarray(offset, offset + length)
        })()
      },
    }
    const features = { ...target.features, sequential: false }
    const told: number[] = []
    const onBytes = (bytes: number) => told.push(bytes)
    const options = { bandwidth, onBytes }
    await transfer(IMAGE.image, { features, data: async () => data }, target, options)
    t.equal(asked.length, RANGES.length)
    t.equal(Math.max(...told), DATA.length, 'and of which the progress is told')
    t.ok(Math.abs(time - 6000) < 500, `${time} ms for 6 MiB at 1 MiB/s`)
  })
  t.end()
})

t.test('dump --streams reads in one stream', async t => {
  for (const { title, words = STREAMS, manner, asked, told } of [
    {
      title: 'what is smaller than --streams-cutoff',
      words: ['--streams', '3', '--streams-cutoff', '7MiB'],
      asked: [''],
      told: QUIETLY,
    },
    {
      title: 'what is smaller than 256 MiB, when nothing is said of it',
      words: ['--streams', '3'],
      asked: [''],
      told: QUIETLY,
    },
    {
      title: 'from a source that sends all of it',
      manner: { range: 'ignored' },
      asked: [FIRST, ''],
      told: /in one stream, since it has no ranges: .*: 200 in answer to a range\n/,
    },
    {
      title: 'from a store without ranges',
      manner: { range: 'refused' },
      asked: [FIRST, ''],
      told: /: 400 in answer to a range\n/,
    },
    {
      title: 'from one that calls every range unsatisfiable',
      manner: { range: 'unsatisfiable' },
      asked: [FIRST, ''],
      told: /: 416 in answer to a range/,
    },
  ] satisfies {
    title: string
    words?: string[]
    manner?: Manner
    asked: string[]
    told: RegExp
  }[]) {
    t.test(title, async t => {
      const folder = t.testdir()
      const source = await startUnruly(t, [IMAGE], () => manner ?? {})
      const { status, stderr } = await run(['dump', ...words, source.url, folder])
      t.equal(status, 0)
      t.match(stderr, told)
      t.strictSame(rangesAsked(source), asked)
      await isComplete(t, folder)
    })
  }

  for (const [title, manner] of [
    ['all of it', { range: 'ignored' }],
    ['another range', { range: 'mislabelled' }],
    ['that there is none', { range: 'unsatisfiable' }],
  ] as const) {
    t.test(`the rest, when one range is answered by ${title}`, async t => {
      const folder = t.testdir()
      const source = await startUnruly(t, [IMAGE], once(FOURTH, manner))
      const { status, stderr } = await run(['dump', ...STREAMS, source.url, folder])
      t.equal(status, 0)
      t.match(stderr, /in one stream, since it has no ranges/)
      t.match(source.asked.at(-1), /^1 bytes=\d+-$/, 'from where it was whole')
      await isComplete(t, folder)
    })
  }

  t.test('images without a digest, which nothing would prove', async t => {
    const folder = t.testdir()
    const image = imageOf(1, DATA, { checksum: null, digest: null })
    const source = await startUnruly(t, [{ image, data: DATA }])
    t.match(await run(['dump', ...STREAMS, source.url, folder]), { status: 0 })
    t.strictSame(source.asked, ['1'])
    t.ok((await readFile(join(folder, FILE))).equals(DATA))
  })
  t.end()
})

t.test('a range that breaks off is read on by itself', async t => {
  const from = (range: string, offset: number) => {
    const [, first, last] = /=(\d+)-(\d+)/.exec(range) ?? []
    return `bytes=${Number(first) + offset}-${last}`
  }
  for (const { title, manner, again, told } of [
    {
      title: 'when its connection is cut',
      manner: { cutAfter: 700_000 },
      again: from(FOURTH, 700_000),
      told: /goes on at 3\.7 MiB after: /,
    },
    {
      title: 'when it stalls, after the time of --stall-timeout',
      manner: { stallAfter: 700_000 },
      again: from(FOURTH, 700_000),
      told: /goes on at 3\.7 MiB after: .*no byte came for 1 s/,
    },
    {
      title: 'also before its first byte',
      manner: { status: 503 },
      again: FOURTH,
      told: /goes on at 3\.0 MiB after: .*503/,
    },
  ]) {
    t.test(title, async t => {
      const folder = t.testdir()
      const source = await startUnruly(t, [IMAGE], once(FOURTH, manner))
      const words = ['dump', ...STREAMS, '--stall-timeout', '1', source.url, folder]
      const { status, stderr } = await run(words)
      t.equal(status, 0)
      t.match(stderr, told)
      t.notMatch(stderr, /attempt|one stream/)
      t.strictSame(rangesAsked(source).toSorted(), [...RANGES, again].toSorted())
      await isComplete(t, folder)
    })
  }
  t.end()
})

t.test('ranges of different data are found out, and the image is begun anew', async t => {
  for (const { title, manners, told } of [
    {
      title: 'by another entity tag',
      manners: (): Manners => {
        const changed = once(FOURTH, { headers: { etag: '"two"' } })
        return (asked, range) => ({ headers: { etag: '"one"' }, ...changed(asked, range) })
      },
      told: /attempt 2 after: .* it holds other data meanwhile/,
    },
    {
      title: 'by another size',
      manners: () => once(FOURTH, { total: DATA.length + 1 }),
      told: /attempt 2 after: .* it holds other data meanwhile/,
    },
    {
      title: 'by another MD5',
      manners: () => once(FOURTH, { headers: { 'content-md5': '0'.repeat(32) } }),
      told: /attempt 2 after: .* it holds other data meanwhile/,
    },
    {
      title: 'and else by the digest of the whole',
      manners: () => once(FOURTH, { corrupt: true }),
      told: /attempt 2 after: sha512 is .*, expected/,
    },
  ]) {
    t.test(title, async t => {
      const folder = t.testdir()
      const source = await startUnruly(t, [IMAGE], manners())
      const { status, stderr } = await run(['dump', ...STREAMS, source.url, folder])
      t.equal(status, 0)
      t.match(stderr, told)
      t.equal(rangesAsked(source).filter(range => range === FIRST).length, 2)
      await isComplete(t, folder)
    })
  }

  t.test('and when it stays so, nothing is left of it', async t => {
    const folder = t.testdir()
    const source = await startUnruly(t, [IMAGE], (_, range) => ({ corrupt: range === FOURTH }))
    const words = ['dump', ...STREAMS, '--attempts', '2', source.url, folder]
    t.match(await run(words), { status: 1, stderr: /failed: .*sha512 is/ })
    t.strictSame(await readdir(folder), [])
  })
  t.end()
})

t.test('what was read in ranges and broke off is gone on with by a later run', async t => {
  /** The first three parts are whole; of the fourth there are 700,000 bytes, of the fifth none, of others all or some. */
  async function brokenOff(t: Test) {
    const folder = t.testdir()
    const tell: (() => void)[] = []
    const all = RANGES.map((_, i) => new Promise<void>(resolve => (tell[i] = resolve)))
    const others = Promise.all(all.filter((_, i) => i !== 3 && i !== 4))
    const source = await startUnruly(t, [IMAGE], (_, range = '') => {
      const index = RANGES.indexOf(range)
      if (index === 3) return { cutAfter: 700_000, until: others }
      if (index === 4) return { stallAfter: 0 }
      tell[index]?.()
      return {}
    })
    const words = ['--streams', '4', '--streams-cutoff', '1M', '--chunksize', '100000']
    const { status } = await run(['dump', '--attempts', '1', ...words, source.url, folder])
    t.equal(status, 1)
    const names = await readdir(folder)
    t.match(names, [/\.part$/], 'its name says that it is incomplete')
    source.serve([IMAGE])
    const begun = source.asked.length
    const askedSince = () => rangesAsked(source).slice(begun).toSorted()
    return { folder, source, partial: join(folder, names[0] ?? ''), askedSince }
  }
  const MISSING = [`bytes=${3 * MIB + 700_000}-${4 * MIB - 1}`, RANGES[4]]

  for (const words of [STREAMS, ['--streams', '1'], ['--streams', '2']]) {
    t.test(`which asks only for what is missing (${words.join(' ')})`, async t => {
      const { folder, source, askedSince } = await brokenOff(t)
      t.match(await run(['dump', ...words, source.url, folder]), { status: 0 })
      t.strictSame(askedSince().slice(0, 2), MISSING)
      await isComplete(t, folder)
    })
  }

  t.test('in one stream where the source has no ranges any more', async t => {
    const { folder, source } = await brokenOff(t)
    source.serve([IMAGE], () => ({ range: 'refused' }))
    t.match(await run(['dump', ...STREAMS, source.url, folder]), { status: 0 })
    t.equal(source.asked.at(-1), '1')
    await isComplete(t, folder)
  })

  t.test('also with what was left of one stream', async t => {
    const folder = t.testdir()
    const source = await startUnruly(t, [IMAGE], () => ({ cutAfter: 2_000_000 }))
    const words = ['--attempts', '1', '--chunksize', '100000', source.url, folder]
    t.match(await run(['dump', ...words]), { status: 1 })
    source.serve([IMAGE])
    t.match(await run(['dump', ...STREAMS, source.url, folder]), { status: 0 })
    t.match(source.asked[1], `1 bytes=2000000-${2 * MIB - 1}`)
    t.equal(source.asked.length, 7)
    await isComplete(t, folder)
  })

  for (const { title, lost } of [
    { title: 'its last note', lost: 4 },
    { title: 'all of its notes', lost: 7 * 8 },
    { title: 'the head of its notes', lost: 7 * 8 + 10 },
  ]) {
    t.test(`and when it has lost ${title}, with what it is sure of`, async t => {
      const { folder, source, partial } = await brokenOff(t)
      await truncate(partial, (await stat(partial)).size - lost)
      t.match(await run(['dump', ...STREAMS, source.url, folder]), { status: 0, stderr: QUIETLY })
      await isComplete(t, folder)
    })
  }

  t.test('and when its notes are of nobody, anew', async t => {
    const { folder, source, partial } = await brokenOff(t)
    const bytes = await readFile(partial)
    await writeFile(partial, bytes.fill(0xff, DATA.length))
    t.match(await run(['dump', ...STREAMS, source.url, folder]), { status: 0, stderr: QUIETLY })
    await isComplete(t, folder)
  })

  t.test('and what the disk has lost is found out', async t => {
    const { folder, source, partial } = await brokenOff(t)
    const bytes = await readFile(partial)
    await writeFile(partial, bytes.fill(0, MIB, MIB + 5))
    t.match(await run(['dump', ...STREAMS, source.url, folder]), {
      status: 0,
      stderr: /attempt 2 after: .*sha512 is/,
    })
    await isComplete(t, folder)
  })
  t.end()
})

t.test('--streams is refused where it can do nothing', async t => {
  for (const { title, words, message } of [
    {
      title: 'for an archive',
      words: ['dump', '--streams', '2', 'cloud:no', 'images.tar'],
      message: /--streams: an archive is written from its beginning to its end: dump to a dir/,
    },
    {
      title: 'for the standard output',
      words: ['dump', '--streams', '2', 'cloud:no', '-'],
      message: /--streams: an archive is written/,
    },
    {
      title: 'by livecopy',
      words: ['livecopy', '--streams', '2', 'cloud:no', 'cloud:no'],
      message: /streams/,
    },
    {
      title: 'for no stream',
      words: ['dump', '--streams', '0', 'cloud:no', '.'],
      message: /--streams: expected a whole number from 1 to 64/,
    },
    {
      title: 'for a size that is none',
      words: ['dump', '--streams-cutoff', 'large', 'cloud:no', '.'],
      message: /--streams-cutoff: 'large': expected a size such as 256MiB or 1G/,
    },
  ]) {
    t.test(title, async t => {
      t.match(await run(words), { status: 2, stderr: message })
    })
  }
  t.end()
})
