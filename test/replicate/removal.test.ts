import { readdir } from 'node:fs/promises'
import t from 'tap'
import { Stopped } from '../../lib/cli/exit-status.ts'
import { startProgram } from '../support/command.ts'
import { forwardAs } from '../support/forward.ts'
import { idOf } from '../support/images.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { bodyOf, twoServers } from '../support/two-servers.ts'

const MARK = 'glance_replicator_source'

t.test('what becomes of copies whose image left the source', async t => {
  for (const { how, past, after } of [
    { how: 'hide', past: 'hidden', after: { status: 'active', os_hidden: true } },
    { how: 'deactivate', past: 'deactivated', after: { status: 'deactivated', os_hidden: false } },
    { how: 'delete', past: 'deleted', after: null },
  ]) {
    t.test(`--delete ${how}: they are ${past}, and a second run has nothing to do`, async t => {
      const [one, two] = await twoServers(t, [1, 2, 3])
      await two.create(bodyOf(9))
      const words = ['--delete', how, ...NORTH, one.url, two.url]
      const copy = ['livecopy', ...words]
      t.match(await run(copy), { status: 0, stdout: /3 images created .* left alone/ })
      await one.call('DELETE', `/v2/images/${idOf(2)}`)
      const compared = await run(['compare', ...words])
      t.match(compared, {
        status: 1,
        stdout:
          `${idOf(2)} (image 2): only on the target, would be ${past}\n` +
          '0 images missing (0.0 B), 0 different, 2 the same, 2 only on the target, 1 of them to be removed\n',
      })
      t.match(await run([...copy, '--dry-run']), {
        status: 0,
        stdout: new RegExp(`1 to be ${past}, 1 only on the target left alone`),
        stderr: `${idOf(2)} (image 2): not on the source, would be ${past}\n`,
      })
      t.match(await two.show(idOf(2)), { status: 'active', os_hidden: false }, 'nothing was done')
      t.match(await run(copy), {
        status: 0,
        stdout: new RegExp(`1 ${past}, 1 only on the target left alone`),
        stderr: `${idOf(2)} (image 2): not on the source, ${past}\n`,
      })
      const gone = await two.call('GET', `/v2/images/${idOf(2)}`)
      if (after === null) t.equal(gone.status, 404)
      else t.match(gone.json, after)
      t.match(await two.show(idOf(9)), { status: 'queued', os_hidden: false }, 'not a copy of ours')
      t.match(await run(copy), { status: 0, stderr: '' })
      t.match(await run(['compare', ...words]), { status: 0 })
    })
  }

  t.test('by default nothing becomes of them, and copies carry no mark', async t => {
    const [one, two] = await twoServers(t, [1, 2])
    await run(['livecopy', one.url, two.url])
    t.notOk(MARK in (await two.show(idOf(1))))
    await one.call('DELETE', `/v2/images/${idOf(1)}`)
    t.match(await run(['livecopy', one.url, two.url]), { status: 0, stderr: '' })
    t.match(await two.show(idOf(1)), { status: 'active' })
    t.match(await run(['livecopy', '--delete', 'delete', ...NORTH, one.url, two.url]), {
      stdout: /1 only on the target left alone/,
    })
    t.match(await two.show(idOf(1)), { status: 'active' }, 'nobody wrote down that it is ours')
  })
})

t.test('the mark of a copy', async t => {
  const [one, two] = await twoServers(t, [1, 2])

  await run(['livecopy', '--provenance', 'north', one.url, two.url])
  t.match(await two.show(idOf(1)), { [MARK]: `north ${idOf(1)}` })
  t.match(await run(['compare', one.url, two.url]), { status: 0 }, 'is no difference')
  t.match(await run(['livecopy', one.url, two.url]), { stdout: /0 updated, 2 the same/ })

  t.test('is not carried on to a third service, nor from a dump', async t => {
    const [three, four] = [await startTestServer(t), await startTestServer(t)]
    await run(['livecopy', two.url, three.url])
    t.notOk(MARK in (await three.show(idOf(1))))
    const dump = t.testdir()
    await run(['dump', '--provenance', 'north', one.url, dump])
    await run(['load', four.url, dump])
    t.match(await four.show(idOf(1)), { status: 'active' })
    t.notOk(MARK in (await four.show(idOf(1))))
  })

  t.test('of another source keeps a copy from being removed', async t => {
    await one.call('DELETE', `/v2/images/${idOf(1)}`)
    const copy = ['livecopy', '--delete', 'delete', '--provenance']
    t.match(await run([...copy, 'south', one.url, two.url, '-v']), {
      stderr: /image 1\): only on the target, left alone: it is no copy of ours/,
    })
    t.match(await two.show(idOf(1)), { status: 'active' })
    t.match(await run([...copy, 'north', one.url, two.url]), { stdout: /1 deleted/ })
  })
})

