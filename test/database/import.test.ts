import { createCipheriv } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import Libsql from 'libsql'
import t, { type Test } from 'tap'
import { Stopped } from '../../lib/cli/exit-status.ts'
import { decrypterFor } from '../../lib/database/import/decrypt.ts'
import { flagIn, timeIn } from '../../lib/database/import/values.ts'
import { addRows, makeGlanceDatabase, type Release } from '../support/glance-database.ts'
import { run, type Said } from '../support/program.ts'
import { startTestServer } from '../support/server.ts'

type Rows = Parameters<typeof makeGlanceDatabase>[2]

/** The id of a test's n-th image. */
function id(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
}

interface Imported extends Said {
  readonly dataDir: string
  readonly path: string
  readonly again: (...words: readonly string[]) => Promise<Said>
}

/** Makes a database and imports it. */
async function imported(
  t: Test,
  release: Release,
  rows: Rows,
  ...words: readonly string[]
): Promise<Imported> {
  const folder = t.testdir()
  const [path, dataDir] = [join(folder, 'source.sqlite'), join(folder, 'data')]
  const url = makeGlanceDatabase(path, release, rows)
  const again = (...more: readonly string[]) =>
    run(['db', 'import', url, '--data-dir', dataDir, ...more])
  return { ...(await again(...words)), dataDir, path, again }
}

/** An image as the API shows it after the import of it. */
async function shown(
  t: Test,
  release: Release,
  rows: Rows,
  n = 1,
): Promise<Readonly<Record<string, unknown>>> {
  const { dataDir, status, stderr } = await imported(t, release, rows)
  t.equal(status, 0, stderr)
  const server = await startTestServer(t, {
    dataApi: 'sqlite',
    dataDir,
    store: 'file',
    showMultipleLocations: true,
  })
  return await server.show(id(n))
}

const FOLSOM_IMAGE = {
  id: id(1),
  name: 'cirros ☃',
  is_public: 1,
  size: 9_761_280_123,
  disk_format: 'qcow2',
  container_format: 'bare',
  checksum: 'd41d8cd98f00b204e9800998ecf8427e',
  owner: 'tenant',
  min_disk: 1,
  min_ram: 256,
  protected: 1,
  location: `file:///var/lib/glance/images/${id(1)}`,
  created_at: '2012-09-27 10:00:00.123456',
  updated_at: '2012-10-01 12:30:00',
}

