import t from 'tap'
import { bytesOf, idOf } from '../support/images.ts'
import { type Client, glanceClient, namesIn, rowOf, rowsOf, tableOf } from './support/clients.ts'
import { Embedded } from './support/embedded.ts'

const FORMATS = { disk_format: 'raw', container_format: 'bare' }
const DATA = new Uint8Array(bytesOf(1, 5000))

t.test('glance lists what it is asked for', async t => {
  await using server = await Embedded.start()
  const glance = glanceClient(t.testdir(), server.url)
  const [a, b, c] = [idOf(1), idOf(2), idOf(3)]
  await server.create({ id: a, name: 'a', ...FORMATS, tags: ['x', 'y'], os_distro: 'debian' })
  await server.create({ id: b, name: 'b', ...FORMATS, tags: ['x'], visibility: 'public' })
  await server.create({ id: c, name: 'c', ...FORMATS, owner: 'them', visibility: 'private' })
  await server.create({ id: idOf(4), name: 'd', os_hidden: true })
  await server.uploadBytes(a, DATA)
  const { checksum, os_hash_value: digest } = await server.image(a)

  const listed: readonly (readonly [string, readonly string[]])[] = [
    ['--sort name:asc', [a, b, c]],
    ['--sort-key name --sort-dir desc', [c, b, a]],
    ['--sort-key status --sort-key name --sort-dir asc --sort-dir desc', [a, c, b]],
    ['--sort name:asc --page-size 1', [a, b, c]],
    ['--sort name:asc --limit 2', [a, b]],
    ['--visibility public', [b]],
    ['--owner them', [c]],
    ['--tag x --tag y', [a]],
    ['--property-filter os_distro=debian', [a]],
    ['--property-filter name=in:b,c --sort id', [c, b]],
    [`--checksum ${String(checksum)}`, [a]],
    [`--hash ${String(digest)}`, [a]],
    ['--member-status all --visibility shared', [a]],
    ['--hidden true', [idOf(4)]],
  ]
  for (const [options, ids] of listed) {
    t.strictSame(namesIn(await glance(`image-list ${options}`)), ids, options)
  }
  t.strictSame(
    tableOf(await glance('--verbose image-list --sort name:asc --limit 1')),
    [[a, 'a', 'raw', 'bare', '5000', 'active', '']],
    'and with --verbose tells more',
  )
})

t.test('glance shares and tags an image', async t => {
  await using server = await Embedded.start()
  const glance = glanceClient(t.testdir(), server.url)
  const id = idOf(1)
  await server.create({ id, tags: ['old'] })

  t.strictSame(tableOf(await glance(`member-create ${id} them`)), [[id, 'them', 'pending']])
  t.strictSame(tableOf(await glance(`member-update ${id} them accepted`)), [
    [id, 'them', 'accepted'],
  ])
  t.match(rowsOf(await glance(`member-get ${id} them`)), {
    member_id: 'them',
    status: 'accepted',
  })
  t.strictSame(tableOf(await glance(`member-list --image-id ${id}`)), [[id, 'them', 'accepted']])
  await glance(`member-delete ${id} them`)
  t.strictSame(tableOf(await glance(`member-list --image-id ${id}`)), [])

  await glance(`image-tag-update ${id}`, 'two words')
  await glance(`image-tag-delete ${id} old`)
  t.match(await server.image(id), { tags: ['two words'] })
  await t.rejects(glance(`image-tag-delete ${id} old`), /404/)
})

t.test('glance keeps copies of images at hand', async t => {
  const folder = t.testdir({ copies: {} })
  await using server = await Embedded.start({
    settings: { image_cache_dir: `${folder}/copies` },
  })
  const glance = glanceClient(folder, server.url)
  const ids = [idOf(1), idOf(2)]
  for (const id of ids) {
    await server.create({ id, ...FORMATS })
    await server.uploadBytes(id, DATA)
  }
  const cached = async () => rowOf(await glance('cache-list'), idOf(1))

  t.strictSame(tableOf(await glance('cache-list')), [])
  await glance('cache-queue', ...ids)
  await server.untilCached(...ids)
  t.match(await cached(), ['cached', String, String, '5000', '0'])
  await server.download(idOf(1), `${folder}/copy`)
  t.match(await cached(), ['cached', String, String, '5000', '1'], 'which count their readers')
  await glance(`cache-delete ${idOf(1)}`)
  t.strictSame(namesIn(await glance('cache-list')), [idOf(2)])
  await glance('cache-clear --target queue')
  t.strictSame(namesIn(await glance('cache-list')), [idOf(2)])
  await glance('cache-clear --target cache')
  t.strictSame(namesIn(await glance('cache-list')), [])
})

t.test('glance explains and counts', async t => {
  await using server = await Embedded.start()
  const glance = glanceClient(t.testdir(), server.url)
  await explains(glance, 'image', ['id', 'name', 'visibility', 'os_hash_value', 'tags'])
  await explains(glance, 'member', ['member_id', 'image_id', 'status'])
  await explains(glance, 'task', ['id', 'type', 'status', 'owner', 'input', 'result', 'message'])
  await explains(glance, 'metadefs/namespace', ['namespace', 'visibility', 'protected'])
  await explains(glance, 'metadefs/resource_type', ['name', 'prefix'])
  t.strictSame(rowsOf(await glance('usage')), {}, 'without limits there is nothing to tell')
  await t.rejects(glance('explain nothing'), /Unable to find requested model/)

  async function explains(
    glance: Client,
    model: string,
    attributes: readonly string[],
  ): Promise<void> {
    const found = namesIn(await glance(`explain ${model}`))
    t.strictSame(
      attributes.filter(name => !found.includes(name)),
      [],
      model,
    )
  }
})
