import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Libsql from 'libsql'
import t from 'tap'
import { collect, patternedBytes } from '../../lib/compliance/bytes.ts'
import { runProgram } from '../support/command.ts'
import { idOf } from '../support/images.ts'
import { Ceph } from './support/ceph.ts'
import { Embedded } from './support/embedded.ts'
import { Glance } from './support/glance.ts'
import { RadosGateway } from './support/rados-gateway.ts'
import type { Service } from './support/service.ts'
import { Swift } from './support/swift.ts'

const MIB = 1024 * 1024
const RAW = { disk_format: 'raw', container_format: 'bare' }

const ending = <T extends AsyncDisposable>(part: T): T => {
  t.teardown(async () => await part[Symbol.asyncDispose]())
  return part
}
const [gateway, swift] = await Promise.all([
  Ceph.start().then(async ceph => ending(await RadosGateway.start(ending(ceph)))),
  Swift.start().then(ending),
])

const folder = t.testdir()
await mkdir(join(folder, 'images'))

const ACCOUNT = {
  user: 'test:tester',
  key: 'testing',
  auth_version: '1',
  auth_address: `${swift.url}/auth/v1.0`,
}
const accountsFile = join(folder, 'accounts.conf')
const accountLines = Object.entries(ACCOUNT).map(([name, value]) => `${name} = ${value}\n`)
await writeFile(accountsFile, `[somewhere]\n${accountLines.join('')}`)
const IN_SEGMENTS = {
  swift_store_create_container_on_put: 'True',
  swift_store_large_object_size: 2,
  swift_store_large_object_chunk_size: 1,
}

/** Options of stores, by what they are called; both services have them all. */
const STORES = {
  files: { filesystem_store_datadir: join(folder, 'images') },
  account: {
    swift_store_user: ACCOUNT.user,
    swift_store_key: ACCOUNT.key,
    swift_store_auth_version: ACCOUNT.auth_version,
    swift_store_auth_address: ACCOUNT.auth_address,
    swift_store_container: 'account',
    ...IN_SEGMENTS,
  },
  reference: {
    swift_store_config_file: accountsFile,
    default_swift_reference: 'somewhere',
    swift_store_container: 'reference',
    ...IN_SEGMENTS,
  },
  objects: {
    s3_store_host: gateway.url,
    s3_store_access_key: gateway.accessKey,
    s3_store_secret_key: gateway.secretKey,
    s3_store_bucket: 'glance',
    s3_store_create_bucket_on_put: 'True',
    s3_store_bucket_url_format: 'path',
    s3_store_large_object_size: 5,
    s3_store_large_object_chunk_size: 5,
  },
} as const
const TYPES = { files: 'file', account: 'swift', reference: 'swift', objects: 's3' } as const

const SETTINGS = {
  enabled_backends: Object.entries(TYPES)
    .map(([id, type]) => `${id}:${type}`)
    .join(','),
  show_multiple_locations: 'True',
}
const SECTIONS = { ...STORES, glance_store: { default_backend: 'files' } }

function textOf(sections: Readonly<Record<string, Readonly<Record<string, unknown>>>>): string {
  return Object.entries(sections)
    .map(([name, options]) => {
      const lines = Object.entries(options).map(
        ([option, value]) => `${option} = ${String(value)}\n`,
      )
      return `[${name}]\n${lines.join('')}`
    })
    .join('')
}

/** One that is small, and one that Swift keeps in segments and S3 takes in parts. */
const SIZES = [1000, 6 * MIB]

interface Image {
  readonly id: string
  readonly store: string
  readonly size: number
}

/** Images to be: each size in each store, numbered from `first`. */
function imagesFrom(first: number): readonly Image[] {
  return Object.keys(STORES).flatMap((store, index) =>
    SIZES.map((size, turn) => ({ id: idOf(first + 2 * index + turn), store, size })),
  )
}

