import t from 'tap'
import { IMPORT_METHODS } from '../../lib/image/import.ts'
import { DEFAULT_IMPORTS } from '../../lib/server/import-settings.ts'
import { PATCH_MEDIA_TYPE } from '../../lib/wire/v2-patch.ts'
import { startTestServer } from '../support/server.ts'

/** What stands in a document where something else is expected. */
const ODD: Readonly<Record<string, string>> = {
  'an object that says it can be text': '{"toString":1,"valueOf":1}',
  'an object that says it can be JSON': '{"toJSON":1}',
  'lists in lists, 5000 deep': `${'['.repeat(5000)}${']'.repeat(5000)}`,
  'objects in objects, 5000 deep': `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`,
  'a list': '["a"]',
  'a number': '7',
  nothing: 'null',
}

const JSON_PATCH = { 'content-type': PATCH_MEDIA_TYPE }
const OLD_PATCH = { 'content-type': 'application/openstack-images-v2.0-json-patch' }
const DOWNLOAD = '"name":"glance-download","glance_region":"r"'
const UUID = '"4d1a6c1e-0000-4000-8000-000000000000"'

/** Documents with a place in them, which `?` marks. */
const PLACES: readonly (readonly [string, string, Readonly<Record<string, string>>?])[] = [
  ['POST /v2/images', '{"name":?}'],
  ['POST /v2/images', '{"id":?}'],
  ['POST /v2/images', '{"foo":?}'],
  ['POST /v2/images', '{"tags":[?]}'],
  ['PATCH /v2/images/{id}', '[?]', JSON_PATCH],
  ['PATCH /v2/images/{id}', '[{"op":?,"path":"/name","value":"x"}]', JSON_PATCH],
  ['PATCH /v2/images/{id}', '[{"op":"replace","path":?,"value":"x"}]', JSON_PATCH],
  ['PATCH /v2/images/{id}', '[{"op":"add","path":"/foo","value":?}]', JSON_PATCH],
  ['PATCH /v2/images/{id}', '[{"op":"remove","path":?}]', JSON_PATCH],
  ['PATCH /v2/images/{id}', '[{"add":?,"value":"x"}]', OLD_PATCH],
  ['PATCH /v2/images/{id}', '[{"op":"replace","path":"/locations","value":?}]', JSON_PATCH],
  [
    'PATCH /v2/images/{id}',
    '[{"op":"add","path":"/locations/-","value":{"url":"http://a/","metadata":?}}]',
    JSON_PATCH,
  ],
  ['POST /v2/images/{id}/members', '{"member":?}'],
  ['PUT /v2/images/{id}/members/m', '{"status":?}'],
  ['POST /v2/images/{id}/locations', '{"url":?}'],
  ['POST /v2/images/{id}/locations', '{"url":"http://a/","validation_data":?}'],
  ['POST /v2/images/{id}/import', '{"method":?}'],
  ['POST /v2/images/{id}/import', '{"method":{"name":?}}'],
  ['POST /v2/images/{id}/import', '{"method":{"name":"web-download","uri":?}}'],
  ['POST /v2/images/{id}/import', '{"method":{"name":"web-download","uri":"x","more":?}}'],
  ['POST /v2/images/{id}/import', `{"method":{${DOWNLOAD},"glance_image_id":?}}`],
  [
    'POST /v2/images/{id}/import',
    `{"method":{${DOWNLOAD},"glance_image_id":${UUID},"glance_service_interface":?}}`,
  ],
  ['POST /v2/images/{id}/import', '{"method":{"name":"web-download","uri":"x"},"stores":?}'],
  ['POST /v2/tasks', '{"type":?,"input":{}}'],
  ['POST /v2/tasks', '{"type":"import","input":?}'],
  ['POST /v2/tasks', '{"type":"import","input":{"import_from":?}}'],
  ['POST /v2/metadefs/namespaces', '{"namespace":?}'],
  ['POST /v2/metadefs/namespaces', '{"namespace":"n","tags":?}'],
  ['POST /v2/metadefs/namespaces', '{"namespace":"n","objects":[?]}'],
  ['POST /v2/metadefs/namespaces', '{"namespace":"n","properties":{"p":?}}'],
  ['POST /v2/metadefs/namespaces/ns/objects', '{"name":"o","properties":{"p":?}}'],
  [
    'POST /v2/metadefs/namespaces/ns/properties',
    '{"name":"p","title":"t","type":"array","items":?}',
  ],
  [
    'POST /v2/metadefs/namespaces/ns/properties',
    '{"name":"p","title":"t","type":"string","default":?}',
  ],
  ['POST /v2/metadefs/namespaces/ns/tags', '{"tags":?}'],
  ['POST /v2/metadefs/namespaces/ns/resource_types', '{"name":?}'],
]

t.test('what is sent to confuse', async t => {
  const server = await startTestServer(t, {
    showMultipleLocations: true,
    imports: { ...DEFAULT_IMPORTS, methods: IMPORT_METHODS },
  })
  await server.call('POST', '/v2/metadefs/namespaces', { body: { namespace: 'ns' } })

  for (const [ask, document, headers = {}] of PLACES) {
    t.test(`${ask} with ${document} is no fault of ours`, async t => {
      const [method = '', path = ''] = ask.split(' ')
      const id = await server.create()
      for (const [what, value] of Object.entries(ODD)) {
        const body = document.replace('?', () => value)
        const answer = await server.call(method, path.replace('{id}', id), { headers, body })
        t.ok(answer.status < 500, `${what}: ${answer.status}`)
        if (what.endsWith('deep')) t.equal(answer.status, 400, what)
      }
    })
  }
})

t.test('a document may be 100 levels deep and no deeper', async t => {
  const server = await startTestServer(t)
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  const send = (input: string) =>
    server.call('POST', '/v2/tasks', { body: `{"type":"api_image_import","input":{"a":${input}}}` })
  t.equal((await send(nested(98))).status, 201)
  const { status, text } = await send(nested(99))
  t.equal(status, 400)
  t.match(text, 'more than 100 levels deep')
})

t.test('definitions come a thousand at once and no more', async t => {
  const server = await startTestServer(t)
  const tags = (count: number) => Array.from({ length: count }, (_, n) => ({ name: `t${n}` }))
  const path = '/v2/metadefs/namespaces'
  const create = (namespace: string, rest: object) =>
    server.call('POST', path, { body: { namespace, ...rest } })
  t.equal((await create('few', { tags: tags(1000) })).status, 201)
  const many = await create('many', { tags: tags(1001) })
  t.equal(many.status, 413)
  t.match(many.text, 'at most 1000 definitions')
  t.equal((await server.call('GET', `${path}/many`)).status, 404, 'and none comes of it')
  t.equal((await create('many', { resource_type_associations: tags(1001) })).status, 413)
  const more = { body: { tags: tags(1001) } }
  t.equal((await server.call('POST', `${path}/few/tags`, more)).status, 413)
  t.equal((await server.call('POST', `${path}/few/tags`, { body: { tags: tags(7) } })).status, 201)
  const { json } = await server.call('GET', `${path}/few/tags`)
  t.equal((json['tags'] as unknown[]).length, 7)
})
