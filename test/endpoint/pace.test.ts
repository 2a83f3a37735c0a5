import { join } from 'node:path'
import t from 'tap'
import { parseBandwidth } from '../../lib/cli/bandwidth.ts'
import { type Clock, limitRate, RateLimit } from '../../lib/stream/limit-rate.ts'
import { bytesOf as lent, collect } from '../../lib/compliance/bytes.ts'
import { bytesOf, idOf, imageOf } from '../support/images.ts'
import { run } from '../support/program.ts'
import { startTestServer } from '../support/server.ts'
import { startUnruly } from '../support/unruly.ts'

const KIB = 1024

/** A clock that has waited as soon as it is asked to. */
function hastyClock(): Clock & { readonly time: () => number } {
  let time = 0
  return { now: () => time, wait: async ms => void (time += ms), time: () => time }
}

t.test('so much passes in a second, and all of it', async t => {
  const clock = hastyClock()
  const limit = new RateLimit(() => 100 * KIB, clock)
  const data = bytesOf(1, 300 * KIB)
  t.ok((await collect(limitRate(lent(data, data), limit))).equals(Buffer.concat([data, data])))
  t.ok(Math.abs(clock.time() - 6000) < 300, `${clock.time()} ms for 600 KiB at 100 KiB/s`)
})

t.test('what several streams take is added up', async t => {
  const clock = hastyClock()
  const limit = new RateLimit(() => 100 * KIB, clock)
  const one = async () => await collect(limitRate(lent(bytesOf(1, 200 * KIB)), limit))
  await Promise.all([one(), one(), one()])
  t.ok(clock.time() > 5500, `${clock.time()} ms for 600 KiB at 100 KiB/s`)
})

t.test('a limit that changes on the way is heeded', async t => {
  const clock = hastyClock()
  const limit = new RateLimit(() => (clock.time() < 2000 ? 100 * KIB : null), clock)
  await collect(limitRate(lent(bytesOf(1, 1000 * KIB)), limit))
  t.ok(Math.abs(clock.time() - 2000) < 300, 'after two seconds there is none')
})

t.test('a limit that is waited for is given up with the signal', async t => {
  const limit = new RateLimit(() => 0.001)
  await limit.take(1)
  const signal = AbortSignal.abort(new Error('enough'))
  await t.rejects(limit.take(1, { signal }), { message: 'enough' })
})

t.test('--bandwidth', t => {
  for (const [text, rates] of [
    ['10M', { 'Mon 12:00': 10 * KIB * KIB }],
    ['1.5k', { 'Mon 12:00': 1.5 * KIB }],
    ['512B', { 'Mon 12:00': 512 }],
    ['1GiB', { 'Mon 12:00': KIB ** 3 }],
    ['off', { 'Mon 12:00': null }],
    [
      '08:00,1M 19:00,off',
      { 'Tue 07:59': null, 'Tue 08:00': KIB * KIB, 'Tue 18:59': KIB * KIB, 'Tue 19:00': null },
    ],
    [
      'Mon-08:00,1M Sat-00:00,off sat-12:00,2M',
      { 'Mon 07:59': 2 * KIB * KIB, 'Fri 23:00': KIB * KIB, 'Sat 11:59': null },
    ],
    ['10:00,1M', { 'Sun 01:00': KIB * KIB }],
  ] as const) {
    for (const [when, rate] of Object.entries(rates)) {
      t.test(`${text}: on ${when} it is ${rate === null ? 'no limit' : rate}`, async t => {
        t.equal(parseBandwidth(text)(timeOf(when)), rate)
      })
    }
  }
  t.end()
})

