import t from 'tap'
import { FakeClock } from '../support/clock.ts'
import { forwardAs } from '../support/forward.ts'
import { idOf } from '../support/images.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { bodyOf, twoServers } from '../support/two-servers.ts'

const DELETE = ['--delete', 'delete', '--delete-unknown', '--max-delete', '100%']
const MARK = 'glance_replicator_source'
const HOUR = 3_600_000

async function idsOn(target: TestServer): Promise<readonly string[]> {
  const { json } = await target.call('GET', '/v2/images?sort=id:asc')
  const { images } = json as { images: readonly { id: string }[] } // As the API says.
  return images.map(({ id }) => id)
}

t.test(
  'copies that left the source are removed from each target, each by its own count',
  async t => {
    const [source, one] = await twoServers(t, [1, 2, 3])
    const two = await startTestServer(t)
    const urls = [one.url, two.url]
    const copy = ['livecopy', '--delete', 'delete', '--provenance', 'north', '--max-delete', '1']
    t.match(await run([...copy, source.url, ...urls]), { status: 0 })
    for (const target of [one, two])
      t.match(await target.show(idOf(3)), { [MARK]: `north ${idOf(3)}` })
    for (const n of [2, 3]) await source.call('DELETE', `/v2/images/${idOf(n)}`)
    await two.call('DELETE', `/v2/images/${idOf(3)}`)
    await two.create(bodyOf(9))

    const rehearsed = await run([...copy, '--dry-run', source.url, ...urls])
    t.match(rehearsed, {
      status: 1,
      stdout: /^.* 2 only on the target left alone, .*\n.* 1 to be deleted, 1 only on the target /,
      stderr: `${idOf(2)} (image 2) on ${two.url}: not on the source, would be deleted\n`,
    })
    t.strictSame(await idsOn(two), [idOf(1), idOf(2), idOf(9)], 'nothing was done')

    const { status, stdout, stderr } = await run([...copy, '--json', source.url, ...urls])
    t.equal(status, 1)
    t.equal(
      stderr,
      `${one.url}: 2 images would be deleted, more than 1: all are left alone\n` +
        `${idOf(2)} (image 2) on ${two.url}: not on the source, deleted\n`,
    )
    t.match(JSON.parse(stdout), {
      images: [
        { target: one.url, id: idOf(1), result: 'same' },
        { target: two.url, id: idOf(1), result: 'same' },
        { target: one.url, id: idOf(2), result: 'kept', reason: 'withheld' },
        { target: one.url, id: idOf(3), result: 'kept', reason: 'withheld' },
        { target: two.url, id: idOf(2), result: 'deleted', error: null },
        { target: two.url, id: idOf(9), result: 'kept', reason: 'unknown' },
      ],
      totals: { same: 2, deleted: 1, kept: 3, failed: 0 },
      targets: [
        { totals: { deleted: 0, kept: 2 }, withheld: { code: 'over_limit' }, error: null },
        { totals: { deleted: 1, kept: 1 }, withheld: null, error: null },
      ],
    })
    t.strictSame(await idsOn(one), [idOf(1), idOf(2), idOf(3)])
    t.strictSame(await idsOn(two), [idOf(1), idOf(9)])

    const all = [...copy.slice(0, -1), '100%']
    t.match(await run([...all, source.url, ...urls]), { status: 0, stdout: /^.* 2 deleted, / })
    t.strictSame(await idsOn(one), [idOf(1)])
    t.match(await run([...all, source.url, ...urls]), { status: 0, stderr: '' })
  },
)

t.test('what is not selected stays on all targets', async t => {
  const [source, one] = await twoServers(t, [1, 2])
  const two = await startTestServer(t)
  await run(['livecopy', source.url, one.url, two.url])
  for (const target of [one, two]) for (const n of [7, 8]) await target.create(bodyOf(n))
  const chosen = ['--filter', 'name="image 7"', ...DELETE]
  const { status, stdout } = await run(['livecopy', ...chosen, source.url, one.url, two.url])
  t.match({ status, stdout }, { status: 0, stdout: /^.* 1 deleted, .*\n.* 1 deleted, / })
  for (const target of [one, two]) t.strictSame(await idsOn(target), [1, 2, 8].map(idOf))
})

t.test(
  'nothing is removed from a target that was given up, and the others lose theirs',
  async t => {
    const [source, one] = await twoServers(t, [1])
    await one.create(bodyOf(7))
    const asked: string[] = []
    const extra = { ...bodyOf(7), status: 'queued', visibility: 'private' }
    const odd = await startListener(t, (request, response) => {
      const url = request.url ?? ''
      asked.push(request.method ?? '')
      if (url.includes('marker')) return sendJson(response, 403, {})
      if (url.includes('os_hidden')) return sendJson(response, 200, { images: [] })
      const images = [{ ...extra, id: idOf(0) }, extra]
      sendJson(response, 200, { images, next: `/v2/images?marker=${idOf(7)}` })
    })
    const gone = 'http://127.0.0.1:1'
    const { status, stdout } = await run(['livecopy', ...DELETE, source.url, gone, odd, one.url])
    t.equal(status, 1)
    t.match(
      stdout,
      /given up\n.*given up\n.*: 1 image created .* 1 deleted, 0 failed\n2 targets of 3/,
    )
    t.strictSame(await idsOn(one), [idOf(1)])
    t.notOk(asked.includes('DELETE'))
  },
)

