import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import t, { type Test } from 'tap'
import { openSqlite } from '../../lib/database/sqlite.ts'
import { runProgram } from '../support/command.ts'
import { makeGlanceDatabase, statementsFor } from '../support/glance-database.ts'
import { idOf } from '../support/images.ts'
import { DatabaseServer } from './support/database-server.ts'
import { Embedded } from './support/embedded.ts'
import { Glance } from './support/glance.ts'
import { MARIADB } from './support/mariadb.ts'
import { POSTGRESQL } from './support/postgres.ts'
import { type Document, Service } from './support/service.ts'

/** What both services are told. */
const SETTINGS = { show_multiple_locations: 'True', limit_param_default: 100 }

const RAW = { disk_format: 'raw', container_format: 'bare' }

/** A service as an administrator asks it. */
class Administered extends Service {
  override async call(
    ...[method, path, body, type = 'application/json']: Parameters<Service['call']>
  ) {
    const sent = body === undefined ? {} : { body: JSON.stringify(body), type }
    const { status, text } = await this.send(method, path, sent)
    const document = text.startsWith('{') ? (JSON.parse(text) as Document) : {}
    return { status, document, text }
  }

  async send(
    method: string,
    path: string,
    { body, type = 'application/octet-stream' }: { body?: string; type?: string } = {},
  ): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(`${this.url}/v2/${path}`, {
      method,
      headers: { ...ADMINISTRATOR, 'content-type': type },
      ...(body !== undefined && { body }),
    })
    return { status: response.status, text: await response.text() }
  }
}

const ADMINISTRATOR = {
  'x-identity-status': 'Confirmed',
  'x-user-id': 'somebody',
  'x-project-id': 'operators',
  'x-roles': 'admin,member',
}

/** Images of every kind that a Glance has. */
async function fillGlance(glance: Administered): Promise<void> {
  const add = async (n: number, fields: Document, data?: string) => {
    await glance.create({ id: idOf(n), name: `image ${n}`, ...RAW, ...fields })
    if (data === undefined) return
    const { status } = await glance.send('PUT', `images/${idOf(n)}/file`, { body: data })
    t.equal(status, 204)
  }
  await add(
    1,
    { visibility: 'public', tags: ['lts', 'a b'], os_distro: 'debian', '☃': 'ä ☕' },
    'one',
  )
  await add(2, { visibility: 'private', min_disk: 3, min_ram: 512, owner: 'tenant' }, 'two')
  await add(3, { visibility: 'shared', owner: 'tenant' }, 'three')
  for (const [member, status] of Object.entries(MEMBERS)) {
    await glance.expect(200, 'POST', `images/${idOf(3)}/members`, { member })
    await glance.expect(200, 'PUT', `images/${idOf(3)}/members/${member}`, { status })
  }
  await glance.expect(204, 'DELETE', `images/${idOf(3)}/members/gone`)
  await add(4, { visibility: 'community', os_hidden: true }, 'four')
  await add(5, { protected: true, kernel_id: idOf(1) }, 'five')
  await glance.change(idOf(5), { description: 'x'.repeat(5000) })
  await add(6, {}, 'six')
  await glance.expect(204, 'POST', `images/${idOf(6)}/actions/deactivate`)
  await add(7, { name: null, disk_format: null, container_format: null })
  await add(8, {}, 'eight')
  await glance.expect(204, 'DELETE', `images/${idOf(8)}`)
  await add(9, {})
  t.equal((await glance.send('PUT', `images/${idOf(9)}/stage`, { body: 'nine' })).status, 204)
  const method = { name: 'glance-direct' }
  await glance.expect(202, 'POST', `images/${idOf(9)}/import`, { method })
  await glance.untilAtRest(idOf(9))
  await glance.expect(201, 'POST', 'metadefs/namespaces', NAMESPACE)
}

const MEMBERS = { accepts: 'accepted', rejects: 'rejected', waits: 'pending', gone: 'accepted' }

const NAMESPACE = {
  namespace: 'Test::Adopted',
  display_name: 'What is taken over',
  visibility: 'public',
  protected: true,
  properties: { speed: { type: 'integer', title: 'Speed', minimum: 1, default: 3 } },
  objects: [
    {
      name: 'Disk',
      required: ['bus'],
      properties: { bus: { type: 'string', title: 'Bus', enum: ['ide', 'scsi'] } },
    },
  ],
  tags: [{ name: 'fast' }, { name: 'slow' }],
  resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'p_' }],
}

