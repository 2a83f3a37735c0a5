import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import type { Database } from '../../lib/database/database.ts'
import { MIGRATIONS } from '../../lib/database/sql/migrations.ts'
import { openSqlite } from '../../lib/database/sqlite.ts'
import { startServer } from '../../lib/server/start.ts'
import { at, id, record } from '../../lib/compliance/database/records.ts'
import { runProgram } from '../support/command.ts'
import { run } from '../support/program.ts'
import { startTestServer } from '../support/server.ts'

/** The versions that there are. */
const NAMES = MIGRATIONS.map(([name]) => name)
const ALL = NAMES.length
const LAST_NAME = NAMES.at(-1) ?? ''
const LAST = `version ${ALL} (${LAST_NAME}) of the schema`

/** Uses the database in a data folder. */
async function using<T>(dataDir: string, work: (database: Database) => Promise<T>): Promise<T> {
  await using database = await openSqlite(join(dataDir, 'glance.sqlite'))
  return await work(database)
}

/** What there is in it, with things of several versions. */
const fill = (dataDir: string) =>
  using(dataDir, async database => {
    await database.migrate()
    const properties = new Map([['kernel_id', null]])
    await database.images.insert(record(1, { name: 'kept', properties }))
    await database.images.insert(record(2))
    await database.images.update(id(2), { status: 'deleted', updatedAt: at(0) }, ['queued'])
    const times = { createdAt: at(0), updatedAt: at(0) }
    await database.metadefs.resourceTypes.insert({ name: 'OS::X', ...times })
  })

t.test('db sync', async t => {
  t.test('makes the tables, and brings them up to date', async t => {
    const dataDir = join(t.testdir(), 'new')
    t.match(await run(['db', 'sync', '--data-dir', dataDir, '--', '3']), {
      status: 0,
      stdout:
        'upgraded to version 1 (0001-images)\n' +
        'upgraded to version 2 (0002-metadefs)\n' +
        'upgraded to version 3 (0003-tasks)\n' +
        `the database has version 3 (0003-tasks) of the schema; ${ALL} is used\n`,
      stderr: '',
    })
    const { status, stdout } = await run(['db', 'sync', '--data-dir', dataDir, '--json'])
    t.equal(status, 0)
    t.same(JSON.parse(stdout), {
      versions: NAMES.slice(3).map((name, i) => ({ version: i + 4, name })),
      version: ALL,
      name: LAST_NAME,
      latest: ALL,
    })
    t.match(await run(['db', 'sync', '--data-dir', dataDir]), {
      status: 0,
      stdout: `the database has ${LAST}\n`,
    })
    await startTestServer(t, { dataApi: 'sqlite', dataDir, dbAutoCreate: false })
  })

  t.test('does so once, however many are started', async t => {
    const dataDir = t.testdir()
    const words = ['db', 'sync', '--data-dir', dataDir, '--json']
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => runProgram(words)))
    for (const { status, stderr } of outcomes) t.strictSame([status, stderr], [0, ''])
    const made = outcomes.map(({ stdout }) => (JSON.parse(stdout) as { versions: [] }).versions)
    t.strictSame(
      made.map(({ length }) => length).toSorted((a, b) => a - b),
      [0, 0, 0, ALL],
    )
  })

  t.test('goes up only, to a version that there is', async t => {
    const dataDir = t.testdir()
    await run(['db', 'sync', '--data-dir', dataDir])
    for (const [version, message] of [
      ['4', `has version ${ALL} of the schema already: 'glance-replicator db downgrade 4'`],
      ['0', "'glance-replicator db downgrade 0'"],
      ['999', 'there is no version 999 of the schema: there are 0 (empty), 1 (0001-images), 2'],
      ['latest', 'there is no version latest'],
      ['', 'there is no version'],
    ] as const) {
      t.match(await run(['db', 'sync', version, '--data-dir', dataDir]), {
        status: 2,
        stderr: message,
      })
    }
    t.match(await run(['db', 'sync', LAST_NAME, '--data-dir', dataDir]), {
      status: 0,
    })
  })
})

