import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Client, glanceClient, namesIn, rowsOf, tableOf } from './support/clients.ts'
import { Embedded } from './support/embedded.ts'

const NAMESPACE = {
  namespace: 'OS::Imported',
  display_name: 'Imported',
  description: 'from a file',
  visibility: 'public',
  protected: false,
  resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'hw_' }],
  properties: { cores: { title: 'Cores', type: 'integer', minimum: 1 } },
  objects: [{ name: 'cpu', properties: { model: { title: 'Model', type: 'string' } } }],
  tags: [{ name: 'first' }],
}

t.test('glance keeps namespaces of metadata definitions', async t => {
  const { glance, server, folder } = await startMetadefs(t)
  const options = '--display-name Test --description short --visibility private --protected true'
  t.match(rowsOf(await glance(`md-namespace-create OS::Test ${options}`)), {
    namespace: 'OS::Test',
    display_name: 'Test',
    protected: 'True',
  })
  const file = join(folder, 'namespace.json')
  await writeFile(file, JSON.stringify(NAMESPACE))
  t.match(rowsOf(await glance(`md-namespace-import --file ${file}`)), {
    properties: '["cores"]',
    objects: '["cpu"]',
    tags: '["first"]',
    resource_type_associations: '["OS::Glance::Image"]',
  })
  await t.rejects(glance(`md-namespace-import --file ${file}`), /409/)

  t.same(namesIn(await glance('md-namespace-list')), ['OS::Imported', 'OS::Test'])
  t.same(namesIn(await glance('md-namespace-list --page-size 1')), ['OS::Imported', 'OS::Test'])
  t.same(namesIn(await glance('md-namespace-list --visibility private')), ['OS::Test'])
  const forImages = '--resource-type OS::Glance::Image'
  t.match(rowsOf(await glance(`md-namespace-show OS::Imported ${forImages}`)), {
    description: 'from a file',
    properties: '["hw_cores"]',
  })
  const changes = '--description long --visibility public --protected false'
  t.match(rowsOf(await glance(`md-namespace-update OS::Test ${changes}`)), {
    description: 'long',
    visibility: 'public',
    protected: 'False',
  })

  const type = 'OS::Nova::Flavor'
  t.match(rowsOf(await glance(`md-resource-type-associate OS::Test --name ${type} --prefix hw:`)), {
    name: type,
    prefix: 'hw:',
  })
  t.same(tableOf(await glance('md-namespace-resource-type-list OS::Test')), [[type, 'hw:', '']])
  t.same(namesIn(await glance('md-resource-type-list')), ['OS::Glance::Image', type])
  t.same(namesIn(await glance(`md-namespace-list --resource-types ${type}`)), ['OS::Test'])
  await glance(`md-resource-type-deassociate OS::Test ${type}`)
  t.same(tableOf(await glance('md-namespace-resource-type-list OS::Test')), [])

  await glance('md-namespace-delete OS::Imported')
  await server.expect(404, 'GET', 'metadefs/namespaces/OS::Imported')
})

t.test('glance keeps properties and objects of a namespace', async t => {
  const { glance } = await startMetadefs(t, 'N')
  const text = JSON.stringify({ type: 'string', enum: ['a', 'b'] })
  const property = { name: 'p', title: 'P', type: 'string', enum: '["a", "b"]' }
  t.same(rowsOf(await glance('md-property-create N --name p --title P --schema', text)), property)
  t.same(rowsOf(await glance('md-property-show N p')), property)
  const renamed = { ...property, name: 'q', title: 'Q' }
  t.same(rowsOf(await glance('md-property-update N p --name q --title Q')), renamed)
  await glance('md-property-create N --name other --title O --schema', '{"type": "integer"}')
  t.same(tableOf(await glance('md-property-list N')), [
    ['other', 'O', 'integer'],
    ['q', 'Q', 'string'],
  ])
  await glance('md-property-delete N q')
  t.same(namesIn(await glance('md-property-list N')), ['other'])
  await glance('md-namespace-properties-delete N')
  t.same(namesIn(await glance('md-property-list N')), [])

  const object = { description: 'an object', properties: { x: { type: 'string', title: 'X' } } }
  const schema = JSON.stringify(object)
  t.match(rowsOf(await glance('md-object-create N --name o --schema', schema)), {
    name: 'o',
    properties: '["x"]',
  })
  t.match(rowsOf(await glance('md-object-show N o')), { description: 'an object' })
  t.match(rowsOf(await glance('md-object-property-show N o x')), { name: 'x', title: 'X' })
  t.match(rowsOf(await glance('md-object-update N o --name oo')), {
    name: 'oo',
    properties: '["x"]',
  })
  t.same(tableOf(await glance('md-object-list N')), [['oo', 'an object']])
  await glance('md-object-delete N oo')
  await glance('md-object-create N --name last --schema', schema)
  await glance('md-namespace-objects-delete N')
  t.same(tableOf(await glance('md-object-list N')), [])
})

t.test('glance keeps tags of a namespace', async t => {
  const { glance } = await startMetadefs(t, 'N')
  t.match(rowsOf(await glance('md-tag-create N --name one')), { name: 'one' })
  t.match(rowsOf(await glance('md-tag-show N one')), { name: 'one' })
  t.match(rowsOf(await glance('md-tag-update N one --name two')), { name: 'two' })
  t.same(namesIn(await glance('md-tag-list N')), ['two'])
  // With --append the glance client 4.1 sends no request: it cannot put a boolean into a header.
  t.same(namesIn(await glance('md-tag-create-multiple N --names b,a,c')), ['b', 'a', 'c'])
  await glance('md-tag-delete N a')
  t.same(namesIn(await glance('md-tag-list N')), ['c', 'b'])
  await glance('md-namespace-tags-delete N')
  t.same(namesIn(await glance('md-tag-list N')), [])
})

async function startMetadefs(
  t: Test,
  namespace?: string,
): Promise<{ glance: Client; server: Embedded; folder: string }> {
  const folder = t.testdir()
  const server = await Embedded.start()
  t.teardown(() => server[Symbol.asyncDispose]())
  if (namespace !== undefined) {
    await server.expect(201, 'POST', 'metadefs/namespaces', { namespace })
  }
  return { glance: glanceClient(folder, server.url), server, folder }
}
