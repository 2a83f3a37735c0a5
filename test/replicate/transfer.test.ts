import { createHash } from 'node:crypto'
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { untilStatus } from '../support/connection.ts'
import { forwardAs } from '../support/forward.ts'
import { bytesOf, idOf, imageOf } from '../support/images.ts'
import { startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { startTestServer } from '../support/server.ts'
import { type Manner, type Stored, startUnruly, type UnrulyServer } from '../support/unruly.ts'

const DATA = bytesOf(1, 3_000_000)
const OTHER = bytesOf(2, DATA.length)
const IMAGE: Stored = { image: imageOf(1, DATA), data: DATA }
const FILE = `${idOf(1)}.img`
const CUT = 2_000_000

const once =
  (first: Manner, later: Manner = {}) =>
  (asked: number) =>
    asked === 1 ? first : later

t.test(
  'livecopy: a source that breaks off in the middle is read on, in the same upload',
  async t => {
    t.jobs = 4 // They wait most of the time.
    for (const { title, words = [], first, later, asked, told } of [
      {
        title: 'when the connection is cut, from where it was',
        first: { cutAfter: CUT },
        asked: ['1', `1 bytes=${CUT}-`],
        told: /: goes on at 1\.9 MiB after: GET .*\/file: /,
      },
      {
        title: 'when nothing comes any more, after the time of --stall-timeout',
        first: { stallAfter: CUT },
        words: ['--stall-timeout', '1'],
        asked: ['1', `1 bytes=${CUT}-`],
        told: /after: GET .*\/file: no byte came for 1 s\n/,
      },
      {
        title: 'when the range is ignored, by dropping what is known',
        first: { cutAfter: CUT },
        later: { range: 'ignored' },
        asked: ['1', `1 bytes=${CUT}-`],
      },
      {
        title: 'when the range is refused, as by a store without ranges, from the start',
        first: { cutAfter: CUT },
        later: { range: 'refused' },
        asked: ['1', `1 bytes=${CUT}-`, '1'],
      },
      {
        title: 'when the range is called unsatisfiable, from the start',
        first: { cutAfter: CUT },
        later: { range: 'unsatisfiable' },
        asked: ['1', `1 bytes=${CUT}-`, '1'],
      },
      {
        title: 'when another range comes than was asked for, from the start',
        first: { cutAfter: CUT },
        later: { range: 'mislabelled' },
        asked: ['1', `1 bytes=${CUT}-`, '1'],
      },
    ] satisfies {
      title: string
      words?: readonly string[]
      first: Manner
      later?: Manner
      asked: string[]
      told?: RegExp
    }[]) {
      t.test(title, async t => {
        // A v1 service kills an image whose upload breaks off: that it is there says that none did.
        const target = await startTestServer(t)
        const source = await startUnruly(t, [IMAGE], once(first, later))
        const ends = ['--target-api', '1', source.url, target.url]
        const { status, stderr } = await run(['livecopy', ...words, ...ends])
        t.equal(status, 0)
        t.match(stderr, told ?? /goes on at/)
        t.notMatch(stderr, /attempt/)
        t.strictSame(source.asked, asked)
        t.match(await target.show(idOf(1)), { status: 'active', checksum: IMAGE.image.checksum })
      })
    }

    t.test(
      'and when other bytes come then, they are found out and the image tried again',
      async t => {
        const target = await startTestServer(t)
        const source = await startUnruly(t, [IMAGE], asked =>
          asked === 1 ? { cutAfter: CUT } : { corrupt: asked === 2 },
        )
        const { status, stderr } = await run(['livecopy', source.url, target.url])
        t.match({ status, stderr }, { status: 1, stderr: /stored data of another sha512/ })
        t.match((await target.call('GET', '/v2/images?os_hidden=true')).json, {
          images: { length: 0 },
        })
      },
    )

    t.test('and when the source has other data meanwhile, the image is begun anew', async t => {
      const target = await startTestServer(t)
      const md5 = createHash('md5').update('other').digest('hex')
      const source = await startUnruly(t, [IMAGE], asked =>
        asked === 1 ? { cutAfter: CUT } : asked === 2 ? { headers: { 'content-md5': md5 } } : {},
      )
      const { status, stderr } = await run(['livecopy', source.url, target.url])
      t.match({ status, stderr }, { status: 0, stderr: /attempt 2 after: .* holds other data/ })
    })

    for (const { title, before, after, asked, told, wanted = OTHER } of [
      {
        title: 'nor when the headers say nothing of it',
        told: /attempt 2 after: .*nothing says that it holds the same data still/,
      },
      {
        title: 'nor when its entity tag is another',
        before: { etag: '"a"' },
        after: { etag: '"b"' },
        told: /attempt 2 after: .*it holds other data meanwhile/,
      },
      {
        title: 'nor when the date of its last change is another',
        before: { 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' },
        after: { 'last-modified': 'Tue, 02 Jan 2024 00:00:00 GMT' },
        told: /attempt 2 after: .*it holds other data meanwhile/,
      },
      {
        title: 'but where the entity tag says that it is the same',
        before: { etag: '"a"' },
        after: { etag: '"a"' },
        asked: ['1', `1 bytes=${CUT}-`],
        told: /goes on at/,
        wanted: DATA,
      },
    ]) {
      t.test(`what has no digest is not gone on with, ${title}`, async t => {
        const image = { ...IMAGE.image, checksum: null, digest: null }
        const target = await startTestServer(t)
        const source = await startUnruly(t, [{ image, data: DATA }], () => {
          source.serve([{ image, data: wanted }], () => ({ headers: { ...after } }))
          return { cutAfter: CUT, headers: { ...before } }
        })
        const { status, stderr } = await run(['livecopy', source.url, target.url])
        t.match({ status, stderr }, { status: 0, stderr: told })
        t.strictSame(source.asked, asked ?? ['1', `1 bytes=${CUT}-`, '1'])
        const checksum = createHash('md5').update(wanted).digest('hex')
        t.match(await target.show(idOf(1)), { status: 'active', checksum })
      })
    }

    t.test('and when it always breaks off, so often in a row as --attempts says', async t => {
      const target = await startTestServer(t)
      const source = await startUnruly(t, [IMAGE], () => ({ cutAfter: 1000 }))
      const words = ['livecopy', '--attempts', '2', source.url, target.url]
      t.match(await run(words), { status: 1, stdout: /1 failed/ })
      t.equal(source.asked.length, 4, 'two attempts, each with one more try')
    })

    t.test('a source that does not answer at all is tried again after --stall-timeout', async t => {
      const target = await startTestServer(t)
      const source = await startUnruly(t, [IMAGE], once({ until: new Promise(() => {}) }))
      const words = ['livecopy', '--stall-timeout', '1', source.url, target.url]
      t.match(await run(words), {
        status: 0,
        stderr: /attempt 2 after: GET .*\/file: nothing moved for 1 s\n/,
      })
    })

    t.test('a source that says when to come back is waited for', async t => {
      const target = await startTestServer(t)
      const source = await startUnruly(
        t,
        [IMAGE],
        once({ status: 503, headers: { 'retry-after': '1' } }),
      )
      const began = performance.now()
      t.match(await run(['livecopy', source.url, target.url]), { status: 0, stderr: /attempt 2/ })
      t.ok(performance.now() - began >= 1000)
    })

    t.test(
      'a source of v1 is read again up to there, where the target takes no second upload',
      async t => {
        const [target, other] = [await startTestServer(t), await startTestServer(t)]
        const source = await startUnruly(t, [IMAGE], once({ cutAfter: CUT }, { range: 'ignored' }))
        t.match(await run(['livecopy', '--target-api', '1', source.url, target.url]), { status: 0 })
        t.match(await run(['livecopy', source.url, other.url]), { status: 0 })
      },
    )
    t.end()
  },
)

t.test(
  'livecopy: what another run sends meanwhile is looked at again, and is done then',
  async t => {
    const target = await startTestServer(t)
    let finish = () => {}
    const until = new Promise<void>(resolve => (finish = resolve))
    const source = await startUnruly(t, [IMAGE], once({ until }))
    const first = run(['livecopy', source.url, target.url])
    await untilStatus(target, idOf(1), 'saving')
    const words = ['livecopy', '--attempts', '1', source.url, target.url]
    t.match(await run(words), {
      status: 1,
      stderr: /: failed: image .* is still being sent its data, by another run, .*: run again when/,
    })
    let asked = 0
    const front = await startListener(t, (request, response) => {
      void (async () => {
        if (request.method === 'POST' && (asked += 1) === 2) {
          finish()
          t.match(await first, { status: 0 })
        }
        await forwardAs({}, target.url, request, response)
      })()
    })
    const second = await run(['livecopy', source.url, front])
    t.match(second, { status: 0, stderr: /attempt 2 after: image .* is still being sent its data/ })
    t.strictSame(source.asked, ['1'])
  },
)

t.test('what was begun and is not there any more cannot be gone on with, and says so', async t => {
  for (const { title, words, later, told } of [
    {
      title: 'the image is gone',
      words: [],
      later: { status: 404 },
      told: /failed: GET .*\/file: 404: there is no such image any more, of which a part has been/,
    },
    {
      title: 'its data is gone',
      words: [],
      later: { status: 204 },
      told: /failed: GET .*\/file: 204: the image has no data any more, of which a part has been/,
    },
    {
      title: 'in one of several ranges',
      words: ['--streams', '2', '--streams-cutoff', '1'],
      later: { status: 404 },
      told: /failed: GET .*\/file: 404: there is no such image any more/,
    },
  ]) {
    t.test(title, async t => {
      const folder = t.testdir()
      const source = await startUnruly(
        t,
        [IMAGE],
        once({ cutAfter: CUT / 4, headers: { etag: '"a"' } }, later),
      )
      const { status, stderr } = await run(['dump', '-j', '1', ...words, source.url, folder])
      t.match({ status, stderr }, { status: 1, stderr: told })
    })
  }
  const begun = t.testdir()
  const source = await startUnruly(t, [IMAGE], () => ({ cutAfter: CUT }))
  t.match(await run(['dump', '--attempts', '1', source.url, begun]), { status: 1 })
  source.serve([IMAGE], () => ({ status: 404 }))
  t.match(await run(['dump', source.url, begun]), {
    status: 1,
    stderr: /failed: GET .*\/file: 404: there is no such image any more, of which a part has been/,
  })
})

t.test('livecopy: a source whose headers tell of other data costs no id', async t => {
  const target = await startTestServer(t)
  const md5 = createHash('md5').update(OTHER).digest('hex')
  const source = await startUnruly(t, [{ ...IMAGE, data: OTHER }], () => ({
    headers: { 'content-md5': md5 },
  }))
  const words = ['livecopy', '--attempts', '1', source.url, target.url]
  t.match(await run(words), { status: 1, stderr: /it holds other data/ })
  t.match(await target.show(idOf(1)), { status: 'queued' })
  source.serve([IMAGE])
  t.match(await run(words), { status: 0, stdout: /1 image created/ })
})

t.test('livecopy: digests are the same in capitals', async t => {
  const target = await startTestServer(t)
  const { checksum, digest } = IMAGE.image
  const image = {
    ...IMAGE.image,
    checksum: checksum?.toUpperCase() ?? null,
    digest: { algorithm: 'sha512', value: digest?.value.toUpperCase() ?? '' },
  }
  const source = await startUnruly(t, [{ image, data: DATA }])
  t.match(await run(['livecopy', source.url, target.url]), { status: 0 })
  t.match(await target.show(idOf(1)), { status: 'active', checksum })
  t.match(await run(['compare', source.url, target.url]), { status: 0, stdout: /1 the same/ })
})

t.test('dump: what broke off is gone on with by a later run', async t => {
  /** A directory in which a dump broke off, and the source that it is to be gone on from. */
  async function brokenOff(t: Test, images: readonly Stored[] = [IMAGE]) {
    const folder = t.testdir()
    const source = await startUnruly(t, images, () => ({ cutAfter: CUT }))
    const words = ['dump', '--attempts', '1', '--chunksize', '1000', source.url, folder]
    t.match(await run(words), { status: 1, stderr: /failed/ })
    const names = await readdir(folder)
    t.match(names, [/\.part$/], 'its name says that it is incomplete')
    return { folder, source, partial: join(folder, names[0] ?? '') }
  }

  async function complete(t: Test, folder: string, source: UnrulyServer, data = DATA) {
    const outcome = await run(['dump', source.url, folder])
    t.equal(outcome.status, 0)
    t.strictSame((await readdir(folder)).toSorted(), [idOf(1), FILE, 'MANIFEST'])
    t.ok((await readFile(join(folder, FILE))).equals(data))
    return outcome
  }

  t.test('from the byte at which it is', async t => {
    const { folder, source } = await brokenOff(t)
    source.serve([IMAGE])
    await complete(t, folder, source)
    t.equal(source.asked.at(-1), `1 bytes=${CUT}-`)
  })

  t.test('from the start where the source has no ranges', async t => {
    const { folder, source } = await brokenOff(t)
    source.serve([IMAGE], () => ({ range: 'refused' }))
    await complete(t, folder, source)
    t.strictSame(source.asked.slice(-2), [`1 bytes=${CUT}-`, '1'])
  })

  for (const option of ['--sparse', '--no-sparse']) {
    t.test(`also in the middle of zeros (${option})`, async t => {
      const data = Buffer.concat([bytesOf(5, 1000), Buffer.alloc(3_000_000), bytesOf(6, 1000)])
      const image = { image: imageOf(1, data), data }
      const { folder, source } = await brokenOff(t, [image])
      source.serve([image])
      t.match(await run(['dump', option, source.url, folder]), { status: 0 })
      t.equal(source.asked.at(-1), `1 bytes=${CUT}-`)
      t.ok((await readFile(join(folder, FILE))).equals(data))
      t.match(await run(['verify', folder]), { status: 0 })
    })
  }

  t.test('not when the source has other data now', async t => {
    const { folder, source } = await brokenOff(t)
    const data = bytesOf(2, 3_000_000)
    source.serve([{ image: imageOf(1, data), data }])
    await complete(t, folder, source, data)
    t.equal(source.asked.at(-1), '1')
  })

  t.test(
    'not when the disk has lost some of it: that is found out, and it is begun anew',
    async t => {
      const { folder, source, partial } = await brokenOff(t)
      await writeFile(partial, Buffer.alloc(CUT))
      source.serve([IMAGE])
      t.match(await complete(t, folder, source), { stderr: /attempt 2 after: .*sha512 is/ })
      t.strictSame(source.asked.slice(-2), [`1 bytes=${CUT}-`, '1'])
    },
  )

  t.test('without asking for anything when only its name was missing', async t => {
    const { folder, source, partial } = await brokenOff(t)
    await writeFile(partial, DATA)
    source.serve([IMAGE], () => ({ status: 500 }))
    const before = source.asked.length
    await complete(t, folder, source)
    t.equal(source.asked.length, before)
  })

  t.test('and in the same run when it breaks off too often for one attempt', async t => {
    const folder = t.testdir()
    const source = await startUnruly(t, [IMAGE], () => ({ cutAfter: 700_000 }))
    const words = ['--attempts', '3', '--chunksize', '1000', source.url, folder]
    t.match(await run(['dump', ...words]), {
      status: 0,
      stderr: /goes on .*\n.*goes on .*\n.*attempt/,
    })
    t.ok((await readFile(join(folder, FILE))).equals(DATA))
  })

  t.test('what nobody went on with for a week is removed', async t => {
    const { folder, source, partial } = await brokenOff(t)
    const old = new Date(Date.now() - 8 * 24 * 3_600_000)
    await utimes(partial, old, old)
    source.serve([])
    await run(['dump', source.url, folder])
    t.strictSame(await readdir(folder), [])
  })
  t.end()
})
