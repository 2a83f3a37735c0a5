import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { run } from '../support/program.ts'
import { startTestServer } from '../support/server.ts'

const METADEFS = 'fixtures/metadefs'

/** The names of the namespaces in the database of a data folder, as a service shows them. */
async function namespacesIn(t: Test, dataDir: string): Promise<string[]> {
  const server = await startTestServer(t, { dataApi: 'sqlite', dataDir })
  const { json } = await server.call('GET', '/v2/metadefs/namespaces?sort_dir=asc')
  return (json['namespaces'] as { namespace: string }[]).map(({ namespace }) => namespace)
}

t.test('db load-metadefs', async t => {
  t.test('loads the namespaces in a directory, with all that is in them', async t => {
    const dataDir = join(t.testdir(), 'new')
    t.match(await run(['db', 'load-metadefs', METADEFS, '--data-dir', dataDir]), {
      status: 0,
      stdout:
        'Example::ImageBoot loaded from image-boot.json\n' +
        'Example::WebServer loaded from web-server.json\n' +
        '2 namespaces loaded, 0 were there already\n',
      stderr: /^$/,
    })
    const server = await startTestServer(t, { dataApi: 'sqlite', dataDir })
    const show = async (name: string) =>
      (await server.call('GET', `/v2/metadefs/namespaces/Example::${name}`)).json
    t.match(await show('ImageBoot'), {
      display_name: 'How an image boots',
      protected: true,
      owner: 'operators',
      properties: {
        boot_delay: { minimum: 0, default: '5' },
        firmware: { enum: ['bios', 'uefi'] },
      },
      resource_type_associations: [
        { name: 'OS::Glance::Image' },
        { name: 'OS::Nova::Flavor', prefix: 'boot:' },
      ],
    })
    t.match(await show('WebServer'), {
      visibility: 'public',
      protected: false,
      owner: 'admin',
      objects: [{ name: 'Listener', required: ['port'], properties: { tls: { default: 'True' } } }],
      tags: [{ name: 'nginx' }, { name: 'Apache' }],
    })
  })

  t.test('leaves alone what is there, and loads what is new', async t => {
    const dataDir = t.testdir()
    const words = ['db', 'load-metadefs', METADEFS, '--data-dir', dataDir, '--json']
    const first = JSON.parse((await run(words)).stdout) as object
    t.match(first, { totals: { loaded: 2, present: 0 } })
    {
      await using server = await startTestServer(t, { dataApi: 'sqlite', dataDir })
      const body = { namespace: 'Example::WebServer', description: 'mine' }
      await server.call('PUT', '/v2/metadefs/namespaces/Example::WebServer', { body })
      await server.call('PUT', '/v2/metadefs/namespaces/Example::ImageBoot', {
        body: { namespace: 'Example::Renamed' },
      })
    }
    const { status, stdout } = await run(words)
    t.equal(status, 0)
    t.same(JSON.parse(stdout), {
      namespaces: [
        { file: 'image-boot.json', namespace: 'Example::ImageBoot', status: 'loaded' },
        { file: 'web-server.json', namespace: 'Example::WebServer', status: 'present' },
      ],
      totals: { loaded: 1, present: 1 },
    })
    t.match((await run(words.slice(0, -1))).stdout, 'is there already, web-server.json is passed')
    const server = await startTestServer(t, { dataApi: 'sqlite', dataDir })
    const path = '/v2/metadefs/namespaces/Example::WebServer'
    t.match((await server.call('GET', path)).json, { description: 'mine' })
  })

  t.test('finds the database that the configuration names, also while it is served', async t => {
    const folder = t.testdir()
    const connection = `sqlite:///${folder}/other.sqlite`
    const config = join(folder, 'glance.conf')
    await writeFile(config, `[database]\nconnection = ${connection}\n`)
    const server = await startTestServer(t, { dataApi: 'sqlite', connection, dataDir: folder })
    t.equal((await run(['db', 'load-metadefs', METADEFS, '--config', config])).status, 0)
    const { json } = await server.call('GET', '/v2/metadefs/namespaces')
    t.equal((json['namespaces'] as unknown[]).length, 2)
  })

  for (const { title, text, message } of [
    { title: 'is no JSON', text: '{', message: 'JSON' },
    { title: 'has no namespace', text: '{}', message: "required property 'namespace'" },
    {
      title: 'has what there is not',
      text: '{"namespace": "x", "colour": "red"}',
      message: 'must NOT have additional properties',
    },
    {
      title: 'has two tags of a name',
      text: '{"namespace": "x", "tags": [{"name": "t"}, {"name": "t"}]}',
      message: 'a metadata tag with name=t already exists in namespace=x',
    },
  ]) {
    t.test(`names a file that ${title}, and loads none`, async t => {
      const folder = t.testdir({
        'a.json': '{"namespace": "good"}',
        'b.json': text,
        'c.txt': 'none of it',
      })
      const dataDir = join(folder, 'data')
      const { status, stdout, stderr } = await run([
        'db',
        'load-metadefs',
        folder,
        '--data-dir',
        dataDir,
      ])
      t.equal(status, 2)
      t.equal(stdout, '')
      t.ok(stderr.startsWith(`glance-replicator: ${join(folder, 'b.json')}: `), stderr)
      t.match(stderr, message)
      t.same(await namespacesIn(t, dataDir), [])
    })
  }

  t.test('wants a directory with files', async t => {
    const folder = t.testdir()
    await mkdir(join(folder, 'empty'))
    t.match(await run(['db', 'load-metadefs', join(folder, 'empty')]), {
      status: 2,
      stderr: /empty: there are no \.json files\n/,
    })
    t.match(await run(['db', 'load-metadefs', join(folder, 'none')]), {
      status: 2,
      stderr: /none: ENOENT/,
    })
  })

  t.test('wants a database that lasts', async t => {
    const config = join(
      t.testdir({ 'glance.conf': '[DEFAULT]\ndata_api = simple\n' }),
      'glance.conf',
    )
    t.match(await run(['db', 'load-metadefs', METADEFS, '--config', config]), {
      status: 2,
      stderr: 'data_api is simple',
    })
  })
})

t.test('the db commands are a group', async t => {
  t.match(await run(['help']), { stdout: /^ +glance-replicator db <command> +Look after/m })
  t.match(await run(['help', 'db']), { status: 0, stdout: 'db load-metadefs <dir>' })
  t.match(await run(['help', 'db', 'load-metadefs']), { status: 0, stdout: '--data-dir' })
  for (const [words, message] of [
    [['db'], "db wants a command; see 'glance-replicator help db'"],
    [['db', 'unload'], "unknown command 'db unload'"],
    [['help', 'db', 'unload'], "unknown command 'db unload'"],
    [['db', 'load-metadefs'], 'Not enough non-option arguments'],
    [['db', 'load-metadefs', 'a', 'b'], 'Unknown argument: b'],
    [['db', 'load-metadefs', 'a', '--port', '1'], 'Unknown argument: port'],
  ] as const) {
    t.match(await run(words), { status: 2, stderr: message }, words.join(' '))
  }
})