async function put(service: Service, { id, store, size }: Image) {
  await service.create({ id, ...RAW })
  const response = await fetch(`${service.url}/v2/images/${id}/file`, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream', 'x-image-meta-store': store },
    body: new Uint8Array(await collect(patternedBytes(size))),
  })
  if (response.status !== 204) throw new Error(`${id} in ${store}: ${await response.text()}`)
}

/** Where the image is. */
async function locationsOf(service: Service, id: string) {
  const { locations } = await service.image(id)
  return locations as readonly { readonly url: string; readonly metadata: object }[] // v2-image schema.
}

async function read(service: Service, id: string, range?: string) {
  const headers = range === undefined ? {} : { range }
  const response = await fetch(`${service.url}/v2/images/${id}/file`, { headers })
  return { status: response.status, data: Buffer.from(await response.arrayBuffer()) }
}

t.test('images go from a Glance to us and back by where they are', async t => {
  const { glance_store, ...others } = SECTIONS
  const own = { filesystem_store_datadir: join(folder, 'own') }
  await using glance = await Glance.start({
    settings: SETTINGS,
    setting: {
      config: textOf({
        ...others,
        glance_store,
        os_glance_staging_store: own,
        os_glance_tasks_store: own,
      }),
    },
  })
  const theirs = imagesFrom(1)
  /** What a Glance says of where an image is, by the store. */
  const forms = new Map<string, (id: string) => object>()
  for (const image of theirs) {
    await put(glance, image)
    const found = JSON.stringify(await locationsOf(glance, image.id))
    forms.set(image.store, id => JSON.parse(found.replaceAll(image.id, id)) as object)
  }
  const config = join(folder, 'ours.conf')
  const place = { connection: `sqlite:///${folder}/ours.sqlite` }
  const both = { DEFAULT: { ...SETTINGS, data_dir: join(folder, 'data') }, database: place }
  await writeFile(config, textOf({ ...both, ...SECTIONS }))
  const imported = await runProgram(['db', 'import', '--config', config, glance.configuration])
  t.match(imported, { status: 0 }, imported.stderr)
  await using ours = await Embedded.start({
    settings: SETTINGS,
    sections: { ...SECTIONS, database: place },
  })

  for (const { id, store, size } of theirs) {
    await t.test(
      `${size} bytes that a Glance has in ${store} are ours to read and delete`,
      async t => {
        const whole = await collect(patternedBytes(size))
        t.same(await locationsOf(ours, id), forms.get(store)?.(id))
        t.match(await ours.image(id), { size, stores: store })
        const { status, data } = await read(ours, id)
        t.equal(status, 200)
        t.ok(data.equals(whole))
        const part = await read(ours, id, `bytes=${size - 600}-${size - 500}`)
        t.equal(part.status, 206)
        t.ok(part.data.equals(whole.subarray(size - 600, size - 499)))
        await ours.expect(204, 'DELETE', `images/${id}`)
        t.not((await read(glance, id)).status, 200, 'it is gone')
      },
    )
  }

  for (const image of imagesFrom(21)) {
    const { id, store, size } = image
    await t.test(
      `${size} bytes that we have in ${store} are a Glance's to read and delete`,
      async t => {
        const whole = await collect(patternedBytes(size))
        await put(ours, image)
        const locations = await locationsOf(ours, id)
        t.same(locations, forms.get(store)?.(id), 'it is where a Glance would have it')
        const [location] = locations
        await glance.create({ id, ...RAW })
        const database = new Libsql(join(glance.folder, 'glance.sqlite'))
        const now = '2026-01-01 00:00:00'
        database
          .prepare(
            `INSERT INTO image_locations (image_id, value, meta_data, status, created_at, deleted)
           VALUES (?, ?, ?, 'active', ?, 0)`,
          )
          .run(id, location?.url, JSON.stringify(location?.metadata), now)
        database.prepare("UPDATE images SET status = 'active', size = ? WHERE id = ?").run(size, id)
        database.close()
        const { status, data } = await read(glance, id)
        t.equal(status, 200)
        t.ok(data.equals(whole))
        await glance.expect(204, 'DELETE', `images/${id}`)
        t.not((await read(ours, id)).status, 200, 'it is gone')
      },
    )
  }
})