t.test('db import takes over a database of Folsom', async t => {
  t.test('with every column, property, tag and member, and its data', async t => {
    const folder = t.testdir()
    const [path, dataDir] = [join(folder, 'source.sqlite'), join(folder, 'data')]
    await mkdir(join(folder, 'images'))
    await writeFile(join(folder, 'images', id(1)), 'data')
    const url = makeGlanceDatabase(path, 'folsom', {
      images: [{ ...FOLSOM_IMAGE, size: 4, location: `file://${folder}/images/${id(1)}` }],
      image_properties: [
        { image_id: id(1), name: 'os_distro', value: 'debian' },
        { image_id: id(1), name: 'Kept As It Is', value: '' },
        { image_id: id(1), name: 'no_value', value: null },
        {
          image_id: id(1),
          name: 'gone',
          value: 'x',
          deleted: 1,
          deleted_at: '2012-09-28 10:00:00',
        },
      ],
      image_tags: [
        { image_id: id(1), value: 'lts' },
        { image_id: id(1), value: 'gone', deleted: 1 },
      ],
      image_members: [
        { image_id: id(1), member: 'friend', can_share: 1 },
        { image_id: id(1), member: 'gone', deleted: 1 },
      ],
    })
    const before = readFileSync(path)
    const { status, stdout, stderr } = await run(['db', 'import', url, '--data-dir', dataDir])
    t.equal(status, 0)
    t.match(stderr, 'source.sqlite is of a Glance: Folsom (2012.2), version 15')
    t.match(stdout, `${id(1)} (cirros ☃): imported; its members have no status`)
    t.match(stdout, '\n1 image imported, 0 the same, 0 different, 0 refused\n')
    t.same(readFileSync(path), before, 'and the database is as it was')
    t.notOk(existsSync(`${path}-wal`))
    const server = await startTestServer(t, {
      dataApi: 'sqlite',
      dataDir,
      store: 'file',
      showMultipleLocations: true,
    })
    t.strictSame(await server.show(id(1)), {
      'Kept As It Is': '',
      checksum: 'd41d8cd98f00b204e9800998ecf8427e',
      container_format: 'bare',
      created_at: '2012-09-27T10:00:00Z',
      disk_format: 'qcow2',
      file: `/v2/images/${id(1)}/file`,
      id: id(1),
      locations: [{ url: `file://${folder}/images/${id(1)}`, metadata: {} }],
      min_disk: 1,
      min_ram: 256,
      name: 'cirros ☃',
      no_value: null,
      os_distro: 'debian',
      os_hash_algo: null,
      os_hash_value: null,
      os_hidden: false,
      owner: 'tenant',
      protected: true,
      schema: '/v2/schemas/image',
      self: `/v2/images/${id(1)}`,
      size: 4,
      status: 'active',
      tags: ['lts'],
      updated_at: '2012-10-01T12:30:00Z',
      virtual_size: null,
      visibility: 'public',
    })
    t.equal((await server.call('GET', `/v2/images/${id(1)}/file`)).text, 'data')
    t.match((await server.call('GET', `/v1/images/${id(1)}/members`)).json, {
      members: [{ member_id: 'friend', can_share: true }],
    })
  })

  t.test('with the visibility that Glance gave its images later', async t => {
    const { dataDir } = await imported(t, 'folsom', {
      images: [
        { id: id(1), is_public: 1 },
        { id: id(2), is_public: 0 },
        { id: id(3), is_public: 0 },
        { id: id(4), is_public: 0 },
      ],
      image_members: [
        { image_id: id(1), member: 'a' },
        { image_id: id(3), member: 'a' },
        { image_id: id(4), member: 'a', deleted: 1 },
      ],
    })
    const server = await startTestServer(t, { dataApi: 'sqlite', dataDir, store: 'file' })
    const seen = []
    for (const n of [1, 2, 3, 4]) seen.push((await server.show(id(n)))['visibility'])
    t.same(seen, ['public', 'private', 'shared', 'private'])
  })

  t.test('with deleted images, whose ids stay taken', async t => {
    const { dataDir, stdout } = await imported(t, 'folsom', {
      images: [
        {
          id: id(1),
          is_public: 1,
          status: 'deleted',
          deleted: 1,
          deleted_at: '2012-10-02 10:00:00',
          location: 'no URL at all',
        },
      ],
      image_properties: [{ image_id: id(1), name: 'a', value: 'b', deleted: 1 }],
    })
    t.match(stdout, `${id(1)}: imported as deleted\n`)
    t.match(stdout, '0 members with them; 1 of them deleted\n')
    const server = await startTestServer(t, { dataApi: 'sqlite', dataDir, store: 'file' })
    t.equal((await server.call('GET', `/v2/images/${id(1)}`)).status, 404)
    t.equal((await server.call('POST', '/v2/images', { body: { id: id(1) } })).status, 409)
  })

  t.test('with an image that waits to be deleted, and where its data is', async t => {
    const goneAt = '2012-10-02 10:00:00.5'
    const { dataDir } = await imported(t, 'folsom', {
      images: [
        {
          ...FOLSOM_IMAGE,
          status: 'pending_delete',
          deleted: 1,
          deleted_at: goneAt,
        },
      ],
      image_properties: [
        { image_id: id(1), name: 'a', value: 'b', deleted: 1, deleted_at: goneAt },
      ],
    })
    const database = new Libsql(join(dataDir, 'glance.sqlite'))
    t.teardown(() => database.close())
    t.match(database.prepare('select status, deleted_at from images').all(), [
      { status: 'pending_delete', deleted_at: '2012-10-02T10:00:00.500Z' },
    ])
    t.same(database.prepare('select name from image_properties').all(), [], 'as in Glance')
    t.match(database.prepare('select url from image_locations').all(), [
      { url: FOLSOM_IMAGE.location },
    ])
  })

  t.test('whose kernels and ramdisks are named by the ids of before UUIDs', async t => {
    const rows: Rows = {
      images: [
        { id: id(1), is_public: 1, location: 'file:///var/lib/glance/images/3' },
        { id: id(2), is_public: 1, location: 'swift+http://u%3Av:key@host/v1/glance/4' },
        { id: id(3), is_public: 1, location: 'file:///var/lib/glance/images/5' },
        { id: id(4), is_public: 1, location: 'file:///elsewhere/5' },
        { id: id(9), is_public: 1, location: 'file:///var/lib/glance/images/9' },
      ],
      image_properties: [
        { image_id: id(9), name: 'kernel_id', value: '3' },
        { image_id: id(9), name: 'ramdisk_id', value: '4' },
        { image_id: id(9), name: 'build', value: '3' },
        { image_id: id(1), name: 'kernel_id', value: '5' },
        { image_id: id(1), name: 'ramdisk_id', value: '6' },
        { image_id: id(2), name: 'kernel_id', value: id(1) },
      ],
    }
    const { stdout, status } = await imported(t, 'folsom', rows)
    t.equal(status, 0)
    t.match(stdout, `kernel_id was 3, the old id of image ${id(1)}, and is that now`)
    t.match(stdout, 'kernel_id is 5, an id of before ids were UUIDs, which several images may have')
    t.match(stdout, 'ramdisk_id is 6, an id of before ids were UUIDs, which no image is known')
    t.match(stdout, '\n1 image with a kernel or ramdisk by its old id, which is the new one now\n')
    t.match(stdout, '\n1 image with a kernel or ramdisk by an old id that cannot be resolved\n')
    t.match(await shown(t, 'folsom', rows, 9), {
      kernel_id: id(1),
      ramdisk_id: id(2),
      build: '3',
    })
  })

  for (const { title, location, told } of [
    {
      title: 'in a store that there is none of here',
      location: 'swift+https://t%3Au:secret@keystone/v2.0/glance/x',
      told: 'its data is at a swift+https: location, which no store reads',
    },
    { title: 'nowhere', location: null, told: 'it is active and has no location' },
  ]) {
    t.test(`and tells of data that is ${title}`, async t => {
      const said = await imported(t, 'folsom', { images: [{ ...FOLSOM_IMAGE, location }] })
      t.equal(said.status, 0)
      t.match(said.stdout, told)
      t.notMatch(said.stdout + said.stderr, 'secret')
      const { stdout } = await said.again('--json')
      t.notMatch(stdout, 'secret')
    })
  }

  t.test('whose locations are encrypted, with their key', async t => {
    const key = '0123456789abcdef0123456789abcdef'
    const location = encrypted('file:///images/one', key)
    const said = await imported(t, 'folsom', { images: [{ ...FOLSOM_IMAGE, location }] })
    const folder = dirname(said.path)
    await writeFile(join(folder, 'key'), `${key}\n`)
    await writeFile(join(folder, 'short'), 'short')
    await writeFile(join(folder, 'wrong'), key.replaceAll('0', 'x'))
    t.equal(said.status, 2)
    t.match(said.stderr, `image ${id(1)}: its location is encrypted`)
    for (const [file, message] of [
      ['short', 'a metadata_encryption_key has 16, 24 or 32 bytes, not 5'],
      ['none', 'none: ENOENT'],
    ] as const) {
      const { status, stderr } = await said.again('--encryption-key-file', join(folder, file))
      t.equal(status, 2)
      t.match(stderr, message)
    }
    const wrong = await said.again('--encryption-key-file', join(folder, 'wrong'))
    t.equal(wrong.status, 1)
    t.match(
      `${wrong.stdout}${wrong.stderr}`,
      'an encrypted location cannot be decrypted with this key',
    )
    t.equal((await said.again('--encryption-key-file', join(folder, 'key'))).status, 0)
    const { dataDir } = said
    const server = await startTestServer(t, {
      dataApi: 'sqlite',
      dataDir,
      store: 'file',
      showMultipleLocations: true,
    })
    t.match(await server.show(id(1)), { locations: [{ url: 'file:///images/one' }] })
  })
})

