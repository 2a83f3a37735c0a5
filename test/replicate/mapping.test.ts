import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { MemoryEndpoint } from '../../lib/endpoint/memory.ts'
import { planStep } from '../../lib/replicate/plan-step.ts'
import { bytesOf, idOf, imageOf } from '../support/images.ts'
import { run } from '../support/program.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { startUnruly } from '../support/unruly.ts'

/** An image whose id the target does not give out, and one that names it. */
const [KERNEL, MACHINE, OTHER] = [idOf(5), idOf(1), idOf(9)]
const NOBODY = {}

t.test('an id that was deleted on the target', async t => {
  t.test('fails by default, and is skipped where that is wanted', async t => {
    const { one, two } = await clash(t)
    t.match(await run(['livecopy', one.url, two.url]), {
      status: 1,
      stderr: new RegExp(`${KERNEL} \\(kernel\\): failed: .*a Glance gives no id out twice`),
      stdout: /2 images created .* 1 failed/,
    })
    t.match(await run(['livecopy', '--on-conflict', 'skip', one.url, two.url]), {
      status: 0,
      stderr: new RegExp(`${KERNEL} \\(kernel\\): skipped, the target does not give its id out`),
      stdout: '0 images created (0.0 B), 0 updated, 2 the same, 1 whose id is taken, 0 failed\n',
    })
  })

  t.test('is copied under a new id that later runs and compare know by the map', async t => {
    const { one, two, map, words } = await clash(t)
    const first = await run(['livecopy', '--json', ...words, one.url, two.url])
    t.equal(first.status, 0, first.stderr)
    const { images } = JSON.parse(first.stdout) as { images: { id: string; target_id: string }[] }
    const copy = images.find(({ id }) => id === KERNEL)?.target_id ?? ''
    t.same(await entries(map), [{ source: KERNEL, target: copy }])
    t.match((await two.call('GET', `/v2/images/${copy}/file`)).text, 'data of kernel')
    t.match(await run(['compare', '--id-map', map, one.url, two.url]), {
      status: 0,
      stdout: /^0 images missing .*, 0 different, 3 the same\n$/,
    })
    t.match(await run(['compare', one.url, two.url]), { status: 1 })
    t.match(await run(['livecopy', ...words, one.url, two.url]), {
      status: 0,
      stdout: '0 images created (0.0 B), 0 updated, 3 the same, 0 failed\n',
    })
    await one.patch(KERNEL, [{ op: 'replace', path: '/name', value: 'Kernel' }], NOBODY)
    t.match(await run(['livecopy', '--id-map', map, one.url, two.url]), {
      status: 0,
      stderr: `${KERNEL} (Kernel): updated: name\n`,
    })
    t.match((await two.call('GET', `/v2/images/${copy}`)).json, { name: 'Kernel' })
  })

  t.test('images that name it by kernel_id or ramdisk_id follow', async t => {
    const { one, two, map, words } = await clash(t)
    const { stderr } = await run(['livecopy', ...words, one.url, two.url])
    const [{ target: copy } = { target: '' }] = await entries(map)
    t.match(stderr, `${KERNEL} (kernel): created as ${copy}, 14.0 B`)
    t.match((await two.call('GET', `/v2/images/${MACHINE}`)).json, { kernel_id: copy })
    t.match((await two.call('GET', `/v2/images/${OTHER}`)).json, { ramdisk_id: copy })
  })

  t.test('a kernel_id that is left out stays as it is on the target, and only that', async t => {
    const { one, two, words } = await clash(t)
    await make(two, MACHINE, 'machine', { kernel_id: KERNEL })
    const leave = ['-D', 'kernel_id', ...words]
    t.match(await run(['livecopy', ...leave, one.url, two.url]), {
      status: 0,
      stdout: /2 images created .* 1 updated, 1 the same/,
    })
    t.match(await two.show(MACHINE), { kernel_id: KERNEL })
    t.match(await run(['livecopy', ...words, one.url, two.url]), { stdout: /1 updated/ })
    t.not((await two.show(MACHINE))['kernel_id'], KERNEL)
  })

  t.test('a kernel_id that is set is one of the target already', async t => {
    const { one, two, words } = await clash(t)
    const set = ['--set', `kernel_id=${KERNEL}`, ...words, one.url, two.url]
    t.match(await run(['livecopy', ...set]), { status: 0, stdout: /^3 images created / })
    t.match(await two.show(MACHINE), { kernel_id: KERNEL })
    t.match(await run(['livecopy', ...set]), { status: 0, stdout: / 0 updated, 3 the same,/ })
  })

  t.test('also where a plan is made of it, and carried out later', async t => {
    const { one, two, map, words } = await clash(t)
    await run(['livecopy', ...words, one.url, two.url])
    await make(one, idOf(2), 'machine of today', { kernel_id: KERNEL })
    const plan = `${map}.plan`
    const set = ['--set', `kernel_id=${KERNEL}`, '--unset', 'note', '--save-plan', plan]
    const names = `${map}.names`
    await writeFile(names, `${idOf(2)}\n${OTHER}\n`)
    const making = ['livecopy', ...set, ...words, '--images-from', names, one.url, two.url]
    t.match(await run(making), { status: 0, stdout: /^1 image to be created .* 1 to be updated/ })
    t.match(await run(['apply', plan]), { status: 0, stdout: /^1 image created .* 1 updated/ })
    for (const id of [idOf(2), OTHER]) t.match(await two.show(id), { kernel_id: KERNEL })
    t.match(await run(['apply', plan]), { status: 0, stdout: /^0 images created .* 2 the same/ })
  })

  t.test('the copy may be deleted in its turn', async t => {
    const { one, two, map, words } = await clash(t)
    await run(['livecopy', ...words, one.url, two.url])
    const [first] = await entries(map)
    await two.call('DELETE', `/v2/images/${first?.target}`)
    t.match(await run(['compare', '--id-map', map, one.url, two.url]), {
      status: 1,
      stdout: `${KERNEL} (kernel): missing on the target as ${first?.target}\n`,
    })
    t.match(await run(['livecopy', ...words, one.url, two.url]), { status: 0 })
    const [, second] = await entries(map)
    t.match(second, { source: KERNEL })
    t.match(await run(['compare', '--id-map', map, one.url, two.url]), { status: 0 })
    t.match((await two.call('GET', `/v2/images/${MACHINE}`)).json, { kernel_id: second?.target })
  })

  t.test('who is killed before the copy is made makes it under the id written down', async t => {
    const { one, two, map, words } = await clash(t)
    const entry = { source: KERNEL, target: idOf(77) }
    const cut = `{"source":"${KERNEL}","tar`
    await writeFile(map, `${JSON.stringify(entry)}\n${cut}`)
    t.match(await run(['livecopy', ...words, one.url, two.url]), {
      status: 0,
      stderr: `line 2 was cut off and counts for nothing: '${cut}'`,
    })
    t.equal(await readFile(map, 'utf8'), `${JSON.stringify(entry)}\n${cut}`)
    t.match((await two.call('GET', `/v2/images/${idOf(77)}`)).json, { status: 'active' })
  })

  for (const tail of ['{"source":"0000', '\0\0\0', '{"source":"0\0\0']) {
    t.test(`what was cut off gives way to the next entry: ${JSON.stringify(tail)}`, async t => {
      const { one, two, map, words } = await clash(t)
      const entry = { source: idOf(70), target: idOf(77) }
      await writeFile(map, `\uFEFF${JSON.stringify(entry)}\n${tail}`)
      t.match(await run(['livecopy', ...words, one.url, two.url]), { status: 0 })
      const text = (await readFile(map, 'utf8')).replace('\uFEFF', '')
      t.match(
        text
          .trimEnd()
          .split('\n')
          .map(line => JSON.parse(line) as unknown),
        [entry, { source: KERNEL }],
      )
    })
  }

  t.test('no file that is another is emptied, whatever its last line', async t => {
    const { one, two, map, words } = await clash(t)
    const entry = JSON.stringify({ source: idOf(70), target: idOf(77) })
    for (const [text, line] of [
      ['gAAAAAsecret', 1],
      ['{', 1],
      ['\0\0', 1],
      ['{"important": "x"}', 1],
      [`${entry}\n${entry.slice(0, -1)},}`, 2],
      [`${entry}\n# the end`, 2],
    ] as const) {
      await writeFile(map, text)
      t.match(await run(['livecopy', ...words, one.url, two.url]), {
        status: 2,
        stderr: new RegExp(`line ${line}: expected \\{"source": "ID"`),
      })
      t.equal(await readFile(map, 'utf8'), text)
    }
  })

  t.test('one run at a time gives ids by a map', async t => {
    const { two, map, words } = await clash(t)
    const data = Buffer.from('abc')
    let arrive = () => {}
    const arrived = new Promise<void>(resolve => (arrive = resolve))
    let release = () => {}
    const until = new Promise<void>(resolve => (release = resolve))
    const source = await startUnruly(t, [{ image: imageOf(3, data), data }], () => {
      arrive()
      return { until }
    })
    const first = run(['livecopy', ...words, source.url, two.url])
    await arrived
    t.match(await run(['livecopy', ...words, source.url, two.url]), {
      status: 75,
      stderr: `id map ${map}: another run writes to it`,
    })
    t.match(await run(['compare', '--id-map', map, source.url, two.url]), { status: 1 })
    release()
    t.match(await first, { status: 0 })
    t.match(await run(['livecopy', ...words, source.url, two.url]), { status: 0 })
  })

  t.test('--dry-run gives no id, and makes no file', async t => {
    const { one, two, map, words } = await clash(t)
    t.match(await run(['livecopy', '--dry-run', ...words, one.url, two.url]), { status: 0 })
    await t.rejects(readFile(map), { code: 'ENOENT' })
  })
})

