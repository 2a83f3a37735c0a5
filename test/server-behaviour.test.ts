import t from 'tap'
import { ask, check, clean, idsOf } from './behaviour/runner.ts'
import { SCENARIOS } from './behaviour/scenarios.ts'
import { startTestServer } from './support/server.ts'

t.test('the Images API v2, request by request', async t => {
  const { url } = await startTestServer(t, { auth: 'trusted_headers', enableV1Api: false })
  for (const [number, scenario] of SCENARIOS.entries()) {
    await t.test(scenario.name, async t => {
      const ids = idsOf(scenario, number)
      for (const row of scenario.rows) {
        const answer = await ask(url, row, ids)
        await t.test(row.title, async t => check(t, row, answer))
      }
    })
    await clean(url)
  }
})

t.test('the table', async t => {
  const rows = SCENARIOS.flatMap(({ rows }) => rows)
  t.notOk(
    rows.some(({ status }) => status >= 500 && status !== 501),
    'no request breaks the service',
  )
  t.ok(rows.length >= 400, `holds ${rows.length} requests`)
  for (const { name, rows } of SCENARIOS) {
    t.equal(new Set(rows.map(({ title }) => title)).size, rows.length, `${name}: titles differ`)
  }
})