t.test('db upgrade does the same where there is something', async t => {
  const dataDir = t.testdir()
  t.match(await run(['db', 'upgrade', '--data-dir', dataDir]), {
    status: 3,
    stderr: "the database is empty: 'glance-replicator db sync' makes its tables",
  })
  await run(['db', 'sync', '2', '--data-dir', dataDir])
  t.match(await run(['db', 'upgrade', '3', '--data-dir', dataDir]), {
    status: 0,
    stdout: /^upgraded to version 3 \(0003-tasks\)\n/,
  })
  t.match(await run(['db', 'upgrade', '--data-dir', dataDir]), { status: 0, stdout: LAST })
})

t.test('db version and db check tell of the schema', async t => {
  const dataDir = t.testdir()
  const words = ['--data-dir', dataDir]
  for (const [version, status, told, checked] of [
    [
      '0',
      1,
      `the database is empty; version ${ALL} of the schema is used`,
      'version 1 (0001-images)',
    ],
    [
      '4',
      1,
      `version 4 (0004-null-properties) of the schema; ${ALL} is used`,
      /^version 5 .*standing\n/,
    ],
    [String(ALL), 0, LAST, /^the database has .*: it is up to date\n$/],
  ] as const) {
    if (version !== '0') await run(['db', 'sync', version, ...words])
    t.match(await run(['db', 'version', ...words]), { status: 0, stdout: told, stderr: '' })
    t.match(await run(['db', 'check', ...words]), { status, stdout: checked, stderr: '' })
  }
  t.same(JSON.parse((await run(['db', 'version', ...words, '--json'])).stdout), {
    versions: [],
    version: ALL,
    name: LAST_NAME,
    latest: ALL,
  })
  const none = join(dataDir, 'none')
  t.match(await run(['db', 'check', '--data-dir', none]), { status: 1, stdout: /is empty.*sync/ })
  t.notOk(existsSync(none), 'and make nothing')
})

t.test('db downgrade', async t => {
  t.test('tells what would be lost, and loses nothing unless it is told to', async t => {
    const dataDir = t.testdir()
    await fill(dataDir)
    const words = ['--data-dir', dataDir]
    t.match(await run(['db', 'downgrade', '4', ...words]), {
      status: 0,
      stdout:
        'downgraded to version 4 (0004-null-properties)\n' +
        `the database has version 4 (0004-null-properties) of the schema; ${ALL} is used\n`,
    })
    const loss = 'custom properties without a value (1), resource types (1)'
    t.match(await run(['db', 'downgrade', '1', ...words]), {
      status: 2,
      stdout: '',
      stderr: `going down to version 1 of the schema loses ${loss}; --yes does it all the same`,
    })
    t.match(await run(['db', 'version', ...words]), { stdout: 'version 4' })
    t.match(await run(['db', 'downgrade', '1', '--yes', ...words]), {
      status: 0,
      stdout: new RegExp(
        `of the schema; ${ALL} is used; lost: ${loss.replaceAll(/[()]/g, '\\$&')}\n$`,
      ),
    })
    await run(['db', 'sync', ...words])
    await using(dataDir, async database => {
      t.match(await database.images.find(id(1)), { name: 'kept', properties: new Map() })
      await t.rejects(database.images.insert(record(2)), { code: 'duplicate' })
    })
    const { stdout } = await run(['db', 'downgrade', '0', '--yes', '--json', ...words])
    t.match(JSON.parse(stdout), {
      version: 0,
      name: null,
      lost: [
        { what: 'images', rows: 1 },
        { what: 'ids of deleted images', rows: 1 },
      ],
      declined: false,
    })
    t.match(await run(['db', 'version', ...words]), { stdout: 'the database is empty' })
  })

  t.test('asks at a terminal', async t => {
    const dataDir = t.testdir()
    await fill(dataDir)
    const words = ['db', 'downgrade', '3', '--data-dir', dataDir]
    const ask = async (answer: string | null) => {
      const input = new PassThrough()
      if (answer !== null) input.write(answer)
      const stderr = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true })
      if (answer === null) stderr.once('data', () => input.end())
      const stdin = Object.assign(input, { isTTY: true })
      const said = await run(words, {}, { stdin, stderr })
      return { ...said, asked: String(stderr.read() ?? '') }
    }
    for (const answer of ['n\n', '\n', 'no\n', null]) {
      t.match(await ask(answer), { status: 1, stdout: `the database has ${LAST}\n` })
    }
    t.match(await ask('Yes\n'), {
      status: 0,
      asked: /loses custom properties without a value \(1\)\. Go on\? \[y\/N\] /,
      stdout: /lost: custom properties without a value \(1\)\n$/,
    })
    t.match(await ask('no\n'), { status: 0, asked: '' }, 'unless there is nothing to lose')
  })

  t.test('leaves alone what a service uses, and what is not there', async t => {
    const dataDir = t.testdir()
    await using server = await startTestServer(t, { dataApi: 'sqlite', dataDir })
    t.match(await run(['db', 'downgrade', '4', '--data-dir', dataDir]), {
      status: 3,
      stderr: `is in use by another service (process ${process.pid})`,
    })
    t.equal((await server.call('GET', '/v2/images')).status, 200)
    const none = join(dataDir, 'none')
    t.match(await run(['db', 'downgrade', '0', '--data-dir', none]), {
      status: 0,
      stdout: /^the database is empty; /,
    })
    t.notOk(existsSync(none))
    await run(['db', 'sync', '2', '--data-dir', none])
    t.match(await run(['db', 'downgrade', '3', '--data-dir', none]), {
      status: 2,
      stderr: "the database has no version 3 yet: 'glance-replicator db upgrade 3' goes up",
    })
  })
})