/** Everything that the API shows, by what is asked for; of data its text. */
async function allThatIsShown(service: Administered): Promise<Readonly<Record<string, unknown>>> {
  const shown: Record<string, unknown> = {}
  for (const hidden of ['false', 'true']) {
    const path = `images?sort_key=id&sort_dir=asc&visibility=all&os_hidden=${hidden}`
    const { images } = (await service.call('GET', path)).document
    shown[path] = (images as Document[]).map(inOrder) // v2-images schema.
  }
  for (let n = 1; n <= 9; n += 1) {
    const { status, document } = await service.call('GET', `images/${idOf(n)}`)
    shown[`image ${n}`] = [status, inOrder(document)]
    const members = await service.call('GET', `images/${idOf(n)}/members`)
    shown[`members ${n}`] = [members.status, members.document['members']]
    const { tasks } = (await service.call('GET', `images/${idOf(n)}/tasks`)).document
    shown[`tasks ${n}`] = toTheSecond(tasks)
    const data = await service.send('GET', `images/${idOf(n)}/file`)
    shown[`data ${n}`] = data.status === 200 ? data.text : data.status
  }
  const namespace = await service.expect(200, 'GET', `metadefs/namespaces/${NAMESPACE.namespace}`)
  shown['namespace'] = namespace
  for (const kind of ['properties', 'objects', 'tags', 'resource_types']) {
    const path = `metadefs/namespaces/${NAMESPACE.namespace}/${kind}`
    shown[kind] = await service.expect(200, 'GET', path)
  }
  return shown
}

/** Of tasks Glance shows microseconds, of which we keep less. */
function toTheSecond(tasks: unknown): unknown {
  return JSON.parse(JSON.stringify(tasks ?? []).replaceAll(/(T\d\d:\d\d:\d\d)\.\d+/g, '$1'))
}

/** Glance answers tags in any order. */
function inOrder(document: Document): Document {
  const { tags } = document
  return Array.isArray(tags) ? { ...document, tags: (tags as string[]).toSorted() } : document
}

/** Lets a Glance with its rows at `connection` work, and a service of ours with its own at `target` take its place. */
async function adopts(
  t: Test,
  { connection, target }: { readonly connection?: string; readonly target?: string } = {},
): Promise<void> {
  const dataDir = join(t.testdir(), 'data')
  const place = target ?? `sqlite:///${t.testdirName}/ours.sqlite`
  const config = join(t.testdirName, 'ours.conf')
  await writeFile(config, `[DEFAULT]\ndata_dir = ${dataDir}\n[database]\nconnection = ${place}\n`)
  await using glance = await Glance.start({
    settings: SETTINGS,
    policy: {},
    trusted: true,
    ...(connection !== undefined && { connection }),
  })
  const theirs = new Administered(glance.url)
  await fillGlance(theirs)
  const before = await allThatIsShown(theirs)
  const words = ['db', 'import', '--config', config]
  const { status, stdout, stderr } = await runProgram([...words, glance.configuration])
  t.equal(status, 0, stderr)
  t.match(stderr, 'is of a Glance: Wallaby (2021.1) to 2023.2, version wallaby_contract01')
  t.match(stdout, '\n9 images imported, 0 the same, 0 different, 0 refused\n')
  t.match(stdout, '\n3 members with them; 1 of them deleted\n')
  t.match(stdout, '\n1 task imported, 0 the same')
  t.match(stdout, '\n1 metadata namespace imported, 0 the same')
  const again = await runProgram([...words, glance.configuration])
  t.match(again, { status: 0, stdout: '0 images imported, 9 the same' })
  await using server = await Embedded.start({
    settings: { ...SETTINGS, auth: 'trusted_headers' },
    sections: {
      database: { connection: place },
      glance_store: { filesystem_store_datadir: join(glance.folder, 'images') },
    },
  })
  const ours = new Administered(server.url)
  const after = await allThatIsShown(ours)
  for (const [asked, answer] of Object.entries(before)) t.strictSame(after[asked], answer, asked)
  t.equal((await ours.call('POST', 'images', { id: idOf(8) })).status, 409, 'its id stays taken')
  await ours.expect(204, 'DELETE', `images/${idOf(1)}`)
  await t.rejects(rm(glance.fileOf(idOf(1))), { code: 'ENOENT' }, 'and its data is ours to delete')
}

t.test("a real Glance's database is taken over, and all is as it was", async t => {
  await t.test('from SQLite', async t => await adopts(t))

  await t.test('from MariaDB', async t => {
    await using server = await DatabaseServer.start(MARIADB)
    const name = new URL(await server.database()).pathname.slice(1)
    // PyMySQL takes no other letters than those of Latin 1 in a password for UTF-8.
    await server.administer(`create user adopted@'%' identified by 'p@ss:w/rd'`)
    await server.administer(`grant all on ${name}.* to adopted@'%'`)
    const user = `adopted:${encodeURIComponent('p@ss:w/rd')}`
    const connection = `mysql+pymysql://${user}@127.0.0.1:${server.port}/${name}?charset=utf8`
    await adopts(t, { connection, target: await server.database() })
  })

  await t.test('from PostgreSQL', async t => {
    await using server = await DatabaseServer.start(POSTGRESQL)
    await adopts(t, {
      connection: (await server.database()).replace('postgresql:', 'postgresql+psycopg2:'),
      target: await server.database(),
    })
  })
})

