import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readConfig } from '../../lib/server/config.ts'
import { startServer } from '../../lib/server/start.ts'
import { startTestServer } from '../support/server.ts'

const GPU = { type: 'string', enum: ['none', 'one'], title: 'Graphics', readerNote: 'ours' }

/** Starts a server whose configuration has this schema beside it. */
async function startWithSchema(t: Test, schema: unknown) {
  const folder = t.testdir({ 'glance-api.conf': '', 'schema-image.json': JSON.stringify(schema) })
  return startTestServer(t, await readConfig(join(folder, 'glance-api.conf')))
}

t.test('a schema-image.json beside the configuration', async t => {
  for (const [form, schema] of [
    ['plain', { gpu: GPU }],
    ['extended', { properties: { gpu: GPU } }],
  ] as const) {
    t.test(`in its ${form} form stands in for Glance's own`, async t => {
      const server = await startWithSchema(t, schema)
      const { json } = await server.call('GET', '/v2/schemas/image')
      t.match(json['properties'], { gpu: { ...GPU, is_base: false }, name: { maxLength: 255 } })
      t.notMatch(json['properties'], { kernel_id: {} })
      t.notOk('required' in json)
      const images = await server.call('GET', '/v2/schemas/images')
      t.match(images.json['properties'], { images: { items: json } })
    })

    t.test(`in its ${form} form is what images are held to`, async t => {
      const server = await startWithSchema(t, schema)
      const id = await server.create({ gpu: 'one', kernel_id: 'no UUID' })
      t.match(await server.show(id), { gpu: 'one', kernel_id: 'no UUID' })
      t.equal((await server.call('POST', '/v2/images', { body: { gpu: 'two' } })).status, 400)
      const change = { op: 'replace', path: '/gpu', value: 'two' }
      t.equal((await server.patch(id, [change])).status, 400)
      t.equal((await server.patch(id, [{ ...change, value: 'none' }])).status, 200)
    })
  }

  t.test('can demand properties of new images, not of changes', async t => {
    const server = await startWithSchema(t, { properties: { gpu: GPU }, required: ['gpu'] })
    const { json } = await server.call('GET', '/v2/schemas/image')
    t.same(json['required'], ['gpu'])
    const { status, json: fault } = await server.call('POST', '/v2/images', { body: {} })
    t.equal(status, 400)
    t.match(fault['message'], /does not match schema 'image': it must have property 'gpu'/)
    const id = await server.create({ gpu: 'none' })
    t.equal((await server.patch(id, [{ op: 'replace', path: '/name', value: 'a' }])).status, 200)
  })

  t.test('can hold values that are no text, which are kept as text', async t => {
    const server = await startWithSchema(t, { cores: { type: ['integer', 'null'] } })
    const id = await server.create({ cores: 4 })
    t.match(await server.show(id), { cores: '4' })
    await server.patch(id, [{ op: 'replace', path: '/cores', value: 8 }])
    t.match(await server.show(id), { cores: '8' })
    t.equal((await server.call('POST', '/v2/images', { body: { cores: '4' } })).status, 400)
  })

  for (const [title, text, message] of [
    ['no JSON', 'gpu:', /schema-image\.json is no schema of images/],
    ['no object', '[]', /it is no JSON object/],
    ['a property that is no object', '{"gpu": "one"}', /gpu is no JSON object/],
    ['a list of properties', '{"properties": []}', /properties is no JSON object/],
    ['a property without a meaning', '{"gpu": {"type": "text"}}', /type/],
    ['a property that every image has', '{"name": {}}', /every image has a name already/],
    ['demands that are no list', '{"properties": {}, "required": "gpu"}', /required is no list/],
    ['demands that are no names', '{"properties": {}, "required": [1]}', /no list of names/],
  ] as const) {
    t.test(`with ${title} is refused at the start`, async t => {
      const folder = t.testdir({ 'glance-api.conf': '', 'schema-image.json': text })
      const config = await readConfig(join(folder, 'glance-api.conf'))
      await t.rejects(startServer(config), { code: 'usage', message })
    })
  }

  t.test('counts for less than one that the configuration names', async t => {
    const folder = t.testdir({ 'schema-image.json': 'not looked at' })
    writeFileSync(join(folder, 'ours.json'), '{"gpu": {"type": "string"}}')
    const path = join(folder, 'glance-api.conf')
    writeFileSync(path, `image_schema_file = ${join(folder, 'ours.json')}`)
    const server = await startTestServer(t, await readConfig(path))
    const { json } = await server.call('GET', '/v2/schemas/image')
    t.match(json['properties'], { gpu: { is_base: false } })
  })
})

t.test('the formats that are configured are the ones that there are', async t => {
  const path = join(t.testdir(), 'glance-api.conf')
  const lines = [
    '[image_format]',
    'disk_formats = raw, gpt',
    'container_formats =',
    '  bare,',
    '  zip',
  ]
  writeFileSync(path, lines.join('\n'))
  const server = await startTestServer(t, await readConfig(path))
  const { json } = await server.call('GET', '/v2/schemas/image')
  t.match(json['properties'], {
    disk_format: { enum: [null, 'raw', 'gpt'] },
    container_format: { enum: [null, 'bare', 'zip'] },
  })
  const id = await server.create({ disk_format: 'gpt', container_format: 'zip' })
  t.match(await server.show(id), { disk_format: 'gpt', container_format: 'zip' })
  t.equal((await server.call('POST', '/v2/images', { body: { disk_format: 'qcow2' } })).status, 400)
})