t.test(
  'db import refuses an image by itself whose location is no URL, with a key and without',
  async t => {
    for (const location of ['/var/lib/glance/images/2', 'images', 'U9bSnWByBB8kGj9DwNd_iXPeuU4']) {
      const broken = { ...FOLSOM_IMAGE, id: id(2), location }
      const said = await imported(t, 'folsom', { images: [FOLSOM_IMAGE, broken] })
      const key = join(dirname(said.path), 'key')
      await writeFile(key, '0123456789abcdef')
      for (const { status, stdout, stderr } of [
        said,
        await said.again('--encryption-key-file', key),
      ]) {
        t.equal(status, 1, location)
        t.match(`${stdout}${stderr}`, new RegExp(`${id(2)}.*a location of it is no URL`))
      }
      const server = await startTestServer(t, {
        dataApi: 'sqlite',
        dataDir: said.dataDir,
        store: 'file',
      })
      t.match(await server.show(id(1)), { status: 'active' })
    }
  },
)

/** As Glance encrypts locations. */
function encrypted(url: string, key: string): string {
  const vector = Buffer.alloc(16, 7)
  const cipher = createCipheriv('aes-256-cbc', key, vector).setAutoPadding(false)
  const padded = Buffer.from(`${url}\0`).toString('latin1')
  const text = padded.padEnd(Math.ceil(padded.length / 16) * 16, 'p')
  return Buffer.concat([vector, cipher.update(text, 'latin1'), cipher.final()]).toString(
    'base64url',
  )
}

const ZED_IMAGE = {
  id: id(1),
  name: 'one',
  visibility: 'community',
  os_hidden: 1,
  os_hash_algo: 'sha512',
  os_hash_value: 'ab'.repeat(64),
  size: 4,
  virtual_size: 1024,
}