t.test('--delete-unknown takes whatever only the target has', async t => {
  const [one, two] = await twoServers(t, [1])
  for (const n of [7, 8]) await two.create(bodyOf(n))
  const outcome = await run(['livecopy', '--json', ...DELETE, one.url, two.url])
  t.equal(outcome.status, 0)
  t.match(JSON.parse(outcome.stdout), {
    images: [
      { id: idOf(1), result: 'created' },
      { id: idOf(7), result: 'deleted', error: null },
      { id: idOf(8), result: 'deleted' },
    ],
    totals: { created: 1, deleted: 2, kept: 0, failed: 0 },
    withheld: null,
  })
})

t.test('a protected image is not deleted and not unprotected, but told', async t => {
  const [one, two] = await twoServers(t, [1])
  await two.create({ ...bodyOf(7), protected: true })
  t.match(await run(['livecopy', ...DELETE, one.url, two.url]), {
    status: 0,
    stdout: /1 only on the target left alone/,
    stderr: /image 7\): only on the target, left alone: it is protected/,
  })
  t.match(await two.show(idOf(7)), { protected: true })
  t.match(await run(['compare', ...DELETE, one.url, two.url]), { status: 0 })
})

t.test(
  '--max-delete, or half of them: when more would go, none goes, and the exit status is 1',
  async t => {
    const [one, two] = await twoServers(t, [1, 2])
    await run(['livecopy', one.url, two.url])
    for (const n of [7, 8]) await two.create(bodyOf(n))
    for (const { most, why } of [
      { most: '0', why: 'more than 0' },
      { most: '1', why: 'more than 1' },
      { most: '49%', why: 'more than 49% of 4' },
    ]) {
      const words = [...DELETE.slice(0, 3), '--max-delete', most, one.url, two.url]
      const message = new RegExp(
        `^(?:up to )?2 images would be deleted, ${why}: all are left alone\n`,
      )
      t.match(await run(['livecopy', ...words]), { status: 1, stderr: message })
      t.match(await run(['livecopy', '--dry-run', ...words]), { status: 1, stderr: message })
      t.match(await run(['compare', ...words]), { status: 1, stdout: message })
      t.match(await run(['size', two.url]), { stdout: /across 2 images/ })
      t.match(await two.show(idOf(7)), { status: 'queued' })
    }
    const { status, stdout } = await run(['livecopy', ...DELETE.slice(0, 3), one.url, two.url])
    t.match({ status, stdout }, { status: 0, stdout: /2 deleted/ })
  },
)