t.test('ids in a map are the same in capitals, as people write them', async t => {
  const [one, two] = [await startTestServer(t), await startTestServer(t)]
  const [id, copy] = ['ab', 'cd'].map(end => idOf(0).replace(/..$/, end))
  if (id === undefined || copy === undefined) return
  await make(one, id, 'machine')
  await make(two, copy, 'machine')
  const map = join(t.testdir(), 'ids')
  const entry = { source: id.toUpperCase(), target: copy.toUpperCase() }
  await writeFile(map, `${JSON.stringify(entry)}\n`)
  const same = { status: 0, stdout: /, 0 different, 1 the same\n$/ }
  t.match(await run(['compare', '--id-map', map, one.url, two.url]), same)
  const archive = `${map}.tar`
  t.match(await run(['dump', one.url, archive]), { status: 0 })
  t.match(await run(['compare', '--id-map', map, `tar:${archive}`, two.url]), same)
  await one.patch(id, [{ op: 'replace', path: '/name', value: 'Machine' }], NOBODY)
  await make(one, OTHER, 'other', { ramdisk_id: entry.source })
  const giving = ['--on-conflict', 'new-id', '--id-map', map, one.url, two.url]
  t.match(await run(['livecopy', ...giving]), {
    status: 0,
    stdout: /^1 image created .* 1 updated/,
  })
  t.match(await two.show(copy), { name: 'Machine' })
  t.match(await two.show(OTHER), { ramdisk_id: copy })
})