t.test('db import takes over a database of any release since', async t => {
  t.test('with where the data is, in the order in which that was added', async t => {
    const image = await shown(t, 'zed', {
      images: [{ ...ZED_IMAGE, status: 'deactivated' }],
      image_locations: [
        { image_id: id(1), value: 'file:///b/1', meta_data: '{"store": "fast"}' },
        { image_id: id(1), value: 'file:///a/1', meta_data: '{"backend": "slow", "x": 1}' },
        { image_id: id(1), value: 'file:///c/1', deleted: 1, status: 'deleted' },
        { image_id: id(1), value: 'file:///d/1', meta_data: null },
      ],
    })
    t.match(image, {
      status: 'deactivated',
      visibility: 'community',
      os_hidden: true,
      os_hash_value: 'ab'.repeat(64),
      virtual_size: 1024,
      locations: [
        { url: 'file:///b/1', metadata: { store: 'fast' } },
        { url: 'file:///a/1', metadata: { store: 'slow', x: 1 } },
        { url: 'file:///d/1', metadata: {} },
      ],
    })
  })

  t.test('with places whose data waits to be deleted', async t => {
    const deleted = { deleted: 1, deleted_at: '2024-01-02 10:00:00', status: 'pending_delete' }
    const { dataDir } = await imported(t, 'zed', {
      images: [
        ZED_IMAGE,
        { ...ZED_IMAGE, id: id(2), ...deleted },
        { ...ZED_IMAGE, id: id(3), ...deleted, status: 'deleted' },
      ],
      image_locations: [
        { image_id: id(1), value: 'file:///a/1' },
        { image_id: id(1), value: 'file:///b/1', ...deleted },
        { image_id: id(2), value: 'file:///a/2', ...deleted },
        { image_id: id(3), value: 'file:///a/3', ...deleted, status: 'deleted' },
      ],
    })
    const database = new Libsql(join(dataDir, 'glance.sqlite'))
    t.teardown(() => database.close())
    const places = (table: string) => database.prepare(`select image_id, url from ${table}`).all()
    t.same(places('image_locations'), [
      { image_id: id(1), url: 'file:///a/1' },
      { image_id: id(2), url: 'file:///a/2' },
    ])
    t.same(places('image_removed_locations'), [{ image_id: id(1), url: 'file:///b/1' }])
  })

  t.test('with an image that was restored, and where its data is', async t => {
    const deleted = { deleted: 1, deleted_at: '2024-01-02 10:00:00', status: 'pending_delete' }
    const rows: Rows = {
      images: [
        { ...ZED_IMAGE, deleted_at: '2024-01-02 10:00:00' },
        { ...ZED_IMAGE, id: id(2), status: 'queued' },
      ],
      image_locations: [
        { image_id: id(1), value: 'file:///a/1', ...deleted },
        { image_id: id(2), value: 'file:///a/2', ...deleted },
      ],
    }
    t.match((await imported(t, 'zed', rows)).stdout, `${id(1)} (one): imported; it was restored`)
    t.match(await shown(t, 'zed', rows), { status: 'active', locations: [{ url: 'file:///a/1' }] })
    t.match(await shown(t, 'zed', rows, 2), { status: 'queued', locations: [] })
  })

  t.test('and tells of data in a folder that is none of this service', async t => {
    const folder = t.testdir()
    const [path, dataDir] = [join(folder, 'source.sqlite'), join(folder, 'data')]
    const url = makeGlanceDatabase(path, 'zed', {
      images: [ZED_IMAGE, { ...ZED_IMAGE, id: id(2) }],
      image_locations: [
        { image_id: id(1), value: `file://${dataDir}/images/1` },
        { image_id: id(2), value: `file://${folder}/images/2` },
      ],
    })
    const { stdout } = await run(['db', 'import', url, '--data-dir', dataDir])
    t.match(stdout, "\n1 image with data in a folder that is no store's here: it is read, and not")
    const config = join(folder, 'glance.conf')
    await writeFile(config, `[glance_store]\nfilesystem_store_datadir = ${folder}/images\n`)
    const words = ['db', 'import', url, '--data-dir', dataDir, '--config', config, '--json']
    t.match(JSON.parse((await run(words)).stdout), {
      records: [
        { notes: [{ code: 'other_folder', text: `in file://${dataDir}/images,` }] },
        { notes: [] },
      ],
      totals: { notes: { other_folder: 1 } },
    })
  })

  t.test('with members and what they said', async t => {
    const { dataDir, stdout } = await imported(t, 'zed', {
      images: [{ ...ZED_IMAGE, visibility: 'shared', size: null }],
      image_members: [
        { image_id: id(1), member: 'b', status: 'accepted', updated_at: '2024-01-02 10:00:00' },
        { image_id: id(1), member: 'a', status: 'rejected' },
        { image_id: id(1), member: 'c', status: 'pending' },
        {
          image_id: id(1),
          member: 'a',
          status: 'accepted',
          deleted: 1,
          deleted_at: '2024-01-01 10:00:00',
        },
      ],
    })
    t.match(stdout, `${id(1)} (one): imported\n1 image imported`, 'and there is nothing to tell')
    t.match(stdout, '\n3 members with them')
    const server = await startTestServer(t, { dataApi: 'sqlite', dataDir, store: 'file' })
    t.match((await server.call('GET', `/v2/images/${id(1)}/members`)).json, {
      members: [
        { member_id: 'b', status: 'accepted', updated_at: '2024-01-02T10:00:00Z' },
        { member_id: 'a', status: 'rejected', updated_at: '2012-09-27T10:00:00Z' },
        { member_id: 'c', status: 'pending' },
      ],
    })
  })

  t.test('with its tasks', async t => {
    const said = await imported(t, 'zed', {
      tasks: [
        {
          id: id(1),
          type: 'api_image_import',
          status: 'success',
          owner: 'tenant',
          image_id: id(7),
          request_id: 'req-1',
          user_id: 'u',
          expires_at: '2999-01-01 00:00:00',
        },
        { id: id(2), type: 'import', status: 'failure', deleted: 1 },
        { id: id(3), type: 'export', status: 'failure' },
      ],
      task_info: [{ task_id: id(1), input: '{"image_id": "x"}', result: null, message: 'done' }],
    })
    t.equal(said.status, 1)
    t.match(said.stdout, `task ${id(1)}: imported\n`)
    t.match(said.stdout, `task ${id(3)}: refused: type is "export", expected one of import,`)
    t.match(said.stdout, '\n1 task imported, 0 the same, 0 different, 1 refused\n')
    t.match((await said.again()).stdout, '\n0 tasks imported, 1 the same, 0 different, 1 refused\n')
    const { dataDir } = said
    const server = await startTestServer(t, { dataApi: 'sqlite', dataDir, store: 'file' })
    t.match((await server.call('GET', `/v2/tasks/${id(1)}`)).json, {
      type: 'api_image_import',
      status: 'success',
      owner: 'tenant',
      image_id: id(7),
      request_id: 'req-1',
      input: { image_id: 'x' },
      message: 'done',
      expires_at: '2999-01-01T00:00:00Z',
    })
  })

  t.test('with its metadata definitions', async t => {
    const said = await imported(t, 'zed', {
      metadef_resource_types: [
        { id: 3, name: 'OS::Glance::Image', protected: 1 },
        { id: 4, name: 'OS::Of::Nobody' },
      ],
      metadef_namespaces: [
        { id: 7, namespace: 'One', display_name: 'The one', visibility: 'public', protected: 1 },
        { id: 8, namespace: 'Two', visibility: 'private' },
        { id: 9, namespace: 'Wrong' },
      ],
      metadef_namespace_resource_types: [
        { resource_type_id: 3, namespace_id: 7, prefix: 'p_', properties_target: 'image' },
      ],
      metadef_properties: [
        {
          namespace_id: 7,
          name: 'size',
          json_schema: '{"type": "integer", "title": "Size", "minimum": 1, "description": null}',
        },
        { namespace_id: 9, name: 'bad', json_schema: '{"type": "colour", "title": "?"}' },
      ],
      metadef_objects: [
        {
          namespace_id: 7,
          name: 'Disk',
          required: 'bus,serial',
          json_schema: '{"bus": {"type": "string", "title": "Bus", "enum": ["ide", "scsi"]}}',
        },
      ],
      metadef_tags: [{ namespace_id: 8, name: 'nginx' }],
    })
    t.equal(said.status, 1)
    t.match(said.stdout, 'namespace One: imported\n')
    t.match(said.stdout, 'namespace Wrong: refused: property bad: ')
    t.match(
      (await said.again()).stdout,
      '\n0 metadata namespaces imported, 2 the same, 0 different, 1 refused\n',
    )
    const { dataDir } = said
    const server = await startTestServer(t, { dataApi: 'sqlite', dataDir, store: 'file' })
    t.match((await server.call('GET', '/v2/metadefs/namespaces/One')).json, {
      display_name: 'The one',
      protected: true,
      owner: 'p',
      created_at: '2012-09-27T10:00:00Z',
      properties: { size: { type: 'integer', title: 'Size', minimum: 1 } },
      objects: [
        { name: 'Disk', required: ['bus', 'serial'], properties: { bus: { title: 'Bus' } } },
      ],
      resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'p_' }],
    })
    t.match((await server.call('GET', '/v2/metadefs/namespaces/Two')).json, {
      tags: [{ name: 'nginx' }],
    })
    t.match((await server.call('GET', '/v2/metadefs/resource_types')).json, {
      resource_types: [{ name: 'OS::Glance::Image' }, { name: 'OS::Of::Nobody' }],
    })
  })

  for (const { release, called, rows } of [
    {
      release: 'grizzly',
      called: 'Grizzly (2013.1), version 22',
      rows: { image_locations: [{ image_id: id(1), value: 'file:///a/1' }] },
    },
    {
      release: 'juno',
      called: 'Juno (2014.2) to Newton (2016.2), version 36',
      rows: { image_locations: [{ image_id: id(1), value: 'file:///a/1', meta_data: '{}' }] },
    },
  ] as const) {
    t.test(`that has the columns of ${called}`, async t => {
      const all = { images: [{ id: id(1), is_public: 1 }], ...rows }
      const { stderr } = await imported(t, release, all)
      t.match(stderr, `source.sqlite is of a Glance: ${called}`)
      t.match(await shown(t, release, all), {
        visibility: 'public',
        locations: [{ url: 'file:///a/1', metadata: {} }],
      })
    })
  }

  t.test('and tells of uploads that were under way, and of metadata that is none', async t => {
    const { stdout } = await imported(t, 'juno', {
      images: [{ id: id(1), is_public: 0, status: 'saving' }],
      image_locations: [{ image_id: id(1), value: 'file:///a/1', meta_data: '(dp1\n.' }],
    })
    t.match(stdout, 'it is saving: what was under way is given up when the service starts')
    t.match(stdout, 'the metadata of a location is lost: it is no JSON')
  })
})