t.test('what one target does not delete fails there alone', async t => {
  const [source, one] = await twoServers(t, [1])
  const two = await startTestServer(t)
  for (const target of [one, two]) await target.create(bodyOf(7))
  const front = await startListener(t, (request, response) => {
    if (request.method === 'DELETE') return sendJson(response, 409, { message: 'in use' })
    void forwardAs({}, one.url, request, response)
  })
  const { status, stdout, stderr } = await run(['livecopy', ...DELETE, source.url, front, two.url])
  t.equal(status, 1)
  t.match(stdout, /^.* 1 failed\n.* 1 deleted, 0 failed$/m)
  t.match(stderr, new RegExp(`image 7\\) on ${front}: failed: .*409`))
})

t.test('what one of the targets cannot do is refused before anything is done', async t => {
  const [source, one] = await twoServers(t, [1])
  const dump = t.testdir()
  for (const [other, message] of [
    [`dir:${dump}`, /--delete deactivate: dir:.* cannot do that to images/],
    [`tar:${dump}/images.tar`, /--delete deactivate: tar:.* is written anew/],
  ] as const) {
    const words = ['livecopy', '--delete', 'deactivate', source.url, one.url, other]
    t.match(await run(words), { status: 2, stderr: message })
  }
  t.strictSame(await idsOn(one), [])
})

t.test('when --max-duration is over', async t => {
  /** A front of the server before which an hour passes with each such request. */
  async function slow(server: TestServer, clock: FakeClock, method: string): Promise<string> {
    return await startListener(t, (request, response) => {
      const isIt = request.method === method
      if (isIt) clock.advance(HOUR)
      if (method === 'PUT' && isIt) response.writeContinue()
      void forwardAs({}, server.url, request, response)
    })
  }
  const words = ['livecopy', '-j', '1', '--max-duration', '1h', ...DELETE]

  t.test('the image under way is copied to all targets, none after it, and none goes', async t => {
    const clock = new FakeClock('2026-03-01T02:00:00.000Z')
    const [source, one] = await twoServers(t, [1, 2, 3])
    const two = await startTestServer(t)
    for (const target of [one, two]) await target.create(bodyOf(7))
    const front = await slow(one, clock, 'PUT')
    const { status, stdout } = await run([...words, source.url, two.url, front], {}, { clock })
    t.equal(status, 10)
    const line = (url: string) =>
      `${url}: 1 image created (15.0 B), 0 updated, 0 the same, 0 failed\n`
    const over = '--max-duration is over: what is left is for the next run\n'
    t.equal(stdout, line(two.url) + line(front) + over)
    t.ok(clock.isIdle)
    for (const target of [one, two]) t.strictSame(await idsOn(target), [1, 7].map(idOf))
    const next = await run([...words, '--json', source.url, two.url, one.url])
    t.equal(next.status, 0)
    t.match(JSON.parse(next.stdout), { cut_short: false, totals: { created: 4, deleted: 2 } })
    for (const target of [one, two]) t.strictSame(await idsOn(target), [1, 2, 3].map(idOf))
  })

  t.test('what goes on after --grace is broken off on all targets', async t => {
    const clock = new FakeClock('2026-03-01T02:00:00.000Z')
    const [source, one] = await twoServers(t, [1])
    const two = await startTestServer(t)
    const stuck = await startListener(t, (request, response) => {
      if (request.url?.endsWith('/file') === true) return clock.advance(HOUR + 60_000)
      void forwardAs({}, source.url, request, response)
    })
    const grace = [...words, '--grace', '60', '--json']
    const { status, stdout } = await run([...grace, stuck, one.url, two.url], {}, { clock })
    t.equal(status, 10)
    t.match(JSON.parse(stdout), {
      cut_short: true,
      totals: { created: 0, interrupted: 2, failed: 0 },
      targets: [{ totals: { interrupted: 1 } }, { totals: { interrupted: 1 } }],
    })
    t.match(await run([...words, source.url, one.url, two.url]), { status: 0 })
  })

  t.test('between two targets, nothing is removed from the second', async t => {
    const clock = new FakeClock('2026-03-01T02:00:00.000Z')
    const [source, one] = await twoServers(t, [1])
    const two = await startTestServer(t)
    for (const target of [one, two]) await target.create(bodyOf(7))
    const front = await slow(one, clock, 'DELETE')
    const { status, stdout } = await run([...words, source.url, front, two.url], {}, { clock })
    t.equal(status, 10)
    t.match(stdout, /^.* 1 deleted, 0 failed\n.* 0 the same, 0 failed\n--max-duration is over/)
    t.strictSame(await idsOn(one), [idOf(1)])
    t.strictSame(await idsOn(two), [1, 7].map(idOf))
  })
})