t.test('an image that is corrupt at its source gets one new id at most', async t => {
  const data = bytesOf(5, 200_000)
  const stored = { image: imageOf(5, data), data }
  for (const { title, options, statuses } of [
    { title: 'which is filled later', options: [], statuses: ['queued'] },
    {
      title: 'which a v1 target has used up',
      options: ['--target-api', '1'],
      statuses: ['killed'],
    },
    {
      title: 'which is used up where its record is discarded',
      options: ['--discard-unfinished'],
      statuses: ['deleted'],
    },
  ]) {
    t.test(title, async t => {
      const source = await startUnruly(t, [stored], () => ({ corrupt: true }))
      const two = await startTestServer(t)
      await two.create({ id: KERNEL })
      await two.call('DELETE', `/v2/images/${KERNEL}`)
      const map = join(t.testdir(), 'ids')
      const giving = ['--on-conflict', 'new-id', '--id-map', map]
      const words = ['livecopy', ...giving, ...options, source.url, two.url]
      for (const attempts of ['2', '1', '1']) {
        const { status, stderr } = await run([...words, '--attempts', attempts])
        t.match({ status, stderr }, { status: 1, stderr: /: failed: .*sha512 is .*, expected/ })
        t.equal((await entries(map)).length, 1)
      }
      const [first] = await entries(map)
      const left = await two.call('GET', `/v2/images/${first?.target}`)
      t.match(
        left.status === 404 ? 'deleted' : (left.json as { status: string }).status,
        statuses[0],
      )
      source.serve([stored])
      t.match(await run(words), { status: 0, stdout: /^1 image created / })
      const made = await entries(map)
      t.equal(made.length, statuses[0] === 'queued' ? 1 : 2)
      t.match(await two.show(made.at(-1)?.target ?? ''), { status: 'active' })
    })
  }

  t.test('also in an archive, which is read once', async t => {
    const source = await startUnruly(t, [stored])
    const two = await startTestServer(t)
    await two.create({ id: KERNEL })
    await two.call('DELETE', `/v2/images/${KERNEL}`)
    const archive = join(t.testdir(), 'images.tar')
    t.match(await run(['dump', source.url, archive]), { status: 0 })
    const bytes = await readFile(archive)
    const at = bytes.indexOf(data)
    bytes.fill(0, at + 1000, at + 1100)
    await writeFile(archive, bytes)
    const map = `${archive}.ids`
    const words = ['load', '--on-conflict', 'new-id', '--id-map', map, two.url, archive]
    for (const _ of [1, 2]) {
      t.match(await run(words), { status: 1, stderr: /: failed: / })
      t.equal((await entries(map)).length, 1)
    }
  })
})

