import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { FakeClock } from '../support/clock.ts'
import { forwardAs } from '../support/forward.ts'
import { idOf } from '../support/images.ts'
import { startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { bodyOf, twoServers } from '../support/two-servers.ts'

const DELETE = ['--delete', 'delete', '--delete-unknown', '--max-delete', '100%']

t.test('only what is selected is extra, and removed', async t => {
  const [one, two] = await twoServers(t, [1, 2, 3])
  await run(['livecopy', one.url, two.url])
  for (const n of [2, 3]) await one.call('DELETE', `/v2/images/${idOf(n)}`)
  const ends = [one.url, two.url]
  const file = join(t.testdir(), 'images')
  await writeFile(file, 'image 1\nimage 2\n')

  for (const { words, extra, status = 0 } of [
    { words: ['--filter', 'name="image 2"'], extra: 1 },
    { words: ['--exclude', 'name="image 2"'], extra: 1 },
    { words: ['--filter', 'name="image 1"'], extra: 0 },
    { words: ['--images-from', file], extra: 1, status: 1 },
    { words: [], extra: 2 },
  ]) {
    t.test(words.length === 0 ? 'without a choice' : `with ${words[0]}`, async t => {
      const compared = await run(['compare', '--json', ...words, ...ends])
      t.equal(compared.status, status)
      t.match(JSON.parse(compared.stdout), { totals: { extra, missing: 0, differs: 0 } })
      const dry = await run(['livecopy', '--json', '--dry-run', ...words, ...DELETE, ...ends])
      t.match(JSON.parse(dry.stdout), { totals: { deleted: extra, kept: 0 }, withheld: null })
    })
  }

  t.test('what only the target has is not what --images-from asks for', async t => {
    const { stderr } = await run(['compare', '--images-from', file, ...ends])
    t.match(stderr, 'image 2: no image of the source has this id or name\n')
  })

  t.test('what is not selected stays', async t => {
    const words = ['--filter', 'name="image 2"', ...DELETE.slice(0, 3), '--max-delete', '1']
    t.match(await run(['livecopy', ...words, ...ends]), { status: 0, stdout: /1 deleted/ })
    t.match(await two.show(idOf(3)), { status: 'active' })
  })
})

t.test('what is removed from a dump is gone from its manifest', async t => {
  const [one] = await twoServers(t, [1, 2, 3, 4])
  const folder = t.testdir()
  const words = ['--delete', 'delete', '--provenance', 'north', '--max-delete', '75%']
  const dump = ['dump', ...words, one.url, folder]
  t.match(await run(dump), { status: 0, stdout: /4 images created/ })
  for (const n of [2, 3, 4]) await one.call('DELETE', `/v2/images/${idOf(n)}`)
  t.match(await run(dump), { status: 0, stdout: /3 deleted/ })
  t.match(await run(['verify', folder]), { status: 0, stdout: /^1 image ok/m })
  const manifest = await readFile(join(folder, 'MANIFEST'), 'utf8')
  t.equal(manifest.split('\n').filter(line => line !== '').length, 1)
  t.notOk((await readdir(folder)).some(name => name.includes(idOf(2))))
})

t.test('an archive is read once and written once', async t => {
  const [one, two] = await twoServers(t, [1])
  const tar = join(t.testdir(), 'images.tar')
  for (const dry of [[], ['--dry-run']]) {
    const refused = await run(['dump', ...dry, ...DELETE, one.url, tar])
    t.match(refused, { status: 2, stderr: /--delete delete: tar:.* is written anew/ })
    t.notOk(existsSync(tar))
  }
  t.match(await run(['dump', one.url, tar]), { status: 0 })
  const loaded = await run(['load', ...DELETE, two.url, tar])
  t.match(loaded, { status: 2, stderr: /cannot be asked again whether an image is gone/ })
  const [source, target] = [`tar:${tar}`, two.url]
  for (const words of [['--deep'], ['--sample', '5%']]) {
    t.match(await run(['compare', ...words, source, target]), {
      status: 2,
      stderr: /--deep, --sample: tar:.* can be read only once/,
    })
  }
  await two.create({ id: idOf(9), name: 'image 9' })
  const { stdout } = await run(['compare', '--json', source, target])
  t.match(JSON.parse(stdout), {
    images: [
      { id: idOf(1), result: 'missing' },
      { id: idOf(9), result: 'extra' },
    ],
  })
})

t.test('when --max-duration is over no further image is removed', async t => {
  const [one, two] = await twoServers(t, [1])
  await run(['livecopy', one.url, two.url])
  for (const n of [7, 8]) await two.create(bodyOf(n))
  const clock = new FakeClock('2026-03-01T02:00:00.000Z')
  const slow = await startListener(t, (request, response) => {
    if (request.method === 'DELETE') clock.advance(3_600_000)
    void forwardAs({}, two.url, request, response)
  })
  const words = ['livecopy', '-j', '1', '--max-duration', '1h', ...DELETE, one.url, slow]
  t.match(await run(words, process.env, { clock }), {
    status: 10,
    stdout: /1 deleted, 1 interrupted, 0 failed\n--max-duration is over/,
  })
  t.match(await two.show(idOf(8)), { id: idOf(8) })
})

t.test('when --grace is over before it is known what to remove, the time was over', async t => {
  const [one, two] = await twoServers(t, [1])
  await run(['livecopy', one.url, two.url])
  await two.create(bodyOf(7))
  const clock = new FakeClock('2026-03-01T02:00:00.000Z')
  const silent = await startListener(t, (request, response) => {
    if (request.url === `/v2/images/${idOf(7)}`) return clock.advance(3_600_000 + 60_000)
    void forwardAs({}, one.url, request, response)
  })
  const words = ['livecopy', '--max-duration', '1h', '--grace', '60', ...DELETE, silent, two.url]
  t.match(await run(words, {}, { clock }), { status: 10, stdout: /\n--max-duration is over/ })
  t.match(await two.show(idOf(7)), { id: idOf(7) })
})

t.test('removals are changes', async t => {
  const [one, two] = await twoServers(t, [1])
  await run(['livecopy', one.url, two.url])
  await two.create(bodyOf(7))
  const hook = ['--on-change', 'echo $GLANCE_REPLICATOR_REMOVED removed']
  const found = await run(['compare', ...hook, ...DELETE, one.url, two.url], process.env)
  t.match(found, { status: 1, stderr: /--on-change: 0 removed/ })
  t.match(await run(['livecopy', ...hook, ...DELETE, one.url, two.url], process.env), {
    status: 0,
    stderr: /--on-change: 1 removed/,
  })
  const again = await run(['livecopy', ...hook, ...DELETE, one.url, two.url], process.env)
  t.match(again, { status: 0, stderr: '' })
  t.notMatch(again.stderr, /on-change/)
})