t.test('db import may be given again', async t => {
  const images = Array.from({ length: 600 }, (_, n) => ({
    id: id(n + 1),
    name: `image ${n + 1}`,
    visibility: 'shared',
  }))

  t.test('and goes on where it was stopped, with nothing half-made', async t => {
    const folder = t.testdir()
    const [path, dataDir] = [join(folder, 'source.sqlite'), join(folder, 'data')]
    const url = makeGlanceDatabase(path, 'zed', {
      images,
      image_members: images.map(image => ({ image_id: image.id, member: 'm' })),
    })
    const controller = new AbortController()
    const stopping = new Writable({
      write(chunk, _encoding, done) {
        if (String(chunk).startsWith(id(1))) controller.abort(new Stopped('SIGTERM'))
        done()
      },
    })
    const words = ['db', 'import', url, '--data-dir', dataDir]
    const stopped = await run(words, {}, { signal: controller.signal, stdout: stopping })
    t.equal(stopped.status, 143)
    const database = new Libsql(join(dataDir, 'glance.sqlite'))
    const count = (table: string) =>
      (database.prepare(`select count(*) as n from ${table}`).all()[0] as { n: number }).n
    const begun = count('images')
    t.ok(begun > 0 && begun < 600, `${begun} images`)
    t.equal(count('image_members'), begun, 'each with its member')
    const { status, stdout } = await run(words)
    t.equal(status, 0)
    t.match(stdout, `\n${600 - begun} images imported, ${begun} the same, 0 different, 0 refused\n`)
    t.equal(count('image_members'), 600)
    database.close()
  })

  t.test('and leaves alone what has changed since, and says so', async t => {
    const said = await imported(t, 'zed', { images: images.slice(0, 3) })
    {
      const { dataDir } = said
      await using server = await startTestServer(t, { dataApi: 'sqlite', dataDir, store: 'file' })
      await server.patch(id(1), [{ op: 'replace', path: '/name', value: 'mine' }])
      await server.patch(id(2), [{ op: 'add', path: '/tags', value: ['mine'] }])
      const body = { member: 'mine' }
      await server.call('POST', `/v2/images/${id(3)}/members`, { body })
    }
    addRows(said.path, { images: [{ id: id(4), visibility: 'public' }] })
    const { status, stdout } = await said.again()
    t.equal(status, 1)
    t.match(stdout, `${id(1)} (image 1): there already, and different: name, updated_at\n`)
    t.match(stdout, `${id(2)} (image 2): there already, and different: tags, updated_at\n`)
    t.match(stdout, `${id(3)} (image 3): there already, and different: members\n`)
    t.match(stdout, `${id(4)}: imported\n`)
    t.match(stdout, '\n1 image imported, 0 the same, 3 different, 0 refused\n')
  })

  t.test('and refuses by themselves the images that cannot be kept', async t => {
    const said = await imported(t, 'zed', {
      images: [
        { id: 'not-a-uuid', visibility: 'public' },
        { id: id(1), visibility: 'public', status: 'sleeping' },
        { id: id(2), visibility: 'public', name: Buffer.from('a\0b') },
        { id: id(3), visibility: 'public' },
        { id: id(4), visibility: 'public', created_at: 'yesterday' },
      ],
    })
    t.equal(said.status, 1)
    t.match(said.stdout, 'not-a-uuid: refused: its id is no UUID\n')
    t.match(said.stdout, `${id(1)}: refused: status is "sleeping", expected one of queued, `)
    t.match(said.stdout, `${id(2)}: refused: text with a NUL character cannot be kept`)
    t.match(said.stdout, `${id(3)}: imported\n`)
    t.match(said.stdout, `${id(4)}: refused: created_at is not a time\n`)
    t.match(said.stdout, '\n1 image imported, 0 the same, 0 different, 4 refused\n')
  })

  t.test('and first with --dry-run, which writes nothing', async t => {
    const said = await imported(t, 'zed', { images: images.slice(0, 2) }, '--dry-run')
    t.equal(said.status, 0)
    t.match(said.stdout, `${id(1)} (image 1): to be imported\n`)
    t.match(said.stdout, '\n2 images to be imported, 0 the same, 0 different, 0 refused\n')
    t.notOk(existsSync(said.dataDir))
    await said.again()
    addRows(said.path, { images: [{ id: id(4), visibility: 'public' }] })
    t.match((await said.again('--dry-run')).stdout, '1 image to be imported, 2 the same')
    t.match((await said.again()).stdout, '1 image imported, 2 the same')
  })

  t.test('of which --dry-run tells what is too long or too much', async t => {
    const images = [
      { id: id(1), visibility: 'public', name: 'n'.repeat(256) },
      { id: id(2), visibility: 'public', min_disk: 2 ** 31 },
      { id: id(3), visibility: 'public' },
    ]
    const said = await imported(t, 'zed', { images }, '--dry-run')
    t.equal(said.status, 1)
    t.match(said.stdout, `${id(1)} (${'n'.repeat(256)}): refused: the name of an image has 255 `)
    t.match(said.stdout, `${id(2)}: refused: min_disk is 2147483647 at most, not 2147483648\n`)
    const { stdout } = await said.again()
    t.match(stdout, '\n1 image imported, 0 the same, 0 different, 2 refused\n')
  })

  t.test('and tells programs each record and what they add up to', async t => {
    const { stdout, path } = await imported(t, 'zed', { images: [ZED_IMAGE] }, '--json')
    const none = { imported: 0, same: 0, different: 0, refused: 0 }
    t.strictSame(JSON.parse(stdout), {
      records: [
        {
          type: 'image',
          id: id(1),
          name: 'one',
          status: 'active',
          result: 'imported',
          fields: [],
          reason: null,
          notes: [{ code: 'no_location', text: 'it is active and has no location' }],
          members: 0,
        },
      ],
      source: {
        name: `the SQLite database ${path}`,
        release: 'Wallaby (2021.1) to 2023.2',
        version: 'wallaby_contract01',
      },
      totals: {
        images: { ...none, imported: 1 },
        deleted: 0,
        members: 0,
        tasks: none,
        namespaces: none,
        notes: { no_location: 1 },
      },
    })
  })
})