t.test('an id that has other data on the target', async t => {
  const [one, two] = [await startTestServer(t), await startTestServer(t)]
  await make(one, KERNEL, 'kernel')
  await make(two, KERNEL, 'another')
  const map = join(t.testdir(), 'ids')
  const words = ['--on-conflict', 'new-id', '--id-map', map]
  t.match(await run(['compare', '--on-conflict', 'skip', one.url, two.url]), {
    status: 0,
    stdout: `${KERNEL} (kernel): other data under this id on the target\n`,
  })
  t.match(await run(['livecopy', '--on-conflict', 'skip', one.url, two.url]), {
    status: 0,
    stdout: /1 whose id is taken/,
  })
  t.match(await run(['livecopy', '--dry-run', ...words, one.url, two.url]), {
    status: 0,
    stderr: `${KERNEL} (kernel): would be created under a new id, 14.0 B\n`,
  })
  t.match(await run(['livecopy', ...words, one.url, two.url]), { status: 0 })
  const [{ target: copy } = { target: '' }] = await entries(map)
  t.match((await two.call('GET', `/v2/images/${copy}/file`)).text, 'data of kernel')
  t.match((await two.call('GET', `/v2/images/${KERNEL}`)).json, { name: 'another' })
  t.match(await run(['compare', '--id-map', map, one.url, two.url]), { status: 0 })
})