t.test('a source that may not have told everything has nothing removed', async t => {
  const two = await startTestServer(t)
  await two.create(bodyOf(7))
  const images = async (listed: readonly unknown[], status = 200) =>
    await startListener(t, (request, response) => {
      const url = request.url ?? ''
      if (url.startsWith('/v2/tasks')) return sendJson(response, 200, { tasks: [] })
      if (url.startsWith('/versions')) return sendJson(response, 200, VERSIONS)
      if (!url.startsWith('/v2/images?')) return sendJson(response, status, {})
      sendJson(response, 200, { images: url.includes('os_hidden') ? [] : listed })
    })
  const image = { ...bodyOf(1), status: 'queued', visibility: 'private' }
  const quick = ['--attempts', '1']
  for (const { title, source, status, stderr } of [
    {
      title: 'one that lists no images',
      source: await images([], 404),
      status: 1,
      stderr: /1 image would be deleted, but the source lists none: all are left alone/,
    },
    {
      title: 'one with an image that cannot be understood',
      source: await images([image, { ...bodyOf(2), size: 'much' }], 404),
      status: 1,
      stderr: /not every image of the source could be read: all are left alone/,
    },
    {
      title: 'one that does not say whether it has the image',
      source: await images([image], 503),
      status: 1,
      stderr: /image 7\): failed: /,
    },
    {
      title: 'one that has the image although it did not list it',
      source: await startListener(t, (request, response) => {
        const url = request.url ?? ''
        if (url.startsWith('/v2/tasks')) return sendJson(response, 200, { tasks: [] })
        if (url.startsWith('/versions')) return sendJson(response, 200, VERSIONS)
        const isList = url.startsWith('/v2/images?')
        const listed = { images: url.includes('os_hidden') ? [] : [image] }
        sendJson(response, 200, isList ? listed : { ...image, ...bodyOf(7) })
      }),
      status: 0,
      stderr: /^$/,
    },
  ]) {
    t.test(title, async t => {
      t.match(await run(['livecopy', ...quick, ...DELETE, source, two.url]), { status, stderr })
      t.match(await two.show(idOf(7)), { id: idOf(7) })
    })
  }

  t.test('one whose listing breaks off', async t => {
    const broken = await startListener(t, (request, response) => {
      const url = request.url ?? ''
      if (url.startsWith('/v2/tasks')) return sendJson(response, 200, { tasks: [] })
      if (url.startsWith('/versions')) return sendJson(response, 200, VERSIONS)
      if (url.includes('marker')) return sendJson(response, 500, {})
      const next = `/v2/images?marker=${idOf(1)}`
      sendJson(response, 200, { images: [image], next })
    })
    t.match(await run(['livecopy', ...quick, ...DELETE, broken, two.url]), { status: 3 })
    t.match(await two.show(idOf(7)), { id: idOf(7) })
  })
})

t.test('a dump', async t => {
  const [one] = await twoServers(t, [1, 2])
  const dump = t.testdir()
  const words = ['dump', '--delete', 'delete', ...NORTH, one.url, dump]
  await run(words)
  await one.call('DELETE', `/v2/images/${idOf(2)}`)
  t.match(await run(words), { stdout: /1 deleted/ })
  const left = (await readdir(dump)).filter(name => name.startsWith('0000'))
  t.same(left.toSorted(), [idOf(1), `${idOf(1)}.img`])

  t.test('has no images to deactivate', async t => {
    t.match(await run(['dump', '--delete', 'deactivate', one.url, dump]), {
      status: 2,
      stderr: /--delete deactivate: dir:.* cannot do that to images, only hide and delete/,
    })
  })

  t.test('is a source like any other', async t => {
    const [two, [three]] = [await startTestServer(t), await twoServers(t, [3])]
    await run(['dump', three.url, dump])
    const load = ['load', '--delete', 'hide', ...NORTH, two.url, dump]
    await run(load)
    t.match(await run(['dump', ...DELETE, one.url, dump]), { stdout: /1 deleted/ })
    t.match(await run(load), { status: 0, stdout: /1 hidden/ })
    t.match(await two.show(idOf(3)), { os_hidden: true })
    await run(['dump', three.url, dump])
    t.match(await run(load), { status: 0, stdout: /1 updated/ })
    t.match(await two.show(idOf(3)), { os_hidden: false }, 'it is shown again when it is back')
  })
})

t.test('a v1 target only deletes', async t => {
  const [one, two] = await twoServers(t, [1, 2])
  const copy = ['livecopy', ...NORTH, '--target-api', '1', '--delete']
  for (const how of ['hide', 'deactivate']) {
    t.match(await run([...copy, how, one.url, two.url]), {
      status: 2,
      stderr: new RegExp(`--delete ${how}: .* cannot do that to images, only delete\n$`),
    })
  }
  t.match(await run([...copy, 'delete', one.url, two.url]), {
    status: 0,
    stdout: /2 images created/,
  })
  await one.call('DELETE', `/v2/images/${idOf(1)}`)
  t.match(await run([...copy, 'delete', one.url, two.url]), { status: 0, stdout: /1 deleted/ })

  t.test('and a v1 source that shows deleted images does not have them', async t => {
    const source = ['--source-api', '1', '--delete', 'delete', '--provenance', 'x']
    const [old, young] = await twoServers(t, [1, 2])
    await run(['livecopy', ...source, old.url, young.url])
    await old.call('DELETE', `/v2/images/${idOf(2)}`)
    t.match(await run(['livecopy', ...source, old.url, young.url]), { stdout: /1 deleted/ })
  })
})

