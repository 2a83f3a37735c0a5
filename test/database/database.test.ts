import { copyFileSync, existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Kysely } from 'kysely'
import t, { type Test } from 'tap'
import { GlanceError } from '../../lib/errors.ts'
import type { Database } from '../../lib/database/database.ts'
import { openDatabase } from '../../lib/database/open.ts'
import { SimpleDatabase } from '../../lib/database/simple/simple.ts'
import { SqliteJournal } from '../../lib/database/sqlite-journal.ts'
import { openSqlite, sqliteDialect } from '../../lib/database/sqlite.ts'
import { toGlanceError } from '../../lib/database/sqlite-errors.ts'
import { databaseSuite } from '../../lib/compliance/database-suite.ts'
import {
  FULL,
  id,
  insertAll,
  listed,
  member,
  record,
} from '../../lib/compliance/database/records.ts'

t.test('simple', async t => databaseSuite(t, { create: async () => new SimpleDatabase() }))

t.test('SQLite in a file', async t =>
  databaseSuite(t, {
    create: async t => openSqlite(join(t.testdir(), 'glance.sqlite')),
    createTwo: async t => {
      const path = join(t.testdir(), 'glance.sqlite')
      return [await openSqlite(path), await openSqlite(path)]
    },
  }),
)

t.test('a SQLite file', async t => {
  t.test('keeps its rows when it is closed and opened again', async t => {
    const path = join(t.testdir(), 'glance.sqlite')
    {
      await using database = await openSqlite(path)
      await database.migrate()
      await database.images.insert(FULL)
      await database.members.insert(member(1, 'a'))
      await database.images.insert(record(2))
      await database.images.update(id(2), { status: 'deleted', updatedAt: new Date(0) }, ['queued'])
    }
    await using database = await openSqlite(path)
    await database.migrate()
    t.strictSame(await database.images.find(id(1)), FULL)
    t.strictSame(await database.members.list(id(1)), [member(1, 'a')])
    await t.rejects(database.images.insert(record(2)), { code: 'duplicate' })
  })

  t.test('is all there without its journal when it is closed', async t => {
    const path = join(t.testdir(), 'glance.sqlite')
    const [first, last] = [await openSqlite(path), await openSqlite(path)]
    await first.migrate()
    await first.images.insert(record(1))
    await first[Symbol.asyncDispose]()
    await last.images.insert(record(2))
    await last[Symbol.asyncDispose]()
    copyFileSync(path, `${path}.copy`)
    await using copy = await openSqlite(`${path}.copy`)
    for (const n of [1, 2]) t.ok(await copy.images.find(id(n)))
  })

  t.test('lets others have their turn while it is busy with many statements', async t => {
    await using database = await openSqlite(join(t.testdir(), 'glance.sqlite'))
    await database.migrate()
    const ends: true[] = []
    const work = database.transaction(async ({ images }) => {
      for (let n = 0; n < 500; n += 1) await images.find(id(n))
    })
    const done = work.finally(() => ends.push(true))
    let turns = 0
    for (; ends.length === 0; turns += 1) await new Promise(setImmediate)
    await done
    t.ok(turns > 5, `${turns} times`)
  })

  t.test('is migrated once, however many open it at the same time', async t => {
    const databases = await openMany(t, 5)
    await Promise.all(databases.map(database => database.migrate()))
    await Promise.all(databases.map((database, n) => database.images.insert(record(n))))
    for (const database of databases) t.strictSame(await listed(database), [0, 1, 2, 3, 4])
  })

  t.test('is written by several at the same time', async t => {
    const databases = await openMany(t, 3)
    await Promise.all(databases.map(database => database.migrate()))
    await databases[0]?.images.insert(record(1))
    const claims = databases.map((database, n) =>
      database.images.update(id(1), { status: 'saving', minRam: n, updatedAt: new Date(0) }, [
        'queued',
      ]),
    )
    const results = await Promise.allSettled(claims)
    t.strictSame(results.map(({ status }) => status).toSorted(), [
      'fulfilled',
      'rejected',
      'rejected',
    ])
    await Promise.all(
      databases.map((database, i) =>
        insertAll(
          database,
          Array.from({ length: 20 }, (_, n) => record(100 * (i + 1) + n)),
        ),
      ),
    )
    for (const database of databases) t.equal((await listed(database)).length, 61)
  })

  t.test('that somebody else keeps locked is unavailable in the end', async t => {
    const path = join(t.testdir(), 'glance.sqlite')
    await using holder = await openSqlite(path)
    const reports: unknown[] = []
    const report = (error: unknown) => reports.push(error)
    await using database = await openSqlite(path, { timeoutMs: 30, report })
    await holder.migrate()
    const away = { code: 'unavailable', message: 'the database is temporarily unavailable' }
    await holder.transaction(async tx => {
      await tx.images.insert(record(1))
      await t.rejects(database.images.insert(record(2)), away)
      await t.rejects(database.images.insert(record(2)), away)
      const message = `the SQLite database ${path}: SQLite: database is locked`
      t.match(reports, [{ message }], 'which whoever runs the service is told once')
      t.strictSame(await listed(database), [], 'and can be read meanwhile')
    })
    await database.images.insert(record(2))
    t.strictSame(await listed(database), [1, 2])
  })

  t.test('made by a later version of this program is refused', async t => {
    const path = join(t.testdir(), 'glance.sqlite')
    await using database = await openSqlite(path)
    await database.migrate()
    const { default: Libsql } = await import('libsql')
    const file = new Libsql(path)
    file.exec("insert into kysely_migration values ('9999-later', '2099-01-01T00:00:00.000Z')")
    file.close()
    await t.rejects(database.migrate(), { code: 'unsupported', message: '9999-later' })
  })

  t.test('by another name keeps its rows as well', async t => {
    const path = join(t.testdir({ link: t.fixture('symlink', 'glance.sqlite') }), 'glance.sqlite')
    {
      const link = join(dirname(path), 'link')
      await using database = await openSqlite(link)
      const journal = await SqliteJournal.open(link)
      await journal?.close()
      t.ok(journal, 'whose log is found')
      await database.migrate()
      await Promise.all([1, 2, 3].map(n => database.images.insert(record(n))))
    }
    await using database = await openSqlite(path)
    t.strictSame(await listed(database), [1, 2, 3])
  })

  t.test('whose log does not get to the disk answers nothing any more', async t => {
    // What is no file refuses to be waited for.
    const path = join(
      t.testdir({ 'glance.sqlite': '', 'glance.sqlite-wal': t.fixture('symlink', '/dev/null') }),
      'glance.sqlite',
    )
    const journal = await SqliteJournal.open(path)
    await journal?.settled()
    journal?.advanced()
    const lost = { code: 'unavailable', message: 'what was written last may be lost' }
    await Promise.all([1, 2].map(() => t.rejects(journal?.settled() ?? Promise.resolve(), lost)))
    await t.rejects(journal?.settled() ?? Promise.resolve(), lost)
    await t.rejects(journal?.close() ?? Promise.resolve(), lost)
  })

  t.test('tells nobody what it has found before that is on the disk', async t => {
    // A log that never gets to the disk.
    const unwell = { 'glance.sqlite': '', 'glance.sqlite-wal': t.fixture('symlink', '/dev/null') }
    const path = join(t.testdir(unwell), 'glance.sqlite')
    const { default: Libsql } = await import('libsql')
    for (const [what, work] of [
      ['what is there', async () => []],
      ['that there is nothing', () => Promise.reject(new GlanceError('not_found', 'no image'))],
    ] as const) {
      const open = () => new Libsql(`${path}.${what}`)
      const db = new Kysely({ dialect: sqliteDialect({ open, timeoutMs: 10_000, path }) })
      const found = db.transaction().execute(work)
      await t.rejects(found, { message: 'what was written last may be lost' }, what)
      await t.rejects(db.destroy(), { message: 'what was written last may be lost' })
    }
  })

  t.test('that is no database is corrupt', async t => {
    const path = join(
      t.testdir({ 'glance.sqlite': 'something else '.repeat(1000) }),
      'glance.sqlite',
    )
    await t.rejects(openSqlite(path), {
      code: 'corrupt',
      message: `${path}: SQLite: file is not a database`,
    })
  })

  t.test('that cannot be made is unavailable', async t => {
    const path = join(t.testdir(), 'missing', 'glance.sqlite')
    await t.rejects(openSqlite(path), { code: 'unavailable', message: path })
  })

  t.test('takes no text that it would read back cut short', async t => {
    await using database = await openSqlite(':memory:')
    await database.migrate()
    await t.rejects(database.images.insert(record(1, { name: 'a\0b' })), {
      code: 'invalid',
      message: 'NUL',
    })
    t.strictSame(await listed(database), [])
  })
})