t.test('a dump is loaded under new ids too', async t => {
  const { one, two, map, words } = await clash(t)
  const dump = t.testdir()
  t.match(await run(['dump', one.url, dump]), { status: 0 })
  t.match(await run(['load', ...words, two.url, dump]), { status: 0 })
  t.match(await run(['compare', '--id-map', map, `dir:${dump}`, two.url]), { status: 0 })
})

t.test(
  'an archive, which is read once, is loaded under new ids, and what names them follows',
  async t => {
    const { one, two, map, words } = await clash(t)
    const archive = `${map}.tar`
    t.match(await run(['dump', one.url, archive]), { status: 0 })
    const loaded = await run(['load', ...words, two.url, archive])
    const [{ target: copy } = { target: '' }] = await entries(map)
    t.equal(loaded.status, 0, loaded.stderr)
    t.match(loaded.stdout, /^3 images created .*, 1 updated, 0 the same, 0 failed\n$/)
    t.match((await two.call('GET', `/v2/images/${MACHINE}`)).json, { kernel_id: copy })
    t.match((await two.call('GET', `/v2/images/${OTHER}`)).json, { ramdisk_id: copy })
    t.match((await two.call('GET', `/v2/images/${copy}/file`)).text, 'data of kernel')
    const again = Readable.from(await readFile(archive))
    t.match(await run(['load', ...words, two.url, '-'], {}, { stdin: again }), {
      status: 0,
      stdout: '0 images created (0.0 B), 0 updated, 3 the same, 0 failed\n',
    })
    t.match(await run(['compare', '--id-map', map, `tar:${archive}`, two.url]), { status: 0 })
  },
)

t.test('copies under new ids, to the commands that compare both ways and remove', async t => {
  const north = ['--delete', 'delete', '--provenance', 'north']
  const copied = async (t: Test) => {
    const made = await clash(t)
    const removing = [...north, ...made.words, made.one.url, made.two.url]
    const { status, stderr } = await run(['livecopy', ...removing])
    t.equal(status, 0, stderr)
    const [{ target: copy } = { target: '' }] = await entries(made.map)
    return { ...made, removing, copy }
  }

  t.test('are not only on the target, and --deep reads both by their own ids', async t => {
    const { one, two, map } = await copied(t)
    t.match(await run(['compare', '--two-way', '--deep', '--id-map', map, one.url, two.url]), {
      status: 0,
      stdout: /^data of 3 images read .*\n0 images missing .* 3 the same\n$/,
    })
    t.match(await run(['compare', '--two-way', one.url, two.url]), {
      status: 1,
      stdout: /1 only on the target\n$/,
    })
  })

  t.test('stay while their images are there, also when nobody names the map', async t => {
    const { one, two, removing, copy } = await copied(t)
    t.match(await two.show(copy), { glance_replicator_source_id: KERNEL })
    t.match(await run(['livecopy', ...removing]), {
      status: 0,
      stdout: '0 images created (0.0 B), 0 updated, 3 the same, 0 failed\n',
    })
    await run(['livecopy', ...north, '--on-conflict', 'skip', one.url, two.url])
    t.match(await two.show(copy), { status: 'active' })
  })

  t.test('go when their images have left the source', async t => {
    const { one, two, map, removing, copy } = await copied(t)
    await one.call('DELETE', `/v2/images/${KERNEL}`)
    const options = [...north, '--max-delete', '100%', '--id-map', map, '--images-from']
    const names = `${map}.names`
    await writeFile(names, `${KERNEL}\n`)
    t.match(await run(['compare', ...options, names, one.url, two.url]), {
      stdout: new RegExp(`^${copy} \\(kernel\\): only on the target, would be deleted\n`),
    })
    t.match(await run(['livecopy', ...removing]), { status: 0, stdout: /1 deleted/ })
    t.equal((await two.call('GET', `/v2/images/${copy}`)).status, 404)
  })

  t.test('are marked by their new ids, and what inherits that is no copy', async t => {
    const { one, two, removing, copy } = await copied(t)
    const { glance_replicator_source: mark, glance_replicator_source_id: origin } =
      await two.show(copy)
    t.equal(mark, `north ${copy}`)
    await two.create({
      id: idOf(77),
      name: 'snapshot',
      glance_replicator_source: mark,
      glance_replicator_source_id: origin,
    })
    await one.call('DELETE', `/v2/images/${KERNEL}`)
    t.match(await run(['livecopy', ...removing]), {
      status: 0,
      stdout: /1 deleted, 1 only on the target left alone/,
    })
    t.match(await two.show(idOf(77)), { name: 'snapshot' })
  })

  t.test('images that are skipped leave what has their ids alone', async t => {
    const { one, two, words } = await clash(t)
    await make(two, idOf(7), "somebody else's")
    await make(one, idOf(7), 'ours')
    const removing = ['--delete', 'delete', '--delete-unknown', one.url, two.url]
    t.match(await run(['livecopy', '--on-conflict', 'skip', ...removing]), {
      status: 0,
      stdout: /2 whose id is taken, 0 failed/,
    })
    t.match(await run(['livecopy', ...words, ...removing]), {
      status: 0,
      stdout: /2 images created/,
    })
    t.match(await two.show(idOf(7)), { name: "somebody else's" })
  })
})