t.test('db purge', async t => {
  const now = new Date('2012-06-30T12:00:00Z')
  const clock = { now: () => now, after: () => ({ [Symbol.dispose]: () => {} }) }
  const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000)
  const made = async (t: Test) => {
    const dataDir = t.testdir()
    await using(dataDir, async database => {
      await database.migrate()
      for (const [n, days] of [10, 20, 30].entries()) {
        await database.images.insert(
          record(n, { status: 'deleted', deletedAt: daysAgo(days), updatedAt: daysAgo(days) }),
        )
      }
      await database.images.insert(record(7, { status: 'pending_delete', deletedAt: at(0) }))
      await database.images.insert(record(8))
    })
    return dataDir
  }

  t.test('forgets what was deleted before so many days, and nothing else', async t => {
    const dataDir = await made(t)
    const purge = (...words: string[]) =>
      run(['db', 'purge', '--data-dir', dataDir, ...words], {}, { clock })
    t.match(await purge('--age', '15'), {
      status: 0,
      stdout: '2 images and 0 tasks forgotten\n',
      stderr: '',
    })
    t.match(JSON.parse((await purge('--age', '15', '--json')).stdout), {
      totals: { images: 0, tasks: 0 },
    })
    await using(dataDir, async ({ images }) => {
      await t.rejects(images.insert(record(0)), { code: 'duplicate' })
      t.ok(await images.findPending(id(7)))
      t.ok(await images.find(id(8)))
      await images.insert(record(2))
    })
  })

  t.test('forgets no more rows than it is told', async t => {
    const dataDir = await made(t)
    const words = ['db', 'purge', '--data-dir', dataDir, '--age', '0', '--max-rows', '2']
    for (const count of [2, 1, 0]) {
      t.match(await run(words, {}, { clock }), { stdout: `${count} images and 0 tasks` })
    }
  })

  t.test('wants an age, and tables that are up to date', async t => {
    const dataDir = t.testdir()
    const words = ['db', 'purge', '--data-dir', dataDir]
    t.match(await run(words), { status: 2, stderr: 'Missing required argument: age' })
    for (const [option, value] of [
      ['--age', '-1'],
      ['--age', '1.5'],
      ['--age', ''],
      ['--max-rows', '0'],
      ['--max-rows', ''],
    ] as const) {
      const said = await run([...words, '--age', '1', `${option}=${value}`].slice(0, 8))
      t.match(said, { status: 2, stderr: option })
    }
    t.match(await run([...words, '--age', '']), {
      status: 2,
      stderr: '--age: expected a number, found nothing',
    })
    t.match(await run([...words, '--age', '1']), {
      status: 3,
      stderr: "the database is empty: 'glance-replicator db sync', given the same",
    })
    t.strictSame(await readdir(dataDir), [], 'and nothing is made')
  })
})

t.test('a database in memory only has nothing to look after', async t => {
  const folder = t.testdir({
    'simple.conf': '[DEFAULT]\ndata_api = simple\n',
    'memory.conf': '[database]\nconnection = sqlite://\n',
  })
  for (const words of [
    ['db', 'sync'],
    ['db', 'version'],
    ['db', 'check'],
    ['db', 'upgrade'],
    ['db', 'downgrade', '0'],
    ['db', 'purge', '--age', '1'],
  ]) {
    for (const [file, message] of [
      ['simple.conf', 'data_api is simple: such a database is only in the memory of its service'],
      ['memory.conf', 'connection names no file'],
    ] as const) {
      const said = await run([...words, '--config', join(folder, file)])
      t.match(said, { status: 2, stderr: message }, words.join(' '))
    }
  }
})

