import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { filesIn } from '../support/files.ts'
import { bytesOf } from '../support/images.ts'
import { OWNER, startTestServer, type TestServer } from '../support/server.ts'

const MIB = 1024 ** 2
const OCTETS = { 'content-type': 'application/octet-stream' }
const V1_RAW = { 'x-image-meta-disk_format': 'raw', 'x-image-meta-container_format': 'bare' }

/** A disk of so many bytes, for the time of a test. */
function disk(t: Test, bytes: number): string {
  const path = mkdtempSync(join(tmpdir(), 'disk-'))
  const must = (command: string, ...words: string[]) => {
    const { status, stderr } = spawnSync(command, words, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${stderr}`)
  }
  must('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path)
  t.teardown(() => {
    // SQLite's files are closed a little after the service is.
    must('umount', '--lazy', path)
    rmdirSync(path)
  })
  return path
}

/** Of bytes that nobody knows the number of beforehand. */
async function sendChunked(server: TestServer, method: string, path: string, data: Buffer) {
  const body = new Blob([new Uint8Array(data)]).stream()
  const headers = { ...OWNER, ...OCTETS, ...(path.startsWith('/v1') && V1_RAW) }
  const sent = { method, headers, body, duplex: 'half' } as RequestInit // Types lag behind.
  return (await fetch(server.url + path, sent)).status
}

t.test('the disk of the images is full', async t => {
  const folder = disk(t, 4 * MIB)
  const [dataDir, stagingDir] = [join(folder, 'images'), join(folder, 'staging')]
  const server = await startTestServer(t, {
    auth: 'trusted_headers',
    enabledBackends: [{ id: 'kept', type: 'file', datadir: dataDir }],
    defaultBackend: 'kept',
    stagingDir,
  })
  const [fits, over] = [bytesOf(1, 3 * MIB), bytesOf(2, 5 * MIB)]
  const files = () => [...filesIn(dataDir), ...filesIn(stagingDir)]

  for (const { title, send, afterwards } of [
    {
      title: 'an upload of declared size',
      afterwards: 'queued',
      send: async (id: string, data: Buffer) => (await server.upload(id, data)).status,
    },
    {
      title: 'an upload in chunks',
      afterwards: 'queued',
      send: (id: string, data: Buffer) => sendChunked(server, 'PUT', `/v2/images/${id}/file`, data),
    },
    {
      title: 'an upload by v1',
      afterwards: 'killed',
      send: (id: string, data: Buffer) => sendChunked(server, 'PUT', `/v1/images/${id}`, data),
    },
    {
      title: 'data that is staged',
      afterwards: 'queued',
      send: (id: string, data: Buffer) =>
        sendChunked(server, 'PUT', `/v2/images/${id}/stage`, data),
    },
  ] as const) {
    t.test(`${title} is 413, leaves nothing, and succeeds once there is room`, async t => {
      const id = await server.create()
      t.equal(await send(id, over), 413)
      t.match(await server.show(id), { status: afterwards })
      t.strictSame(files(), [])
      const other = afterwards === 'queued' ? id : await server.create()
      t.ok((await send(other, fits)) < 300)
      t.strictSame(files(), [other])
      t.equal((await server.call('DELETE', `/v2/images/${other}`, { as: OWNER })).status, 204)
      t.strictSame(files(), [])
    })
  }

  t.test('what is there is served all the while', async t => {
    const id = await server.create()
    await server.upload(id, fits)
    t.equal((await server.upload(await server.create(), fits)).status, 413)
    const answer = await fetch(`${server.url}/v2/images/${id}/file`, { headers: OWNER })
    t.ok(Buffer.from(await answer.arrayBuffer()).equals(fits))
  })
})

t.test('the disk of the database is full', async t => {
  const folder = disk(t, 4 * MIB)
  const dataDir = join(folder, 'data')
  const images = join(t.testdir({ images: {} }), 'images')
  mkdirSync(dataDir)
  const server = await startTestServer(
    t,
    {
      auth: 'trusted_headers',
      dataApi: 'sqlite',
      dataDir,
      enabledBackends: [{ id: 'kept', type: 'file', datadir: images }],
      defaultBackend: 'kept',
    },
    () => {}, // An outage is told.
  )
  const id = await server.create()
  const whole = await server.create()
  t.equal((await server.upload(whole, 'data')).status, 204)

  const ballast = join(folder, 'ballast')
  const { bavail, bsize } = statfsSync(folder)
  writeFileSync(ballast, Buffer.alloc(bavail * bsize))
  let status = 201
  const body = { name: 'x'.repeat(200), key: 'y'.repeat(60_000) }
  while (status === 201) {
    status = (await server.call('POST', '/v2/images', { as: OWNER, body })).status
  }
  t.equal(status, 413, 'nothing can be written')
  t.equal((await server.call('GET', `/v2/images/${whole}/file`, { as: OWNER })).text, 'data')

  rmSync(ballast)
  t.equal((await server.upload(id, 'more')).status, 204, 'and can as soon as there is room')
  t.strictSame(filesIn(images).toSorted(), [id, whole].toSorted())
})
