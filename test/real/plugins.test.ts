import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DEFAULT_IMPORTS, type ImportSettings } from '../../lib/server/import-settings.ts'
import { filesIn } from '../support/files.ts'
import { lhaOf } from '../support/lha.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { soon } from '../support/soon.ts'

const DECOMPRESSION = { plugins: ['image_decompression'] } as const
const RAW = { disk_format: 'raw', container_format: 'bare' }

/** Stages the data and imports it by way of the plugins; resolves when that has ended. */
async function imported(
  t: Test,
  plugins: Partial<ImportSettings>,
  data: Uint8Array | string,
  image = RAW,
) {
  const imports = { ...DEFAULT_IMPORTS, ...plugins }
  const stagingDir = t.testdir()
  const server = await startTestServer(t, { stagingDir, imports })
  const id = await server.create(image)
  const path = `/v2/images/${id}`
  const headers = { 'content-type': 'application/octet-stream' }
  await server.call('PUT', `${path}/stage`, { headers, body: data })
  await server.call('POST', `${path}/import`, { body: { method: { name: 'glance-direct' } } })
  const task = await ended(server, id)
  const { text } = await server.call('GET', `${path}/file`)
  t.same(filesIn(stagingDir), [], 'nothing is left where it was staged')
  return { image: await server.show(id), task, text }
}

async function ended(server: TestServer, id: string) {
  for (;;) {
    const { json } = await server.call('GET', `/v2/images/${id}/tasks`)
    const [task] = json['tasks'] as Readonly<Record<string, unknown>>[] // As the API has it.
    if (task?.['status'] === 'success' || task?.['status'] === 'failure') return task
    await soon()
  }
}

t.test('image_decompression unpacks the file in an lha archive by the program lha', async t => {
  for (const level of [0, 1, 2] as const) {
    t.test(`with a header of level ${level}`, async t => {
      const large = 'some data'.repeat(100_000)
      const archive = Buffer.concat([lhaOf(large, { level }), Buffer.from([0])])
      const { image, task, text } = await imported(t, DECOMPRESSION, archive)
      t.match(task, { status: 'success' })
      t.match(image, { status: 'active', size: large.length })
      t.ok(text === large)
    })
  }

  t.test('unless its sum is another', async t => {
    const { image, task } = await imported(t, DECOMPRESSION, lhaOf('some data', { crc: 1 }))
    t.match(image, { status: 'queued', size: null })
    t.match(task, { status: 'failure', message: /its CRC-16 is another/ })
  })
})

t.test('image_conversion by the program qemu-img', async t => {
  const plugins = ['image_conversion'] as const
  const qcow2 = { disk_format: 'qcow2', container_format: 'bare' }
  const made = (t: Test, ...options: readonly string[]) => {
    const path = join(t.testdir(), 'image.qcow2')
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', ...options, path, '1M'])
    return readFileSync(path)
  }

  t.test('converts to the format that is wanted', async t => {
    const disk = made(t)
    await t.test('which is raw', async t => {
      const { image, text } = await imported(t, { plugins }, disk, qcow2)
      t.match(image, {
        status: 'active',
        disk_format: 'raw',
        container_format: 'bare',
        size: 1024 ** 2,
        virtual_size: 1024 ** 2,
      })
      t.equal(text.length, 1024 ** 2)
    })
  })

  t.test('leaves alone what is of that format', async t => {
    const disk = made(t)
    await t.test('which is qcow2', async t => {
      const settings = { plugins, outputFormat: 'qcow2' } as const
      const { image } = await imported(t, settings, disk, qcow2)
      t.match(image, { status: 'active', disk_format: 'qcow2', size: disk.length })
    })
  })

  t.test('fails', async t => {
    const backed = made(t, '-u', '-b', '/etc/passwd', '-F', 'raw')
    for (const [title, data, format, message] of [
      // Ours looks before qemu-img is let near it.
      ['on what names other files', backed, 'qcow2', /safety checks: .*backing/],
      ['on something else', 'none', 'qcow2', /disk_format qcow2 does not match stream data raw/],
      ['on other formats', 'data', 'iso', /unable to convert from format iso/],
    ] as const) {
      await t.test(title, async t => {
        const image = { disk_format: format, container_format: 'bare' }
        const { image: found, task } = await imported(t, { plugins }, data, image)
        t.match(found, { status: 'queued', disk_format: format, size: null })
        t.match(task, { status: 'failure', message })
      })
    }
  })
})