t.test('a database of a later version of this program is refused by all', async t => {
  const dataDir = t.testdir()
  await run(['db', 'sync', '--data-dir', dataDir])
  const { default: Libsql } = await import('libsql')
  const file = new Libsql(join(dataDir, 'glance.sqlite'))
  file.exec("insert into kysely_migration values ('0042-answers', '2099-01-01T00:00:00.000Z')")
  file.close()
  const refusal = new RegExp(`has version 42 \\(0042-answers\\) .* up to ${ALL} \\(${LAST_NAME}\\)`)
  for (const words of [
    ['db', 'sync'],
    ['db', 'version'],
    ['db', 'check'],
    ['db', 'upgrade'],
    ['db', 'downgrade', '0', '--yes'],
    ['db', 'purge', '--age', '1'],
    ['db', 'load-metadefs', 'fixtures/metadefs'],
    ['serve', '--port', '0'],
  ]) {
    const said = await run([...words, '--data-dir', dataDir])
    t.match(said, { status: 3, stderr: refusal }, words.join(' '))
  }
})

t.test('a service with db_auto_create', async t => {
  t.test('makes its tables when it starts, unless that is false', async t => {
    const dataDir = t.testdir({ 'glance.conf': 'db_auto_create = false\n' })
    const config = join(dataDir, 'glance.conf')
    const words = ['serve', '--port', '0', '--config', config, '--data-dir', dataDir]
    t.match(await run(words), {
      status: 3,
      stderr:
        "the database is empty: 'glance-replicator db sync', given the same configuration, makes",
    })
    await run(['db', 'sync', '4', '--data-dir', dataDir])
    t.match(await run(words), {
      status: 3,
      stderr: `the database has version 4 of the schema, and ${ALL} is used: `,
    })
    t.match(
      await run(['db', 'load-metadefs', 'fixtures/metadefs', ...words.slice(3)]),
      { status: 3, stderr: 'has version 4 of the schema' },
      'as do others',
    )
    await startTestServer(t, { dataApi: 'sqlite', dataDir })
    t.match(await run(['db', 'version', '--data-dir', dataDir]), { stdout: LAST })
  })

  t.test('leaves the database of Glance itself alone', async t => {
    const dataDir = t.testdir()
    const { default: Libsql } = await import('libsql')
    const file = new Libsql(join(dataDir, 'glance.sqlite'))
    file.exec('create table images (id text); create table alembic_version (version_num text)')
    file.close()
    await t.rejects(startServer({ bindPort: 0, dataDir }), {
      code: 'conflict',
      message: 'tables that this program did not make (alembic_version, images): give it a',
    })
    t.match(await run(['db', 'check', '--data-dir', dataDir]), { status: 3, stderr: 'alembic' })
  })
})

t.test('a service whose data_api is simple', async t => {
  t.test('says that it forgets', async t => {
    const config = join(t.testdir({ 'glance.conf': 'data_api = simple\n' }), 'glance.conf')
    const stop = new AbortController()
    const words = ['serve', '--port', '0', '--config', config, '--data-dir', join(config, '..')]
    const shown: string[] = []
    const said = await run(
      words,
      {},
      {
        signal: stop.signal,
        show: message => {
          shown.push(message)
          stop.abort(new Error('enough'))
        },
      },
    )
    t.match(said, { stdout: /^listening on .*\nstopped\n$/ })
    t.match(shown, [
      'data_api is simple: all images and tasks are forgotten when the service stops',
    ])
  })

  t.test('is of one process', async t => {
    const refusal = { code: 'usage', message: 'workers has to be 0, not 2' }
    await t.rejects(startServer({ bindPort: 0, dataApi: 'simple', workers: 2 }), refusal)
    const config = join(
      t.testdir({ 'glance.conf': 'data_api = simple\nworkers = 1\n' }),
      'glance.conf',
    )
    t.match(await run(['serve', '--port', '0', '--config', config]), {
      status: 2,
      stderr: 'data_api is simple, which is of one process only: workers has to be 0, not 1',
    })
  })
})