t.test('db import takes the database from', async t => {
  const images = [{ id: id(1), visibility: 'public' }]

  t.test('a URL on standard input', async t => {
    const { path, dataDir } = await imported(t, 'zed', { images })
    const words = ['db', 'import', '-', '--data-dir', dataDir]
    const said = await run(words, {}, { stdin: Readable.from([`sqlite:///${path}\n`]) })
    t.match(said, { status: 0, stdout: '1 the same' })
    t.match(await run(words, {}, { stdin: Readable.from(['hello']) }), {
      status: 2,
      stderr: 'standard input: expected the URL of a database',
    })
  })

  for (const { title, text } of [
    { title: 'a file with a URL', text: '# the old one\nURL\n' },
    {
      title: 'the configuration of a Glance',
      text: '[DEFAULT]\nsql_connection = none\n[database]\nconnection = URL\n[x]\ny = 1\n',
    },
    { title: 'that of a Glance of 2012', text: '[DEFAULT]\nsql_connection = URL\n' },
  ]) {
    t.test(title, async t => {
      const { path, dataDir } = await imported(t, 'zed', { images })
      const file = join(dirname(path), 'glance-api.conf')
      await writeFile(file, text.replace('URL', `sqlite:///${path}`))
      const said = await run(['db', 'import', file, '--data-dir', dataDir])
      t.match(said, { status: 0, stdout: '1 the same' })
    })
  }

  t.test('nothing that is no database of a Glance', async t => {
    const folder = t.testdir({ 'empty.conf': '[DEFAULT]\n', text: 'x'.repeat(5000) })
    const other = new Libsql(join(folder, 'other.sqlite'))
    other.exec('create table images (id integer, path text)')
    other.close()
    const essex = new Libsql(join(folder, 'essex.sqlite'))
    essex.exec('create table images (id varchar(36)); create table image_properties (id integer)')
    essex.close()
    const own = join(folder, 'own')
    await startTestServer(t, { dataApi: 'sqlite', dataDir: own, store: 'file' })
    for (const [source, status, message] of [
      ['none.conf', 2, 'none.conf: ENOENT'],
      ['empty.conf', 2, 'empty.conf: expected a URL, or a [database] connection'],
      ['sqlite:///none.sqlite', 2, 'there is no SQLite database'],
      ['sqlite:///text', 3, 'cannot read the SQLite database'],
      ['sqlite:///other.sqlite', 3, 'this is no database of a Glance: it has no table image_'],
      ['sqlite:///essex.sqlite', 3, 'of a Glance before Folsom (2012.2): its own glance-manage'],
      ['sqlite:///own/glance.sqlite', 3, "it is one of this program's own"],
      ['oracle://u:secret@h/d', 2, "connection: there is no engine 'oracle'"],
    ] as const) {
      const url = source.replace('sqlite:///', `sqlite:///${folder}/`)
      const named = source.endsWith('.conf') ? join(folder, source) : url
      const said = await run(['db', 'import', named, '--data-dir', join(folder, 'data')])
      t.equal(said.status, status, source)
      t.match(said.stderr, message)
      t.notMatch(said.stderr, 'secret')
      t.notOk(existsSync(join(folder, 'data')), 'and none of ours is made')
    }
  })

  for (const url of [
    'mysql+pymysql://u:secret@127.0.0.1:1/glance',
    'postgresql://u:secret@127.0.0.1:1/glance',
    'mysql://u:a secret@127.0.0.1:1/glance',
    'mysql//://u:secret@127.0.0.1:1/glance',
    'postgresql:/u:secret@127.0.0.1:1/glance',
    'mysql+pymysql:/u:secret@127.0.0.1:1/glance',
  ]) {
    t.test(`a password on the command line, which is never told: ${url}`, async t => {
      const { status, stderr } = await run(['db', 'import', url])
      t.ok(status > 0, stderr)
      t.notMatch(stderr, 'secret')
    })
  }

  t.test('such a password, of which it warns', async t => {
    const { stderr } = await run(['db', 'import', 'mysql+pymysql://u:secret@127.0.0.1:1/glance'])
    t.match(stderr, 'a password on the command line can be seen by others: name a file, or -')
    t.match(
      stderr,
      'cannot read the MySQL database glance at 127.0.0.1:1: cannot connect to it: connect ECONNREFUSED',
    )
  })

  t.test('no database that is that of the service itself', async t => {
    const { path } = await imported(t, 'zed', { images })
    const config = join(dirname(path), 'glance.conf')
    await writeFile(config, `[database]\nconnection = sqlite:///${path}\n`)
    const before = readFileSync(path)
    t.match(await run(['db', 'import', config, '--config', config]), {
      status: 2,
      stderr: 'this is the database of the service itself: give it one of its own',
    })
    t.same(readFileSync(path), before)
  })

  t.test('no place to keep it only in memory', async t => {
    const { path } = await imported(t, 'zed', { images })
    const config = join(dirname(path), 'glance.conf')
    await writeFile(config, '[DEFAULT]\ndata_api = simple\n')
    t.match(await run(['db', 'import', `sqlite:///${path}`, '--config', config]), {
      status: 2,
      stderr: 'data_api is simple',
    })
  })
})

