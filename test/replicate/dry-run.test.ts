import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { SYSTEM_CLOCK } from '../../lib/cli/clock.ts'
import { idOf } from '../support/images.ts'
import { run } from '../support/program.ts'
import { bodyOf, twoServers } from '../support/two-servers.ts'

const MIB = 1024 ** 2

t.test('a dry run tells how long it would take, and what that rests on', async t => {
  const [one, two] = await twoServers(t, [])
  for (const n of [1, 2, 3]) {
    await one.create(bodyOf(n))
    await one.upload(idOf(n), Buffer.alloc(MIB))
  }
  const dry = ['livecopy', '--dry-run', one.url, two.url]
  const estimateOf = async (words: readonly string[]) => {
    const { stdout } = await run([...words, '--json'])
    return (JSON.parse(stdout) as { readonly estimate: unknown }).estimate // As the manual says.
  }

  t.test('nothing but a speed to compare with, when nothing is known', async t => {
    t.match(await run(dry), {
      status: 0,
      stdout: /\n3\.0 MiB to be copied: 0s if 100\.0 MiB\/s pass, which no run has measured yet\n$/,
    })
    t.strictSame(await estimateOf(dry), {
      bytes: 3 * MIB,
      seconds: 0.03,
      rests_on: 'assumed',
      bytes_per_second: 100 * MIB,
      measured_at: null,
    })
  })

  const noon = { now: () => new Date(2026, 10, 23, 11, 59, 58), after: SYSTEM_CLOCK.after }
  for (const { bandwidth, seconds } of [
    { bandwidth: '512K', seconds: 6 },
    { bandwidth: '00:00,512K 12:00,1M', seconds: 4 },
    { bandwidth: '00:00,512K 12:00,off', seconds: 2 },
    { bandwidth: '00:00,1B 12:00,512K', seconds: 8 - 2 ** -18 },
    { bandwidth: '1B', seconds: 3 * MIB },
  ]) {
    t.test(`what --bandwidth '${bandwidth}' lets pass, at least`, async t => {
      const { stdout } = await run(
        [...dry, '--json', '--bandwidth', bandwidth],
        {},
        { clock: noon },
      )
      const { estimate } = JSON.parse(stdout) as {
        readonly estimate: { readonly seconds: number }
      }
      t.match(estimate, { rests_on: 'bandwidth', bytes_per_second: null })
      t.ok(Math.abs(estimate.seconds - seconds) / seconds < 0.001, `${estimate.seconds} s`)
    })
  }

  t.test('which does not count for what the target fetches by itself', async t => {
    const words = [...dry, '--via', 'web-download', '--bandwidth', '1K']
    t.match(await estimateOf(words), { rests_on: 'assumed' })
  })

  t.test('how fast the last run was, by its summary', async t => {
    const file = join(t.testdir(), 'summary.json')
    const words = [...dry, '--summary-file', file]
    const rate = {
      bytes: 10 * MIB,
      seconds: 40,
      bytes_per_second: MIB / 4,
      measured_at: '2026-11-22T02:17:40.000Z',
    }
    const ran = { command: 'livecopy', source: one.url, target: two.url, rate }
    await writeFile(file, JSON.stringify(ran))
    t.match(await run(words), {
      stdout:
        /3\.0 MiB to be copied: about 12s, at 256\.0 KiB\/s as measured 2026-11-22T02:17:40.000Z\n$/,
    })
    t.match(JSON.parse(await readFile(file, 'utf8')), { dry_run: true, rate })
    t.match(await estimateOf(words), { seconds: 12, rests_on: 'last_run' }, 'a dry run keeps it')
    t.match(await estimateOf([...words, '--bandwidth', '1M']), { rests_on: 'last_run' })
    const slower = { seconds: 24, rests_on: 'bandwidth' }
    t.match(await estimateOf([...words, '--bandwidth', '128K']), slower)
    for (const other of [
      { ...ran, target: 'another' },
      { ...ran, rate: { ...rate, bytes_per_second: 'fast' } },
      'none',
    ]) {
      await writeFile(file, JSON.stringify(other))
      t.match(await estimateOf(words), { rests_on: 'assumed' })
    }
    await writeFile(file, 'not JSON')
    t.match(await estimateOf(words), { rests_on: 'assumed' })
  })

  t.test('which that run has measured', async t => {
    const file = join(t.testdir(), 'summary.json')
    let time = Date.parse('2026-11-23T00:00:00Z')
    const clock = {
      now: () => {
        time += 1000
        return new Date(time)
      },
      after: SYSTEM_CLOCK.after,
    }
    const words = ['livecopy', one.url, two.url, '--summary-file', file]
    t.match(await run(words, {}, { clock }), { status: 0, stdout: /^3 images created[^\n]*\n$/ })
    const { rate, estimate } = JSON.parse(await readFile(file, 'utf8')) as {
      readonly rate: { readonly seconds: number; readonly bytes_per_second: number }
      readonly estimate: unknown
    }
    t.equal(estimate, null)
    t.match(rate, { bytes: 3 * MIB, measured_at: /^2026-11-23T00:00:/ })
    t.ok(rate.seconds >= 1)
    t.equal(rate.bytes_per_second, (3 * MIB) / rate.seconds)
    t.match(await run(words), { stdout: /3 the same/ })
    t.match(
      JSON.parse(await readFile(file, 'utf8')),
      { rate },
      'a run that copies nothing keeps it',
    )
    t.match(await run([...dry, '--summary-file', file]), { stdout: /the same, 0 failed\n$/ })
  })
})
