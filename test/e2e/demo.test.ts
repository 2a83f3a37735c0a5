import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import t from 'tap'

const SERVE = '$ glance-replicator serve'
const LISTENING = 'listening on'
const LOAD = '$ glance-replicator load'

for (const { title, signal, group, moment, status } of [
  { title: 'Ctrl-C', signal: 'SIGINT', group: true, moment: SERVE, status: 130 },
  { title: 'Ctrl-C', signal: 'SIGINT', group: true, moment: LOAD, status: 130 },
  { title: 'SIGINT to it alone', signal: 'SIGINT', group: false, moment: LISTENING, status: 130 },
  { title: 'SIGTERM to it alone', signal: 'SIGTERM', group: false, moment: LOAD, status: 143 },
] as const) {
  t.test(`${title} at '${moment}' ends the demo, which leaves nothing behind`, async t => {
    const folder = t.testdir()
    // Without what the test runner loads into each program, which makes it as slow again.
    const words = ['-u', 'NODE_OPTIONS', process.execPath, 'scripts/demo.mjs']
    const demo = spawn('env', words, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, TMPDIR: folder },
      detached: true,
    })
    const closed = once(demo, 'close') // Not before its servers have closed its output, too.
    const pid = demo.pid ?? 0 // It has been spawned.
    for await (const line of createInterface(demo.stdout)) {
      if (line.startsWith(moment)) process.kill(group ? -pid : pid, signal)
    }
    t.same(await closed, [status, null])
    t.same(readdirSync(folder), [])
    t.throws(() => process.kill(-pid, 0), { code: 'ESRCH' }, 'nobody of its group is left')
  })
}
