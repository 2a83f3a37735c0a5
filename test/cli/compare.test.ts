import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isSampled } from '../../lib/replicate/deep.ts'
import { forwardAs } from '../support/forward.ts'
import { idOf } from '../support/images.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

/** 1: only on the source, 2: the same, 3: another name, 4: other data, 5: only on the target, 6: unreadable. */
t.test('compare goes both ways', async t => {
  const { source, target } = await twoSides(t)
  const compare = ['compare', source, target]

  t.test('and tells what only the target has by a number, or by lines', async t => {
    const { status, stdout } = await run(compare)
    t.equal(status, 1)
    t.match(
      stdout,
      '1 image missing (15.0 B), 2 different, 1 the same, 1 only on the target, 1 could not be compared\n',
    )
    t.notMatch(stdout, idOf(5))
    t.match(await run([...compare, '-v']), { stdout: `${idOf(5)} (image 5): only on the target\n` })
    t.match(await run([...compare, '--two-way']), {
      stdout: `${idOf(5)} (image 5): only on the target\n`,
    })
  })

  t.test('--json has every class', async t => {
    const { stdout } = await run([...compare, '--json'])
    t.match(JSON.parse(stdout), {
      images: [
        { id: idOf(1), result: 'missing', data: null },
        { id: idOf(2), result: 'same', data: 'recorded' },
        { id: idOf(3), result: 'differs', data: 'recorded', differences: [{ field: 'name' }] },
        { id: idOf(4), result: 'differs', data: null, error: { code: 'conflict' } },
        { id: idOf(5), result: 'extra', removal: null, reason: null },
        { id: idOf(6), result: 'error', error: { code: 'corrupt' } },
      ],
      totals: { missing: 1, differs: 2, same: 1, no_data: 0, extra: 1, error: 1, bytes: 15 },
      data: { read: 0, recorded: 2, unproved: 0 },
      two_way: false,
    })
  })

  t.test('--combined has the marks of rclone check', async t => {
    const marks = ['+ 1', '= 2', '* 3', '* 4', '- 5', '! 6']
    const lines = marks.map(mark => `${mark.slice(0, 2)}${idOf(Number(mark.slice(2)))}\n`).join('')
    const { status, stdout, stderr } = await run([...compare, '--combined', '-'])
    t.equal(status, 1)
    t.equal(stdout, lines, 'and nothing else is on standard output')
    t.match(stderr, /1 image missing/)
    const file = join(t.testdir(), 'combined')
    t.match(await run([...compare, '--combined', file]), { stdout: /1 image missing/ })
    t.equal(await readFile(file, 'utf8'), lines)
  })

  t.test('each class has a list', async t => {
    for (const { option, numbers } of [
      { option: '--missing-on-target', numbers: [1] },
      { option: '--missing-on-dst', numbers: [1] },
      { option: '--missing-on-source', numbers: [5] },
      { option: '--missing-on-src', numbers: [5] },
      { option: '--differ', numbers: [3, 4] },
      { option: '--match', numbers: [2] },
      { option: '--error', numbers: [6] },
    ]) {
      const lines = numbers.map(n => `${idOf(n)}\n`).join('')
      t.equal((await run([...compare, option, '-'])).stdout, lines, `${option} -`)
      const file = join(t.testdir(), 'list')
      await run([...compare, option, file])
      t.equal(await readFile(file, 'utf8'), lines, option)
    }
  })

  t.test('a list that cannot be written, or two results in one place, are refused', async t => {
    t.match(await run([...compare, '--differ', join(t.testdir(), 'none', 'list')]), {
      status: 2,
      stderr: /the list cannot be written: ENOENT/,
    })
    t.match(await run([...compare, '--json', '--match', '-']), {
      status: 2,
      stderr: /--json: standard output is for a list/,
    })
  })

  t.test('images of the target alone are no difference, unless --two-way says so', async t => {
    const [one, two] = [await startTestServer(t), await startTestServer(t)]
    await addImages(two, [1])
    t.match(await run(['compare', one.url, two.url]), {
      status: 0,
      stdout: /0 the same, 1 only on the target\n$/,
    })
    t.match(await run(['compare', '--two-way', one.url, two.url]), { status: 1 })
  })
})

