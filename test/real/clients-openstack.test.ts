import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { runCommand } from '../support/command.ts'
import { serveFiles } from '../support/files.ts'
import { bytesOf, idOf } from '../support/images.ts'
import { openstackClient } from './support/clients.ts'
import { Embedded } from './support/embedded.ts'
import { startIdentity } from './support/identity.ts'
import { DEBIAN_PYTHON } from './support/python.ts'

/** Seen from `dist/test/real`. */
const SCRIPT = fileURLToPath(new URL('../../../test/real/support/sdk.py', import.meta.url))
const DATA = bytesOf(1, 70_000)
const MD5 = createHash('md5').update(DATA).digest('hex')
const FORMATS = '--disk-format raw --container-format bare'
const [A, B, C] = [idOf(1), idOf(2), idOf(3)]

t.test('openstack, let in by an Identity service, does all it can with images', async t => {
  const folder = t.testdir()
  const file = join(folder, 'image')
  await writeFile(file, DATA)
  await using server = await Embedded.start()
  const openstack = openstackClient(folder, await startIdentity(t, server.url))
  const json = async (line: string) => JSON.parse(await openstack(`${line} -f json`)) as unknown

  t.match(
    await json(
      `image create --id ${A} --file ${file} ${FORMATS} --min-ram 64 --shared --tag x --property os=none a`,
    ),
    {
      id: A,
      name: 'a',
      visibility: 'shared',
      min_ram: 64,
      tags: ['x'],
      properties: { os: 'none' },
    },
  )
  t.match(await server.image(A), { status: 'active', checksum: MD5 })
  await openstack(`image create --id ${B} --import --file ${file} ${FORMATS} --community b`)
  await server.untilAtRest(B)
  t.match(await server.image(B), { status: 'active', checksum: MD5, visibility: 'community' })
  await openstack(`image create --id ${C} --private --protected --project them c`)
  t.match(await server.image(C), { owner: 'them', protected: true, visibility: 'private' })

  for (const [options, ids] of [
    ['--sort name:desc', [C, A]],
    ['--all --sort name:asc', [A, B, C]],
    // It sorts what the service sends, and that begins with the newest.
    ['--all --limit 1 --sort name:asc', [C]],
    ['--all --marker c --sort name:asc', [A, B]],
    ['--community', [B]],
    ['--name a', [A]],
    ['--project them', [C]],
    ['--property os=none', [A]],
    ['--tag x', [A]],
    ['--hidden', []],
  ] as const) {
    t.strictSame((await openstack(`image list -c ID -f value ${options}`)).match(/\S+/g) ?? [], ids)
  }
  t.match(await json('image list --long --name a'), [
    { ID: A, 'Disk Format': 'raw', Size: 70_000, Checksum: MD5, Tags: ['x'] },
  ])
  t.match(await json('image show a --human-readable'), { id: A, size: '70K' })

  await openstack(`image add project ${A} them`)
  t.match(await json(`image member list ${A}`), [{ 'Member ID': 'them', Status: 'pending' }])
  await openstack(`image set --accept --project them ${A}`)
  t.match(await json(`image member list ${A}`), [{ Status: 'accepted' }])
  await openstack(`image remove project ${A} them`)
  t.same(await json(`image member list ${A}`), [])

  await openstack(`image set --deactivate --hidden --os-distro debian --min-disk 2 ${A}`)
  const changed = { status: 'deactivated', os_hidden: true, os_distro: 'debian', min_disk: 2 }
  t.match(await server.image(A), changed)
  await openstack(`image set --activate --unhidden --public ${A}`)
  t.match(await server.image(A), { status: 'active', os_hidden: false, visibility: 'public' })
  await openstack('image save a --file', join(folder, 'copy'))
  t.ok(DATA.equals(await readFile(join(folder, 'copy'))))

  await t.rejects(openstack(`image delete ${C}`), /403|Failed to delete/)
  await openstack(`image set --unprotected ${C}`)
  await openstack(`image delete ${A} ${B} ${C}`)
  t.same(await json('image list --all'), [])
})

t.test('openstacksdk does all it can with images', async t => {
  const folder = t.testdir()
  const file = join(folder, 'image')
  await writeFile(file, DATA)
  const web = await serveFiles(t, { '/image': DATA })
  await using server = await Embedded.start({
    settings: { enabled_backends: 'fast:file, slow:file' },
    sections: {
      glance_store: { default_backend: 'fast' },
      fast: { filesystem_store_datadir: join(folder, 'fast') },
      slow: { filesystem_store_datadir: join(folder, 'slow') },
      import_filtering_opts: { allowed_hosts: '127.0.0.1', allowed_ports: new URL(web).port },
    },
  })
  const words = [SCRIPT, server.url, file, `${web}/image`]
  const environment = { ...DEBIAN_PYTHON, HOME: folder }
  const { status, stdout, stderr } = await runCommand('/usr/bin/python3', words, { environment })
  t.equal(status, 0, stderr)
  const active = { status: 'active', size: 70_000, checksum: MD5 }
  t.match(JSON.parse(stdout), {
    created: { name: 'created', ...active, visibility: 'public' },
    properties: { custom: 'réseau', 'owner_specified.openstack.md5': MD5 },
    again: true,
    'by file': { name: 'by file', ...active },
    methods: ['glance-direct', 'web-download', 'copy-image'],
    queued: { status: 'queued', size: null },
    staged: 'uploading',
    imported: active,
    'at once': active,
    stores: [
      ['fast', true],
      ['slow', null],
    ],
    fetched: active,
    copied: 'fast,slow',
    import: ['glance-direct', 'web-download', 'copy-image'],
    found: ['created', 'created', 'by file'],
    nothing: null,
    listed: {
      all: ['at once', 'created', 'fetched', 'queued'],
      pages: ['queued', 'fetched', 'created', 'at once'],
      name: ['fetched', 'queued'],
      hidden: ['by file'],
      tag: ['created'],
      visibility: ['created'],
      size: [],
    },
    cloud: ['at once', 'created', 'fetched', 'queued'],
    changed: ['changed', 64, 'none', true],
    set: ['new', 'too'],
    tags: ['two'],
    deactivated: 'deactivated',
    reactivated: 'active',
    member: 'pending',
    members: [['project', 'accepted']],
    'member found': null,
    downloaded: MD5,
    streamed: MD5,
    task: ['import', 'success', { name: 'by task', ...active }],
    tasks: [...Array.from({ length: 4 }, () => 'api_image_import'), 'import'],
    schemas: ['string', 'array', 'string', 'array', 'string', 'array'],
    left: 0,
    gone: /404/,
  })
})
