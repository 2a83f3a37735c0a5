import t from 'tap'
import { startOurs } from '../behaviour/ours.ts'
import { ask, check, clean, idsOf } from '../behaviour/runner.ts'
import { SCENARIOS, scenariosBySetting } from '../behaviour/scenarios.ts'
import { SETTINGS } from '../behaviour/settings.ts'
import { startSource } from '../behaviour/source.ts'

t.test('the Images API v2, request by request', async t => {
  const source = await startSource(t)
  for (const [setting, scenarios] of scenariosBySetting()) {
    await t.test(setting, async t => {
      const side = await startOurs(t, SETTINGS[setting], source)
      for (const { number, scenario } of scenarios) {
        await t.test(scenario.name, async t => {
          const ids = idsOf(scenario, number)
          for (const row of scenario.rows) {
            const answer = await ask(side, row, ids)
            await t.test(row.title, async t => check(t, row, answer))
          }
        })
        await clean(side)
      }
    })
  }
})

t.test('the table', async t => {
  const rows = SCENARIOS.flatMap(({ rows }) => rows)
  t.notOk(
    rows.some(({ status }) => status >= 500 && status !== 501),
    'no request breaks the service',
  )
  t.ok(rows.length >= 400, `holds ${rows.length} requests`)
  const names = SCENARIOS.map(({ name }) => name)
  t.equal(new Set(names).size, names.length, 'scenarios differ in their names')
  for (const { name, rows } of SCENARIOS) {
    t.equal(new Set(rows.map(({ title }) => title)).size, rows.length, `${name}: titles differ`)
  }
})
