import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { serveFiles } from '../support/files.ts'
import { bytesOf, idOf } from '../support/images.ts'
import { glanceClient, namesIn, rowOf, rowsOf, tableOf } from './support/clients.ts'
import { Embedded } from './support/embedded.ts'

const DATA = bytesOf(1, 70_000)
const FORMATS = '--disk-format raw --container-format bare'
const ID = idOf(1)

t.test('glance imports images into several stores', async t => {
  const { glance, server, file, web } = await startStores(t)
  t.match(await glance('stores-info'), /"id": "fast", "description": "Fast", "default": "true"/)
  t.match(await glance('stores-info --detail'), /"type": "file",\s+\|\n.*"weight": 0/)
  t.match(
    await glance('import-info'),
    /glance-(?:\s*\|\n\|\s+\| )?direct.*web-download.*copy-image/s,
  )

  const created = rowsOf(await glance(`image-create --id ${ID} ${FORMATS} --name staged`))
  t.match(created, { id: ID, status: 'queued', size: 'None' })
  await glance(`image-stage --file ${file} ${ID}`)
  t.match(rowsOf(await glance(`image-show ${ID}`)), { status: 'uploading', size: '70000' })
  await glance(`image-import --import-method glance-direct --stores slow,fast ${ID}`)
  await server.untilAtRest(ID)
  t.match(rowsOf(await glance(`image-show ${ID}`)), { status: 'active', stores: 'slow,fast' })
  t.match(tableOf(await glance(`image-tasks ${ID}`)), [['Copied 0 MiB', 'success']])

  await glance(`stores-delete --store slow ${ID}`)
  t.match(await server.image(ID), { stores: 'fast' })
  await glance(`image-import --import-method copy-image --all-stores true ${ID}`)
  await server.untilAtRest(ID)
  t.match(await server.image(ID), { stores: 'fast,slow', os_glance_failed_import: '' })

  const fetch = `--import-method web-download --uri ${web}/image`
  const { id = '' } = rowsOf(
    await glance(`image-create-via-import ${fetch} ${FORMATS} --name web --store slow`),
  )
  await server.untilAtRest(id)
  t.match(await server.image(id), { status: 'active', size: 70_000, stores: 'slow' })
  await server.create({ id: idOf(2), disk_format: 'raw', container_format: 'bare' })
  await glance(`image-import ${fetch} --store fast ${idOf(2)}`)
  await server.untilAtRest(idOf(2))
  t.match(rowOf(await glance('image-list --include-stores'), idOf(2)), ['', 'fast'])
  await glance(
    `image-create-via-import ${FORMATS} --file ${file} --id ${idOf(3)} --all-stores true`,
  )
  await server.untilAtRest(idOf(3))
  t.match(await server.image(idOf(3)), { status: 'active', stores: 'fast,slow' })

  await glance(`image-create --id ${idOf(4)} ${FORMATS} --file ${file} --store slow`)
  t.match(await server.image(idOf(4)), { status: 'active', stores: 'slow' })
  await server.create({ id: idOf(5), disk_format: 'raw', container_format: 'bare' })
  await glance(`image-upload --store slow --file ${file} ${idOf(5)}`)
  t.match(await server.image(idOf(5)), { status: 'active', stores: 'slow' })

  const refused = '--import-method web-download --uri http://169.254.169.254/image'
  await t.rejects(glance(`image-create-via-import ${refused} ${FORMATS}`), /400/)
})

t.test('glance shows what the server is at', async t => {
  const { glance, server, web } = await startStores(t)
  const input = {
    import_from: `${web}/image`,
    import_from_format: 'raw',
    image_properties: { name: 'by task', disk_format: 'raw', container_format: 'bare' },
  }
  const created = rowsOf(await glance('task-create --type import --input', JSON.stringify(input)))
  t.match(created, { type: 'import', owner: 'None' })
  const task = created['id'] ?? ''
  const { image_id: id } = await server.taskResult(task)
  t.match(rowsOf(await glance(`task-show ${task}`)), { status: 'success', message: 'Copied 0 MiB' })
  t.match(await server.image(String(id)), { name: 'by task', status: 'active', size: 70_000 })
  t.strictSame(namesIn(await glance('task-list --type import --status success')), [task])
  t.strictSame(namesIn(await glance('task-list --status failure')), [])
  const order = '--sort-key id --sort-dir asc --page-size 1'
  t.match(tableOf(await glance(`task-list ${order}`)), [[task, 'import', 'success']])
})

t.test('glance registers data that is somewhere else', async t => {
  const { glance, server, web } = await startStores(t)
  await server.create({ id: ID, disk_format: 'raw', container_format: 'bare' })
  await glance(`location-add --url ${web}/image ${ID}`)
  t.match(await server.image(ID), {
    status: 'active',
    size: 70_000,
    locations: [{ url: `${web}/image`, metadata: { store: 'web' } }],
  })
  await glance(`location-add --url ${web}/copy ${ID} --metadata`, '{"rack": "1"}')
  const added = await server.image(ID)
  t.match(added, { locations: [{}, { url: `${web}/copy`, metadata: { rack: '1' } }] })
  await glance(`location-update --url ${web}/copy ${ID} --metadata`, '{"rack": "2"}')
  t.match(await server.image(ID), { locations: [{}, { metadata: { rack: '2' } }] })
  await glance(`location-delete --url ${web}/image ${ID}`)
  t.match(await server.image(ID), { locations: [{ url: `${web}/copy` }] })
  await t.rejects(glance(`location-delete --url ${web}/copy ${ID}`), /403/, 'but for the last')
  await t.rejects(glance(`location-add --url file:///etc/passwd ${ID}`), /400/)

  const checksum = '0'.repeat(32)
  const value = '1'.repeat(128)
  await server.create({ id: idOf(2), disk_format: 'raw', container_format: 'bare' })
  const hashes = `--checksum ${checksum} --hash-algo sha512 --hash-value ${value}`
  await glance(`location-add --url ${web}/image ${hashes} ${idOf(2)}`)
  t.match(await server.image(idOf(2)), { checksum, os_hash_algo: 'sha512', os_hash_value: value })
})

/** A server with two stores to write to and one for what is on the web, of which it reads only what is at `web`. */
async function startStores(t: Test) {
  const folder = t.testdir()
  const file = join(folder, 'image')
  await writeFile(file, DATA)
  const web = await serveFiles(t, { '/image': DATA, '/copy': DATA })
  const server = await Embedded.start({
    settings: {
      enabled_backends: 'fast:file, slow:file, web:http',
      show_multiple_locations: 'true',
    },
    sections: {
      glance_store: { default_backend: 'fast' },
      fast: { filesystem_store_datadir: join(folder, 'fast'), store_description: 'Fast' },
      slow: { filesystem_store_datadir: join(folder, 'slow') },
      import_filtering_opts: { allowed_hosts: '127.0.0.1', allowed_ports: new URL(web).port },
    },
  })
  t.teardown(() => server[Symbol.asyncDispose]())
  return { glance: glanceClient(folder, server.url), server, file, web }
}
