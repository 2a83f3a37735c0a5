import t from 'tap'
import { DIFFERENCES } from '../behaviour/differences.ts'
import { type Answer, ask, clean, differences, idsOf } from '../behaviour/runner.ts'
import { SCENARIOS } from '../behaviour/scenarios.ts'
import { startTestServer } from '../support/server.ts'
import { Glance } from './support/glance.ts'

t.test("each request of the table, to Debian's Glance and to ours", async t => {
  await using glance = await Glance.start({ policy: {}, trusted: true })
  const { url } = await startTestServer(t, { auth: 'trusted_headers', enableV1Api: false })
  const found = new Map<string, readonly string[]>()
  for (const [number, scenario] of SCENARIOS.entries()) {
    await t.test(scenario.name, async t => {
      const ids = idsOf(scenario, number)
      for (const row of scenario.rows) {
        const name = `${scenario.name}: ${row.title}`
        const [theirs, ours] = await Promise.all([ask(glance.url, row, ids), ask(url, row, ids)])
        const differing = differences(theirs, ours)
        if (differing.length > 0) found.set(name, differing)
        const known = DIFFERENCES.get(name)?.differs ?? []
        await t.test(row.title, async t => {
          t.strictSame(differing, known, { glance: shortened(theirs), ours: shortened(ours) })
        })
      }
    })
    await Promise.all([clean(glance.url), clean(url)])
  }

  await t.test('every difference that is listed is one', async t => {
    for (const name of DIFFERENCES.keys()) t.ok(found.has(name), name)
  })
})

function shortened({ status, body }: Answer): string {
  return `${status} ${JSON.stringify(body).slice(0, 2000)}`
}
