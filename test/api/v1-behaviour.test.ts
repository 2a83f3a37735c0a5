import t from 'tap'
import { ask, check, idsOf } from '../behaviour/runner.ts'
import { V1_LIST } from '../behaviour/v1-list.ts'
import { V1_MEMBERS } from '../behaviour/v1-members.ts'
import { V1_SCENARIOS } from '../behaviour/v1-scenarios.ts'
import { startTestServer } from '../support/server.ts'

for (const [dataApi, scenarios] of [
  ['simple', V1_SCENARIOS],
  // What v1 asks a database for in words of its own; all else both versions ask alike.
  ['sqlite', [...V1_LIST, ...V1_MEMBERS]],
] as const) {
  t.test(`the Images API v1, request by request, with ${dataApi}`, async t => {
    for (const scenario of scenarios) {
      await t.test(scenario.name, async t => {
        // A listing of what changed shows what others have left behind as well.
        const dataDir = t.testdir()
        const { url } = await startTestServer(t, { auth: 'trusted_headers', dataApi, dataDir })
        const side = { url, places: { folder: dataDir, source: 'http://nowhere' } }
        const ids = idsOf(scenario, 0)
        for (const row of scenario.rows) {
          const answer = await ask(side, row, ids)
          await t.test(row.title, async t => check(t, row, answer))
        }
      })
    }
  })
}

t.test('the table', async t => {
  const rows = V1_SCENARIOS.flatMap(({ rows }) => rows)
  t.notOk(
    rows.some(({ status }) => status >= 500 && status !== 501),
    'no request breaks the service',
  )
  for (const { name, rows } of V1_SCENARIOS) {
    t.equal(new Set(rows.map(({ title }) => title)).size, rows.length, `${name}: titles differ`)
  }
})