t.test('an id that a v1 target used up, when an upload of it broke off', async t => {
  const data = bytesOf(1, 200_000)
  const stored = { image: imageOf(1, data), data }
  const source = await startUnruly(t, [stored], () => ({ cutAfter: 1000 }))
  const target = await startTestServer(t)
  const words = ['--attempts', '1', '--target-api', '1', source.url, target.url]
  t.match(await run(['livecopy', ...words]), { status: 1, stderr: /has killed the image/ })
  t.match(await target.show(idOf(1)), { status: 'killed' })
  source.serve([stored])
  t.match(await run(['livecopy', source.url, target.url]), {
    status: 1,
    stderr: /its status is killed/,
  })
  t.match(await run(['livecopy', '--on-conflict', 'skip', source.url, target.url]), {
    status: 0,
    stdout: /1 whose id is taken, 0 failed/,
  })
  const map = join(t.testdir(), 'ids')
  const giving = ['--on-conflict', 'new-id', '--id-map', map, source.url, target.url]
  t.match(await run(['livecopy', ...giving]), { status: 0, stdout: /^1 image created/ })
  const [{ target: copy } = { target: '' }] = await entries(map)
  t.match(await target.show(copy), { status: 'active', checksum: stored.image.checksum })
  t.match(await run(['livecopy', ...giving]), { status: 0, stdout: /1 the same/ })
  t.match(await run(['compare', '--id-map', map, source.url, target.url]), { status: 0 })
})

