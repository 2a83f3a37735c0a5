import t from 'tap'
import { ANYWHERE, DIFFERENCES } from '../behaviour/differences.ts'
import { startOurs } from '../behaviour/ours.ts'
import { type Answer, ask, clean, differences, idsOf, type Side } from '../behaviour/runner.ts'
import { scenariosBySetting } from '../behaviour/scenarios.ts'
import { SETTINGS } from '../behaviour/settings.ts'
import { startSource } from '../behaviour/source.ts'
import { Glance } from './support/glance.ts'

t.test("each request of the table, to Debian's Glance and to ours", async t => {
  const source = await startSource(t)
  const found = new Set<string>()
  for (const [name, scenarios] of scenariosBySetting()) {
    await t.test(name, async t => {
      const setting = SETTINGS[name]
      await using glance = await Glance.start({ policy: {}, trusted: true, setting })
      const theirSide: Side = { url: glance.url, places: { folder: glance.folder, source } }
      const ourSide = await startOurs(t, setting, source)
      for (const { number, scenario } of scenarios) {
        await t.test(scenario.name, async t => {
          const ids = idsOf(scenario, number)
          for (const row of scenario.rows) {
            const name = `${scenario.name}: ${row.title}`
            const [theirs, ours] = await Promise.all([
              ask(theirSide, row, ids),
              ask(ourSide, row, ids),
            ])
            const differing = differences(theirs, ours).filter(each => !ANYWHERE.has(each))
            if (differing.length > 0) found.add(name)
            const known = DIFFERENCES.get(name)?.differs ?? []
            await t.test(row.title, async t => {
              t.strictSame(differing, known, { glance: shortened(theirs), ours: shortened(ours) })
            })
          }
        })
        await Promise.all([clean(theirSide), clean(ourSide)])
      }
    })
  }

  await t.test('every difference that is listed is one', async t => {
    for (const name of DIFFERENCES.keys()) t.ok(found.has(name), name)
  })
})

function shortened({ status, body }: Answer): string {
  return `${status} ${JSON.stringify(body).slice(0, 2000)}`
}