t.test('compare --deep reads the data of both sides', async t => {
  const one = await startTestServer(t)
  const dump = t.testdir()
  await addImages(one, [1, 2, 3])
  await run(['dump', one.url, dump])
  const sides = [one.url, `dir:${dump}`]

  t.test('and finds it the same', async t => {
    t.match(await run(['compare', '--deep', '-v', '-j', '2', ...sides]), {
      status: 0,
      stdout:
        /image 1\): the same, data read\n(.*\n)*data of 3 images read \(45.0 B\)\n0 images missing/,
    })
  })

  t.test('and tells what the recorded digests do not', async t => {
    const bad = t.testdir()
    await cp(dump, bad, { recursive: true })
    await writeFile(join(bad, `${idOf(2)}.img`), 'data of image X')
    const wrong = [one.url, `dir:${bad}`]
    t.match(await run(['compare', ...wrong]), { status: 0 }, 'without --deep nobody notices')
    const { status, stdout } = await run(['compare', '--deep', '--attempts', '1', ...wrong])
    t.equal(status, 1)
    t.match(stdout, /sha512 is [0-9a-f]+, expected/)
    t.match(stdout, '0 images missing (0.0 B), 1 different, 2 the same\n')
    const json = await run(['compare', '--deep', '--json', '--attempts', '1', ...wrong])
    t.match(JSON.parse(json.stdout), {
      images: [
        { result: 'same', data: 'read' },
        { id: idOf(2), result: 'differs', data: 'read', error: { code: 'corrupt' } },
        { result: 'same', data: 'read' },
      ],
      data: { read: 3, recorded: 0, unproved: 0, bytes: 30 },
    })
  })

  t.test('and tells which side is not what it says', async t => {
    const lying = await startListener(t, (request, response) => {
      if (request.url === `/v2/images/${idOf(3)}/file`) response.end('data of image Y')
      else void forwardAs({}, one.url, request, response)
    })
    const { stdout } = await run(['compare', '--deep', '--attempts', '1', one.url, lying])
    t.match(
      stdout,
      new RegExp(
        `image ${idOf(3)}: the data in ${lying} is not what is recorded there: its sha512`,
      ),
    )
  })

  t.test('and what cannot be read could not be compared', async t => {
    const silent = await startListener(t, (request, response) => {
      if (request.url === `/v2/images/${idOf(3)}/file`) sendJson(response, 403, {})
      else void forwardAs({}, one.url, request, response)
    })
    t.match(await run(['compare', '--deep', '--error', '-', one.url, silent]), {
      status: 1,
      stdout: `${idOf(3)}\n`,
      stderr: /data of 2 images read \(30.0 B\), of 1 only as recorded\n.* 1 could not be compared/,
    })
  })

  t.test('--sample reads a share, always the same images', async t => {
    const ids = [1, 2, 3].map(idOf)
    const share = [...Array(99).keys()].find(n => ids.filter(id => isSampled(id, n)).length === 1)
    const sample = ['compare', '--sample', `${share}%`, '--json', ...sides]
    const [first, second] = [await run(sample), await run(sample)]
    t.equal(first.stdout, second.stdout)
    t.match(JSON.parse(first.stdout), { data: { read: 1, recorded: 2, unproved: 0, bytes: 15 } })
    for (const wrong of ['0', '101%', 'some']) {
      t.match(await run(['compare', '--sample', wrong, ...sides]), {
        status: 2,
        stderr: `--sample: expected a share such as 5%, not '${wrong}'\n`,
      })
    }
  })

  t.test('--sample takes about its share, and a higher one all of a lower', t => {
    const ids = [...Array(2000).keys()].map(idOf)
    const taken = (percent: number) => ids.filter(id => isSampled(id, percent))
    t.equal(taken(100).length, 2000)
    t.ok(Math.abs(taken(20).length - 400) < 80)
    const more = new Set(taken(20))
    t.ok(taken(5).every(id => more.has(id)))
    t.end()
  })
})

function bodyOf(n: number): { readonly id: string; readonly [name: string]: unknown } {
  return { id: idOf(n), name: `image ${n}`, disk_format: 'raw', container_format: 'bare' }
}

async function addImages(server: TestServer, numbers: readonly number[]): Promise<void> {
  for (const n of numbers) {
    await server.create(bodyOf(n))
    await server.upload(idOf(n), `data of image ${n}`)
  }
}

/** A source and a target with an image of each kind. */
async function twoSides(t: Test): Promise<{ readonly source: string; readonly target: string }> {
  const [one, two] = [await startTestServer(t), await startTestServer(t)]
  await addImages(one, [1, 2, 3])
  await addImages(two, [2, 3, 5])
  await one.patch(idOf(3), [{ op: 'replace', path: '/name', value: 'other' }])
  for (const server of [one, two]) {
    await server.create(bodyOf(4))
    await server.upload(idOf(4), server === one ? 'these data' : 'those data')
  }
  const dump = t.testdir()
  await run(['dump', one.url, dump])
  await writeFile(join(dump, idOf(6)), '{"id": ')
  return { source: `dir:${dump}`, target: two.url }
}
