import { existsSync } from 'node:fs'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { databaseSuite } from 'glance-replicator/compliance'
import { openDatabase as openAny } from '../../lib/database/open.ts'
import { at, FULL, id, listed, member, record } from '../../lib/compliance/database/records.ts'
import { completeConfig, readConfig } from '../../lib/server/config.ts'
import { storeConfigs } from '../../lib/server/store-configs.ts'
import { openStore } from '../../lib/store/open.ts'
import { rbdSettings } from '../../lib/store/rbd/settings.ts'
import { openDatabase } from '../examples/journal.ts'
import { runCommand } from '../support/command.ts'
import { run } from '../support/program.ts'
import { startTestServer } from '../support/server.ts'

/** As somebody would name it in the configuration, once it is compiled. */
const MODULE = fileURLToPath(new URL('../examples/journal.js', import.meta.url))

t.test('the example of a driver, loaded by the path of its module', async t =>
  databaseSuite(t, {
    create: async t => openAny({ dataApi: MODULE, connection: `journal://${t.testdir()}/journal` }),
  }),
)

t.test('a suite is run by node:test as well', async t => {
  const suite = fileURLToPath(new URL('../examples/journal-suite.js', import.meta.url))
  const { status, stdout } = await runCommand(process.execPath, [
    '--test',
    '--test-reporter=tap',
    suite,
  ])
  t.equal(status, 0, stdout)
  t.match(stdout, /^# fail 0$/m)
  t.match(stdout, 'ok 1 - images are kept: an image of which everything is known is found')
  t.ok(Number(/^# pass (\d+)$/m.exec(stdout)?.[1]) > 100, stdout)
})

t.test('a service keeps its images by it', async t => {
  const dataDir = t.testdir()
  const settings = { dataApi: MODULE, connection: `journal://${dataDir}/journal`, dataDir }
  let image: string
  {
    await using server = await startTestServer(t, settings)
    image = await server.create({ name: 'kept' })
  }
  const server = await startTestServer(t, settings)
  t.match(await server.show(image), { name: 'kept' })
})

t.test('the commands of db take it as it is, without versions', async t => {
  const folder = t.testdir()
  const config = `${folder}/glance.conf`
  const connection = `journal://${folder}/journal`
  await writeFile(
    config,
    `[DEFAULT]\ndata_api = ${MODULE}\n[database]\nconnection = ${connection}\n`,
  )
  for (const [words, wanted] of [
    [['sync'], { status: 0, stdout: 'the schema of this database has no versions\n' }],
    [['upgrade'], { status: 0, stdout: 'has no versions' }],
    [['version'], { status: 0, stdout: 'has no versions' }],
    [['check'], { status: 0, stdout: 'has no versions: it is up to date\n' }],
    [['downgrade', '0'], { status: 2, stderr: 'the schema of this database has no versions' }],
    [['purge', '--age', '1'], { status: 0, stdout: '0 images and 0 tasks forgotten\n' }],
  ] as const) {
    t.match(await run(['db', ...words, '--config', config]), wanted, words.join(' '))
  }
})

t.test('the example of a driver', async t => {
  t.test('has its rows again when it is opened again', async t => {
    const path = `${t.testdir()}/journal`
    const connection = `journal://${path}`
    {
      await using database = await openDatabase({ connection })
      await database.images.insertAll([FULL, record(2)])
      await database.members.insert(member(1, 'guest'))
      await database.transaction(async tx => {
        await tx.images.update(id(2), { status: 'deleted', updatedAt: at(9) }, ['queued'])
      })
      await t.rejects(
        database.transaction(async tx => {
          await tx.images.insert(record(3))
          throw new Error('on second thoughts')
        }),
      )
    }
    await appendFile(path, '!torn') // As much as was written when the power went.
    {
      await using database = await openDatabase({ connection })
      t.strictSame(await database.images.find(id(1)), FULL)
      t.strictSame(await database.members.list(id(1)), [member(1, 'guest')])
      t.strictSame(await listed(database, { deleted: 'listed' }), [1, 2])
      await database.images.insert(record(4))
    }
    await using database = await openDatabase({ connection })
    t.strictSame(await listed(database, { deleted: 'listed' }), [1, 2, 4])
    t.notMatch(await readFile(path, 'latin1'), '!torn', 'what was cut off is out of the way')
  })

  t.test('refuses what it cannot open', async t => {
    await t.rejects(openDatabase({ connection: 'sqlite://' }), { code: 'usage' })
    const connection = `journal://${t.testdir()}`
    await t.rejects(openDatabase({ connection }), { code: 'unavailable' })
  })
})

t.test('the manual for drivers names files that the package has', async t => {
  const text = await readFile('docs/drivers.md', 'utf8')
  const { files } = JSON.parse(await readFile('package.json', 'utf8')) as { files: string[] }
  const named = [...text.matchAll(/`((?:dist|lib|test)\/[^`]*)`/g)].map(([, path = '']) => path)
  t.ok(named.length > 3)
  for (const path of named) {
    t.ok(existsSync(path), path)
    t.ok(
      files.some(folder => path.startsWith(`${folder}/`)),
      `${path} is in the package`,
    )
  }
})

t.test('the stores of the README can be written to as they are', async t => {
  const readme = await readFile('README.md', 'utf8')
  const blocks = [...readme.matchAll(/```ini\n([^`]*)```/g)].map(([, block = '']) => block)
  t.equal(blocks.length, 2)
  for (const block of blocks) {
    const folder = t.testdir()
    const path = `${folder}/glance-api.conf`
    const account = 'swift_store_user = a:b\nswift_store_key = c\n' // Which the second block leaves out.
    const text = block.replaceAll('/srv', folder).replaceAll('= …', '= some.example')
    await writeFile(path, blocks.indexOf(block) === 1 ? text + account : text)
    for (const config of storeConfigs(completeConfig(await readConfig(path))).all) {
      if (config.type === 'rbd') {
        t.ok(rbdSettings(config.options), 'which takes a cluster to be opened')
        continue
      }
      await using store = await openStore(config)
      t.equal(store.writable, config.type !== 'http', config.id)
    }
  }
})