t.test('work that waits for itself is turned away', async t => {
  for (const database of [
    new SimpleDatabase({ timeoutMs: 20 }),
    await openSqlite(':memory:', { timeoutMs: 20 }),
  ]) {
    await database.migrate()
    const work = database.transaction(async tx => {
      await tx.images.insert(record(1))
      await database.images.insert(record(2))
    })
    await t.rejects(work, { code: 'unavailable', message: 'busy for 20 ms' })
    t.strictSame(await listed(database), [], 'and undone')
    await database.images.insert(record(2))
    await database[Symbol.asyncDispose]()
  }
})

t.test('what SQLite fails with', async t => {
  for (const [engine, code] of [
    ['SQLITE_CONSTRAINT_PRIMARYKEY', 'duplicate'],
    ['SQLITE_CONSTRAINT_UNIQUE', 'duplicate'],
    ['SQLITE_FULL', 'over_limit'],
    ['SQLITE_BUSY_RECOVERY', 'unavailable'],
    ['SQLITE_IOERR_FSYNC', 'unavailable'],
    ['SQLITE_READONLY_DBMOVED', 'unavailable'],
    ['SQLITE_CORRUPT_INDEX', 'corrupt'],
  ] as const) {
    const error = Object.assign(new Error('as SQLite says'), { code: engine })
    t.match(toGlanceError(error), { code, message: 'SQLite: as SQLite says', cause: error }, engine)
  }
  const bug = Object.assign(new Error('near "selec": syntax error'), { code: 'SQLITE_ERROR' })
  t.equal(toGlanceError(bug), bug, 'a bug stays as it is')
})

t.test('a database is opened by its settings', async t => {
  const directory = t.testdir()
  t.teardown(() => process.chdir(root))
  const root = process.cwd()
  process.chdir(directory)
  for (const [dataApi, connection, file] of [
    ['simple', '', null],
    ['sqlite', 'sqlite://', null],
    ['sqlite', 'sqlite:///', null],
    ['sqlite', 'sqlite:///relative.sqlite', 'relative.sqlite'],
    ['sqlite', `sqlite:///${directory}/absolute ü.sqlite`, 'absolute ü.sqlite'],
  ] as const) {
    await using database = await openDatabase({ dataApi, connection })
    await database.migrate()
    await database.images.insert(record(1))
    if (file !== null) t.ok(existsSync(join(directory, file)), connection)
  }
})

/** So many open databases on the same file, closed after the test. */
async function openMany(t: Test, count: number): Promise<Database[]> {
  const path = join(t.testdir(), 'glance.sqlite')
  const databases = await Promise.all(Array.from({ length: count }, () => openSqlite(path)))
  t.teardown(async () => {
    for (const database of databases) await database[Symbol.asyncDispose]()
  })
  return databases
}
