import t, { type Test } from 'tap'
import { DEFAULT_IMPORTS } from '../../lib/server/import-settings.ts'
import { lhaOf } from '../support/lha.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const PLUGINS = ['image_decompression'] as const

/** Stages the data and imports it; resolves when that has ended. */
async function imported(t: Test, data: Uint8Array) {
  const imports = { ...DEFAULT_IMPORTS, plugins: PLUGINS }
  const server = await startTestServer(t, { stagingDir: t.testdir(), imports })
  const id = await server.create()
  const path = `/v2/images/${id}`
  const headers = { 'content-type': 'application/octet-stream' }
  await server.call('PUT', `${path}/stage`, { headers, body: data })
  await server.call('POST', `${path}/import`, { body: { method: { name: 'glance-direct' } } })
  const task = await ended(server, id)
  const { text } = await server.call('GET', `${path}/file`)
  return { image: await server.show(id), task, text }
}

async function ended(server: TestServer, id: string) {
  for (;;) {
    const { json } = await server.call('GET', `/v2/images/${id}/tasks`)
    const [task] = json['tasks'] as Readonly<Record<string, unknown>>[] // As the API has it.
    if (task?.['status'] === 'success' || task?.['status'] === 'failure') return task
    await new Promise(setImmediate)
  }
}

t.test('image_decompression unpacks the file in an lha archive by the program lha', async t => {
  for (const level of [0, 1, 2] as const) {
    t.test(`with a header of level ${level}`, async t => {
      const large = 'some data'.repeat(100_000)
      const archive = Buffer.concat([lhaOf(large, { level }), Buffer.from([0])])
      const { image, task, text } = await imported(t, archive)
      t.match(task, { status: 'success' })
      t.match(image, { status: 'active', size: large.length })
      t.ok(text === large)
    })
  }

  t.test('unless its sum is another', async t => {
    const { image, task } = await imported(t, lhaOf('some data', { crc: 1 }))
    t.match(image, { status: 'queued', size: null })
    t.match(task, { status: 'failure', message: /its CRC-16 is another/ })
  })
})