t.test('an image that the target lists as killed has used its id up', async t => {
  const ends = { source: new MemoryEndpoint(), target: new MemoryEndpoint() }
  const image = imageOf(1, bytesOf(1, 10))
  const killed = { ...image, status: 'killed', size: null, checksum: null, digest: null } as const
  for (const [onConflict, step] of [
    ['fail', { action: 'refuse', error: { message: /the target's image is killed/ } }],
    ['skip', { action: 'skip', reason: 'conflict' }],
    ['new-id', { action: 'create', withData: true, anew: true }],
  ] as const) {
    t.match(planStep(image, killed, ends, { onConflict }), step, onConflict)
  }
})

t.test('what is wrong with a map of ids is one clear line, and exit status 2', async t => {
  const folder = t.testdir({
    words: 'one two\n',
    ids: '\n{"source": "1", "target": "2"}\n',
    twice:
      `{"source":"${idOf(1)}","target":"${idOf(3)}"}\n` +
      `{"source":"${idOf(2)}","target":"${idOf(3)}"}\n`,
  })
  const at = (name: string) => join(folder, name)
  for (const [words, message] of [
    [['--on-conflict', 'new-id'], /--on-conflict new-id: name a file .* with --id-map/],
    [['--on-conflict', 'never'], /Invalid values[\s\S]*on-conflict/],
    [['--id-map', at('none')], /id map .*none: ENOENT/],
    [['--id-map', folder], /id map .*: EISDIR/],
    [['--id-map', at('words')], /words: line 1: expected \{"source": "ID", "target": "ID"\}/],
    [['--id-map', at('ids')], /ids: line 2: expected/],
    [['--id-map', at('twice')], /twice: line 2: image .*03 of the target is the copy of .*01/],
  ] as const) {
    t.match(await run(['livecopy', ...words, `dir:${folder}`, `dir:${folder}`]), {
      status: 2,
      stderr: message,
    })
  }
})

t.test('an image whose own id is that of the copy of another on the target', async t => {
  for (const [title, listed] of [
    ['that is there', [{ source: MACHINE, target: KERNEL }]],
    [
      'that was given up',
      [
        { source: MACHINE, target: KERNEL },
        { source: MACHINE, target: idOf(77) },
      ],
    ],
  ] as const) {
    t.test(title, async t => {
      const [one, two] = [await startTestServer(t), await startTestServer(t)]
      await make(one, MACHINE, 'machine')
      await make(one, KERNEL, 'kernel')
      const { target } = listed.at(-1) ?? { target: '' }
      await make(two, target, 'machine')
      const map = join(t.testdir(), 'ids')
      await writeFile(map, listed.map(entry => `${JSON.stringify(entry)}\n`).join(''))
      const words = (onConflict: string) => ['--on-conflict', onConflict, '--id-map', map]
      const [ends, clash] = [[one.url, two.url], `${KERNEL} \\(kernel\\): `]
      t.match(await run(['livecopy', '--id-map', map, ...ends]), {
        status: 1,
        stderr: new RegExp(`^${clash}failed: .*its id is that of the copy of image ${MACHINE}`),
      })
      t.match(await run(['livecopy', ...words('skip'), ...ends]), {
        status: 0,
        stderr: new RegExp(`^${clash}skipped`),
      })
      t.match(await run(['compare', ...words('new-id'), ...ends]), {
        status: 1,
        stdout: /^1 image missing .* 0 different, 1 the same/m,
      })
      t.match(await run(['livecopy', ...words('new-id'), ...ends]), {
        status: 0,
        stderr: new RegExp(`^${clash}created as `),
      })
      const made = await entries(map)
      t.match(made, [...listed, { source: KERNEL }])
      const copy = made.at(-1)?.target ?? ''
      t.match((await two.call('GET', `/v2/images/${copy}/file`)).text, 'data of kernel')
      t.match((await two.call('GET', `/v2/images/${target}/file`)).text, 'data of machine')
      t.match(await run(['livecopy', ...words('new-id'), ...ends]), { stdout: /2 the same/ })
    })
  }
})

/** Two services, the second of which had an image with the id of the first one's kernel. */
async function clash(t: Test) {
  const [one, two] = [await startTestServer(t), await startTestServer(t)]
  await make(one, MACHINE, 'machine', { kernel_id: KERNEL })
  await make(one, KERNEL, 'kernel')
  await make(one, OTHER, 'other', { ramdisk_id: KERNEL })
  await make(two, KERNEL, 'kernel of before')
  await two.call('DELETE', `/v2/images/${KERNEL}`)
  const map = join(t.testdir(), 'ids')
  return { one, two, map, words: ['--on-conflict', 'new-id', '--id-map', map] }
}

async function make(server: TestServer, id: string, name: string, more: object = {}) {
  await server.create({ id, name, disk_format: 'raw', container_format: 'bare', ...more }, NOBODY)
  await server.upload(id, `data of ${name}`, NOBODY)
}

async function entries(map: string) {
  const lines = (await readFile(map, 'utf8')).split('\n').filter(line => line !== '')
  return lines.map(line => JSON.parse(line) as { source: string; target: string }) // As documented.
}