t.test('an image that cannot be deleted fails alone', async t => {
  const [one, two] = await twoServers(t, [1, 2])
  const target = await startListener(t, (request, response) => {
    if (request.method === 'DELETE' && request.url?.endsWith(idOf(7)) === true) {
      return sendJson(response, 409, { message: 'in use' })
    }
    void forwardAs({}, two.url, request, response)
  })
  for (const n of [7, 8]) await two.create(bodyOf(n))
  const outcome = await run(['livecopy', ...DELETE, one.url, target])
  t.match(outcome, { status: 1, stdout: /2 images created .* 1 deleted, 1 failed/ })
  t.match(outcome.stderr, /image 7\): failed: .*409/)
})

t.test('a run that is stopped', async t => {
  /** Fronts of both servers that do this at such a request for an image. */
  async function fronts(method: string, at: (answer: () => void) => void) {
    const [one, two] = await twoServers(t, [1])
    await run(['livecopy', one.url, two.url])
    for (const n of [7, 8, 9]) await two.create(bodyOf(n))
    const front = async (server: TestServer) =>
      await startListener(t, (request, response) => {
        const answer = () => void forwardAs({}, server.url, request, response)
        if (request.method === method && request.url === `/v2/images/${idOf(7)}`) at(answer)
        else answer()
      })
    return { two, words: ['livecopy', ...DELETE, '-j', '1', await front(one), await front(two)] }
  }

  t.test('while it asks whether an image is gone removes none', async t => {
    let asked = () => {}
    const waiting = new Promise<void>(resolve => (asked = resolve))
    const { two, words } = await fronts('GET', () => asked())
    await using running = await startProgram(words)
    await waiting
    running.kill('SIGINT')
    const stdout = '0 images created (0.0 B), 0 updated, 1 the same, 0 failed\n'
    t.match(await running.outcome, { status: 130, stdout })
    for (const n of [7, 8, 9]) t.match(await two.show(idOf(n)), { id: idOf(n) })
  })

  t.test('while it removes one tells what becomes of that, and removes no more', async t => {
    const stop = new AbortController()
    const { two, words } = await fronts('DELETE', answer => {
      stop.abort(new Stopped('SIGINT'))
      answer()
    })
    const { status, stdout } = await run(words, {}, { signal: stop.signal })
    t.equal(status, 130)
    t.match(stdout, / 1 the same, 1 deleted, 2 interrupted, 0 failed/)
    t.match(await two.call('GET', `/v2/images/${idOf(7)}`), { status: 404 })
    for (const n of [8, 9]) t.match(await two.show(idOf(n)), { id: idOf(n) })
  })
})

t.test('an option that makes no sense says so', async t => {
  for (const { words, message } of [
    {
      words: ['--delete', 'purge'],
      message: "--delete: expected never, hide, deactivate or delete, not 'purge'",
    },
    {
      words: ['--delete-unknown'],
      message: '--delete-unknown: say by --delete whether to hide, deactivate or delete them',
    },
    {
      words: ['--delete', 'hide', '--max-delete', 'all'],
      message: "--max-delete: expected a whole number, or a share from 0% to 100%, not 'all'",
    },
    { words: ['--max-delete', '1'], message: /--max-delete: say by --delete whether/ },
    {
      words: ['--delete', 'hide', '--max-delete', '101%'],
      message: /--max-delete: expected .* not '101%'/,
    },
    { words: ['--provenance', ''], message: /--provenance: expected a name, of 1 to 218 / },
  ]) {
    for (const command of ['livecopy', 'compare', 'dump', 'load']) {
      const { status, stderr } = await run([command, ...words, 'nowhere.invalid', 'x'])
      t.match({ status, stderr }, { status: 2, stderr: message }, `${command} ${words.join(' ')}`)
    }
  }
})

const NORTH = ['--provenance', 'north']
const DELETE = ['--delete', 'delete', '--delete-unknown', '--max-delete', '100%']
const VERSIONS = { versions: [{ id: 'v2.9', status: 'CURRENT', links: [] }] }