t.test('what cannot be read is told before anything is asked of anybody', async t => {
  for (const [option, value, message] of [
    ['--bandwidth', '1000', /'1000': expected a rate with its unit/],
    ['--bandwidth', '0M', /'0M': expected a rate/],
    ['--bandwidth', '08:00,1M 25:00,off', /'25:00,off': expected/],
    ['--bandwidth', 'Foo-08:00,1M', /'Foo-08:00,1M': expected/],
    ['--bandwidth', '', /expected a rate/],
    ['--order', 'date', /'date': expected id, size, age or name/],
    ['--order', 'size,up', /'size,up': expected id, size/],
    ['--checkers', '0', /expected a whole number from 1 to 1000/],
    ['--stall-timeout', '0', /expected a whole number from 1 to 86400/],
    ['--requests-per-second', '0', /expected a number from 0\.01/],
  ] as const) {
    t.test(`${option} '${value}'`, async t => {
      const { status, stderr } = await run(['livecopy', option, value, 'cloud:no', 'cloud:no'])
      t.equal(status, 2)
      t.match(stderr, new RegExp(`${option}: .*${message.source}`))
    })
  }
})

t.test('--order', t => {
  const images = [
    [1, 1000, 'b', '2026-03-01'],
    [2, 3000, 'c', '2026-01-01'],
    [3, 2000, 'a', '2026-02-01'],
  ] as const
  const stored = images.map(([n, size, name, made]) => {
    const data = bytesOf(n, size)
    return { image: imageOf(n, data, { name, createdAt: new Date(made) }), data }
  })
  for (const [order, asked] of [
    ['id', '123'],
    ['id,descending', '321'],
    ['size', '231'],
    ['size,ascending', '132'],
    ['age', '231'],
    ['age,asc', '132'],
    ['name', '312'],
  ] as const) {
    t.test(`${order} copies ${asked}`, async t => {
      const source = await startUnruly(t, stored)
      const folder = t.testdir()
      t.match(await run(['dump', '-j', '1', '--order', order, source.url, folder]), { status: 0 })
      t.equal(source.asked.join(''), asked)
    })
  }
  t.end()
})

t.test('without --order', async t => {
  const stored = [1, 2, 3, 4].map(n => {
    const data = bytesOf(n, n * 1000)
    return { image: imageOf(n, data), data }
  })
  const source = await startUnruly(t, stored)
  t.match(await run(['dump', '-j', '1', source.url, t.testdir()]), { status: 0 })
  t.equal(
    source.asked.join(''),
    '1432',
    'the largest is next, once there is more than one to choose',
  )
  const again = await startUnruly(t, stored)
  const archive = join(t.testdir(), 'images.tar')
  t.match(await run(['dump', '-j', '1', again.url, archive]), { status: 0 })
  t.equal(again.asked.join(''), '1234', 'an archive has them by their ids')
})

t.test('-j auto', async t => {
  const stored = [1, 2, 3, 4, 5, 6].map(n => {
    const data = bytesOf(n, 1000)
    return { image: imageOf(n, data), data }
  })
  // The first two are too much.
  const source = await startUnruly(t, stored, asked => (asked <= 2 ? { status: 503 } : {}))
  const words = ['dump', '-j', 'auto', source.url, t.testdir()]
  const { status, stdout, stderr } = await run([...words, '--json', '-v'])
  t.equal(status, 0)
  t.match(stderr, 'images copied at once: 2, a server is busy')
  t.match(JSON.parse(stdout), { totals: { created: 6 }, concurrency: { most: 4, last: 2 } })
  t.match(await run(words), { stdout: /at most 4 images at once, 4 at the end/ })
  t.match(await run(['verify', '-j', 'auto', t.testdir()]), {
    status: 2,
    stderr: /--concurrency: expected a whole number/,
  })
})

t.test('--bandwidth and --requests-per-second hold a run back', async t => {
  const data = bytesOf(1, 300 * KIB)
  const source = await startUnruly(t, [{ image: imageOf(1, data), data }])
  for (const option of ['--bandwidth=600K', '--requests-per-second=8']) {
    const target = await startTestServer(t)
    const began = performance.now()
    t.match(await run(['livecopy', option, source.url, target.url]), { status: 0 })
    t.ok(performance.now() - began > 240, option)
    t.match(await target.show(idOf(1)), { status: 'active' })
  }
})

/** A time of some week in which Sunday is the first of November 2026, by the local clock. */
function timeOf(when: string): Date {
  const [day = '', time = ''] = when.split(' ')
  const date = 1 + ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'].indexOf(day)
  return new Date(`2026-11-0${date}T${time}:00`)
}
