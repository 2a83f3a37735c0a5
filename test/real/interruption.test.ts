import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { runCommand, type RunningCommand, startProgram } from '../support/command.ts'
import { idOf } from '../support/images.ts'
import { Embedded } from './support/embedded.ts'
import { Glance } from './support/glance.ts'
import { zeros } from './support/images.ts'
import { idsOf, replicator, type Results } from './support/replicator.ts'
import { waitUntil } from './support/wait.ts'

const MIB = 1024 * 1024
const ID = idOf(1)
/** Large enough to be met in the middle. */
const SIZE = 500 * MIB
const MIDDLE = 60 * MIB

t.test('a Glance gives no id out twice, not even that of a deleted image', async t => {
  await using glance = await Glance.start()
  await glance.create({ id: ID })
  await glance.expect(204, 'DELETE', `images/${ID}`)
  t.equal((await glance.call('GET', `images/${ID}`)).status, 404)
  t.equal((await glance.call('POST', 'images', { id: ID })).status, 409)
})

t.test('in the middle of a large image', async t => {
  const file = join(t.testdir(), 'zeros')
  await zeros(file, SIZE)
  await using source = await Glance.start()
  await source.create({ id: ID, disk_format: 'raw', container_format: 'bare', name: 'large' })
  await source.change(ID, { visibility: 'public' })
  await source.upload(ID, file)

  for (const { title, Target, signal, status } of [
    {
      title: 'a livecopy to a Glance is interrupted',
      Target: Glance,
      signal: 'SIGINT',
      status: 130,
    },
    { title: 'a livecopy to a Glance is killed', Target: Glance, signal: 'SIGKILL', status: null },
    {
      title: 'a livecopy to our server is stopped',
      Target: Embedded,
      signal: 'SIGTERM',
      status: 143,
    },
    {
      title: 'a livecopy to our server is killed',
      Target: Embedded,
      signal: 'SIGKILL',
      status: null,
    },
  ] as const) {
    await t.test(`${title}: nobody sees half an image, and a second run completes it`, async t => {
      await using target = await Target.start()
      const words = ['livecopy', source.address, target.address, '--json']
      await using program = await startProgram(words)
      await waitUntil('the copy is half-way', async () => (await bytesWritten(program)) > MIDDLE)
      program.kill(signal)
      const outcome = await program.outcome
      t.equal(outcome.status, status)
      if (status !== null) {
        const results = JSON.parse(outcome.stdout) as Results // The manual's shape.
        t.strictSame(idsOf(results, 'interrupted'), [ID])
        t.match(results.totals, { interrupted: 1, created: 0, failed: 0 })
      }
      await waitUntil('it is queued again', async () => (await target.statusOf(ID)) === 'queued')
      t.match(await target.image(ID), { size: null, visibility: 'private', os_hidden: true })
      t.equal((await fetch(`${target.url}/v2/images/${ID}/file`)).status, 204)

      const { results, ...second } = await replicator('livecopy', source.address, target.address)
      t.equal(second.status, 0)
      t.strictSame(idsOf(results, 'created'), [ID])
      t.strictSame(await target.replicable(ID), await source.replicable(ID))
      t.equal((await replicator('compare', source.address, target.address)).status, 0)
    })
  }

  await t.test(
    'a dump is killed: what is there is not taken for an image, and a second run completes it',
    async t => {
      const folder = t.testdir()
      await using program = await startProgram(['dump', source.address, folder])
      await waitUntil('the dump is half-way', async () => (await bytesRead(program)) > MIDDLE)
      program.kill('SIGKILL')
      t.equal((await program.outcome).signal, 'SIGKILL')
      t.match(await readdir(folder), [/\.img\..*\.part$/])

      t.equal((await replicator('dump', source.address, folder)).status, 0)
      t.strictSame((await readdir(folder)).toSorted(), [ID, `${ID}.img`, 'MANIFEST'])
      t.equal((await runCommand('cmp', [join(folder, `${ID}.img`), file])).status, 0)
    },
  )
})

/** Bytes that a program has written, its connections counted in. */
async function bytesWritten(program: RunningCommand): Promise<number> {
  return await bytesMoved(program, /^wchar: (\d+)$/m)
}

/** Bytes that it has read. */
async function bytesRead(program: RunningCommand): Promise<number> {
  return await bytesMoved(program, /^rchar: (\d+)$/m)
}

async function bytesMoved({ pid }: RunningCommand, line: RegExp): Promise<number> {
  return Number(line.exec(await readFile(`/proc/${pid}/io`, 'utf8'))?.[1])
}