t.test('an image that waits to be deleted waits on, and its data too', async t => {
  const dataDir = join(t.testdir(), 'data')
  await using glance = await Glance.start({
    settings: { ...SETTINGS, delayed_delete: 'True' },
    policy: {},
    trusted: true,
  })
  const theirs = new Administered(glance.url)
  await theirs.create({ id: idOf(1), ...RAW, tags: ['one'], os_distro: 'debian' })
  await theirs.send('PUT', `images/${idOf(1)}/file`, { body: 'data' })
  const [url] = ((await theirs.image(idOf(1)))['locations'] as { url: string }[]).map(
    location => location.url, // As SETTINGS show it.
  )
  await theirs.expect(204, 'DELETE', `images/${idOf(1)}`)
  const words = ['db', 'import', glance.configuration, '--data-dir', dataDir]
  t.match(await runProgram(words), { status: 0, stdout: `${idOf(1)}: imported\n` })
  await using database = await openSqlite(join(dataDir, 'glance.sqlite'))
  t.match(await database.images.findPending(idOf(1)), {
    status: 'pending_delete',
    locations: [{ url }],
    deletedAt: Date,
  })
})

const FOLSOM = {
  images: [
    {
      id: idOf(1),
      name: 'Wolke ä ☕',
      is_public: 1,
      size: 9_761_280_123,
      location: 'file:///var/lib/glance/images/3',
      protected: null,
      updated_at: '2012-10-01 12:30:00',
    },
    { id: idOf(2), is_public: 0, owner: 'tenant', protected: 1, min_ram: 512 },
    { id: idOf(3), is_public: 0, owner: 'tenant', status: 'queued', protected: 0 },
    { id: idOf(4), is_public: 1, status: 'deleted', deleted: 1, deleted_at: '2012-10-02 10:00:00' },
    {
      id: idOf(5),
      is_public: 0,
      status: 'pending_delete',
      deleted: 1,
      deleted_at: '2012-10-02 10:00:00',
      location: 'swift+http://t%3Au:k@h/v1/c/5',
    },
  ],
  image_properties: [
    { image_id: idOf(2), name: 'kernel_id', value: '3' },
    { image_id: idOf(2), name: 'empty', value: '' },
    { image_id: idOf(2), name: 'null', value: null },
    { image_id: idOf(2), name: 'long', value: 'x'.repeat(50_000) },
    { image_id: idOf(2), name: 'gone', value: 'x', deleted: 1 },
  ],
  image_tags: [{ image_id: idOf(1), value: 'one' }],
  image_members: [{ image_id: idOf(2), member: 'friend', can_share: 1 }],
}

t.test('a database of Folsom is the same in every engine', async t => {
  const folder = t.testdir()
  const words = ['--data-dir', join(folder, 'data')]
  const sqlite = makeGlanceDatabase(join(folder, 'folsom.sqlite'), 'folsom', FOLSOM)
  t.match(await runProgram(['db', 'import', sqlite, ...words]), {
    status: 0,
    stdout: `kernel_id was 3, the old id of image ${idOf(1)}, and is that now`,
  })

  await t.test('in MariaDB', async t => {
    await using server = await DatabaseServer.start(MARIADB)
    const url = await server.database()
    const name = new URL(url).pathname.slice(1)
    // That of the tables too, which Folsom made without saying.
    await server.administer(`alter database ${name} character set utf8mb3`)
    const connection = await createConnection({ uri: url, charset: 'utf8mb4' })
    for (const statement of statementsFor('mysql', 'folsom', FOLSOM)) {
      await connection.query(statement)
    }
    await connection.end()
    await imports(t, url)
  })

  await t.test('in PostgreSQL', async t => {
    await using server = await DatabaseServer.start(POSTGRESQL)
    const url = await server.database()
    const client = new Client({ connectionString: url })
    await client.connect()
    for (const statement of statementsFor('postgresql', 'folsom', FOLSOM)) {
      await client.query(statement)
    }
    // In which it tells times.
    await client.query("alter role current_user set datestyle = 'SQL, DMY'")
    await client.end()
    await imports(t, url)
  })

  /** Imports it from there where it was imported from SQLite. */
  async function imports(t: Test, url: string): Promise<void> {
    const file = join(folder, 'url')
    await writeFile(file, url)
    t.match(await runProgram(['db', 'import', file, ...words]), {
      status: 0,
      stdout: '0 images imported, 5 the same, 0 different, 0 refused',
      stderr: /is of a Glance: Folsom \(2012\.2\), version 15/,
    })
  }
})
