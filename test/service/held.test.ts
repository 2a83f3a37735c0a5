import t from 'tap'
import { record } from '../../lib/compliance/database/records.ts'
import { Held } from '../../lib/server/workers/held.ts'

const QUEUED = record(1, { status: 'queued' })
const SAVING = record(1, { status: 'saving' })
const ACTIVE = record(1, { status: 'active' })

t.test('what a worker begins with an image is told before it is in force', async t => {
  const told: boolean[] = []
  const held = new Held((_, isHeld) => told.push(isHeld))
  const begun = held.altering(QUEUED, SAVING)
  t.strictSame(told, [true], 'one that is killed before it knows is found')
  begun()
  t.strictSame(told, [true])
})

t.test('that it has ended it is told when that is in force', async t => {
  const told: boolean[] = []
  const held = new Held((_, isHeld) => told.push(isHeld))
  held.altering(QUEUED, SAVING)()
  const ended = held.altering(SAVING, ACTIVE)
  t.strictSame(told, [true])
  ended()
  t.strictSame(told, [true, false])
})

t.test('an end that is in force late ends nothing that was begun after it', async t => {
  const told: boolean[] = []
  const held = new Held((_, isHeld) => told.push(isHeld))
  held.altering(QUEUED, SAVING)()
  const emptied = held.altering(SAVING, QUEUED)
  const again = held.altering(QUEUED, SAVING)
  emptied()
  again()
  t.strictSame(told, [true, true], 'it is still in hand')
  held.altering(SAVING, ACTIVE)()
  t.strictSame(told, [true, true, false])
})

t.test('of what begins and ends nothing, nothing is told', async t => {
  const told: boolean[] = []
  const held = new Held((_, isHeld) => told.push(isHeld))
  held.altering(ACTIVE, { ...ACTIVE, name: 'renamed' })()
  t.strictSame(told, [])
})
