import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runCommand } from '../support/command.ts'
import { run } from '../support/program.ts'
import { bytesOf, idOf } from '../support/images.ts'
import { Embedded } from './support/embedded.ts'
import { DEBIAN_PYTHON } from './support/python.ts'

const FORMATS = { disk_format: 'raw', container_format: 'bare' }

t.test('glance-cache-manage has our cache, and cache list has its words', async t => {
  const folder = t.testdir({ copies: {} })
  const copies = join(folder, 'copies')
  await using server = await Embedded.start({ settings: { image_cache_dir: copies } })
  const ids = [idOf(1), idOf(2)]
  for (const id of ids) {
    await server.create({ id, ...FORMATS })
    await server.uploadBytes(id, new Uint8Array(bytesOf(1, 5000)))
  }
  const { hostname, port } = new URL(server.url)
  const manage = async (...words: readonly string[]) => {
    // Of version 3, it would have to be told where Keystone is.
    const environment = { ...DEBIAN_PYTHON, LC_ALL: 'C.UTF-8', OS_IDENTITY_API_VERSION: '1' }
    const connect = ['-H', hostname, '-p', port, '--force']
    const command = '/usr/bin/glance-cache-manage'
    const { stdout, stderr, status } = await runCommand(command, [...connect, ...words], {
      environment,
    })
    if (status !== 0) throw new Error(`${words.join(' ')}: ${stdout} ${stderr}`)
    return stdout
  }
  const config = join(folder, 'glance-api.conf')
  writeFileSync(config, `[DEFAULT]\nimage_cache_dir = ${copies}\n`)
  const list = async () => (await run(['cache', 'list', '--config', config])).stdout
  const theirs = async () => `${await manage('list-cached')}${await manage('list-queued')}`

  t.equal(await list(), await theirs())
  for (const id of ids) await manage('queue-image', id)
  await server.untilCached(...ids)
  await server.download(idOf(1), join(folder, 'copy'))
  const listed = await list()
  t.equal(listed, await theirs())
  t.match(listed, /^Found 2 cached images/)
  await manage('delete-queued-image', idOf(1))
  await manage('delete-cached-image', idOf(1))
  t.match(await list(), /^Found 1 cached images/)
  t.match(await manage('-v', 'delete-all-cached-images'), /Deleted 1 cached images/)
  t.match(await manage('-v', 'delete-all-queued-images'), /Deleted 0 queued images/)
  t.equal(await list(), await theirs())
})