/** Made by glance.common.crypt of Debian's Glance. */
const ENCRYPTED = [
  {
    bytes: 16,
    text: '5epFI87nyLFXuE5x4Giim-CIwTEizrKmssrUm4cDS61d4CcbAacqU87WHFtgxaxJ3NMxWOjK3NZh3hKYNRbKusNOPtO3IfLsngF-f_DcjBY=',
  },
  {
    bytes: 24,
    text: 'U9bSnWByBB8kGj9DwNd_iXPeuU4wcvNsO0VokVLFrHE7_mcmywnBwkyJv8TqfYISUbZefrTey2QKUWlnS93DCa5LWG9wOPhMeLvbopUhndQ=',
  },
  {
    bytes: 32,
    text: 'xXa-SPn3kRrjV8lDH8fLdjJDETLcJ8lfjo--NykG1UN5Civ_UuSZu9OS9FvOpH137UU17RdsnAhvvt-V5C3sxbtPQP2IODxgFMb4cNsvfDw=',
  },
]

t.test('what is read of a row', async t => {
  for (const { title, row, told } of [
    { title: 'a number that is none', row: { size: 'big' }, told: 'size is not a whole number' },
    { title: 'a flag that is none', row: { protected: 7 }, told: 'protected is not true or false' },
    {
      title: 'a visibility that is none',
      row: { visibility: 'open' },
      told: 'visibility is "open", expected one of public, private, shared, community',
    },
    {
      title: 'a time that never was',
      row: { updated_at: '2012-13-01 10:00:00' },
      told: 'updated_at is not a time',
    },
  ] as const) {
    t.test(`${title} is refused`, async t => {
      const images = [{ id: id(1), visibility: 'public', ...row }]
      const { status, stdout } = await imported(t, 'zed', { images })
      t.equal(status, 1)
      t.match(stdout, `${id(1)}: refused: ${told}\n`)
    })
  }

  for (const { title, text, date } of [
    { title: 'microseconds', text: '2012-09-27 10:00:00.123456', date: '2012-09-27T10:00:00.123Z' },
    { title: 'few digits', text: '2012-09-27 10:00:00.5', date: '2012-09-27T10:00:00.500Z' },
    { title: 'no fraction', text: '2012-09-27 10:00:00', date: '2012-09-27T10:00:00.000Z' },
    { title: 'spaces at its end', text: '2012-09-27 10:00:00  ', date: '2012-09-27T10:00:00.000Z' },
    { title: 'a T', text: '2012-09-27T10:00:00', date: '2012-09-27T10:00:00.000Z' },
    { title: 'nothing', text: null, date: undefined },
  ]) {
    t.test(`a time with ${title} is one`, async t => {
      t.equal(timeIn({ at: text }, 'at')?.toISOString(), date)
    })
  }

  for (const value of [true, 1, 1n, '1']) t.equal(flagIn({ flag: value }, 'flag'), true)
  for (const value of [false, 0, 0n, '0', null, undefined]) {
    t.equal(flagIn({ flag: value }, 'flag'), false)
  }

  for (const { bytes, text } of ENCRYPTED) {
    t.test(`what Glance encrypted with a key of ${bytes} bytes is decrypted`, async t => {
      const decrypt = decrypterFor('0123456789abcdef0123456789abcdef'.slice(0, bytes))
      t.equal(decrypt(text), 'swift+https://t%3Au:k@h/v1/c/ä')
      t.throws(() => decrypt(text.slice(4)), { code: 'invalid' })
      t.throws(() => decrypt('short'), { code: 'invalid' })
    })
  }
})
