import { CompiledQuery } from 'kysely'
import t from 'tap'
import {
  toGlanceError as ofMysql,
  isRefusal as refusedByMysql,
} from '../../lib/database/mysql-errors.ts'
import {
  toGlanceError as ofPostgres,
  isRefusal as refusedByPostgres,
} from '../../lib/database/postgres-errors.ts'
import { ServerDriver } from '../../lib/database/server/driver.ts'
import { type Holdable, ServerHold } from '../../lib/database/server/hold.ts'
import { Pool, type PoolOptions } from '../../lib/database/server/pool.ts'
import { Lost, type Session } from '../../lib/database/server/session.ts'
import { Undone } from '../../lib/database/sql/away.ts'

const POSTGRESQL = [
  ['23505', 'duplicate key value violates unique constraint', { code: 'duplicate' }],
  ['23503', 'violates foreign key constraint', { code: 'not_found' }],
  ['22001', 'value too long for type character varying(255)', { code: 'invalid' }],
  ['22003', 'integer out of range', { code: 'invalid' }],
  ['22021', 'invalid byte sequence for encoding "UTF8": 0x00', { code: 'invalid' }],
  ['54000', 'index row size exceeds btree version 4 maximum', { code: 'invalid' }],
  ['53100', 'could not extend file: No space left on device', { code: 'over_limit' }],
  ['53300', 'sorry, too many clients already', { code: 'unavailable' }],
  ['57014', 'canceling statement due to statement timeout', { code: 'unavailable' }],
  ['25006', 'cannot execute INSERT in a read-only transaction', { code: 'unavailable' }],
  ['XX001', 'invalid page in block 0', { code: 'corrupt' }],
] as const

const MYSQL = [
  [1062, "Duplicate entry 'a' for key 'PRIMARY'", { code: 'duplicate' }],
  [1452, 'a foreign key constraint fails', { code: 'not_found' }],
  [1406, "Data too long for column 'name'", { code: 'invalid' }],
  [1264, "Out of range value for column 'min_ram'", { code: 'invalid' }],
  [1366, 'Incorrect string value', { code: 'invalid' }],
  [1021, 'Disk full (/tmp); waiting for someone to free some space', { code: 'over_limit' }],
  [
    1030,
    'Got error 28 "No space left on device" from storage engine InnoDB',
    { code: 'over_limit' },
  ],
  [1030, 'Got error 5 "Input/output error" from storage engine InnoDB', { code: 'unavailable' }],
  [1040, 'Too many connections', { code: 'unavailable' }],
  [1290, 'The server is running with the --read-only option', { code: 'unavailable' }],
  [1712, 'Index images is corrupted', { code: 'corrupt' }],
] as const

const postgresError = (code: string, message: string, severity = 'ERROR') =>
  Object.assign(new Error(message), { code, severity })
const mysqlError = (errno: number, message: string) =>
  Object.assign(new Error(message), { errno, sqlState: 'HY000' })

t.test('what a server fails with', async t => {
  for (const [state, message, expected] of POSTGRESQL) {
    const error = postgresError(state, message)
    const at = expected.code === 'unavailable' ? 'the db' : 'PostgreSQL'
    const wanted = { ...expected, message: `${at}: ${message}`, cause: error }
    t.match(ofPostgres(error, 'the db', false), wanted, `PostgreSQL ${state}`)
  }
  for (const [number, message, expected] of MYSQL) {
    const error = mysqlError(number, message)
    const at = expected.code === 'unavailable' ? 'the db' : 'MySQL'
    const wanted = { ...expected, message: `${at}: ${message}`, cause: error }
    t.match(ofMysql(error, 'the db', false), wanted, `MySQL ${number}`)
  }
})

t.test('what a server has undone may be tried again', async t => {
  for (const state of ['40001', '40P01', '55P03']) {
    t.type(ofPostgres(postgresError(state, 'x'), 'the db', false), Undone, state)
  }
  for (const number of [1020, 1205, 1213]) {
    t.type(ofMysql(mysqlError(number, 'x'), 'the db', false), Undone, String(number))
  }
})

t.test('that a connection is lost is told by the server or by the system', async t => {
  for (const [error, ended] of [
    [postgresError('57P01', 'terminating connection due to administrator command', 'FATAL'), false],
    [postgresError('08006', 'connection failure'), false],
    [postgresError('XX000', 'something else', 'FATAL'), false],
    [new Error('Connection terminated unexpectedly'), true],
  ] as const) {
    t.type(ofPostgres(error, 'the db', ended), Lost, error.message)
  }
  for (const [error, ended] of [
    [mysqlError(1053, 'Server shutdown in progress'), false],
    [mysqlError(4031, 'The client was disconnected by the server because of inactivity'), false],
    [Object.assign(new Error('Connection lost'), { fatal: true }), false],
    [new Error("Can't add new command when connection is in closed state"), true],
  ] as const) {
    t.type(ofMysql(error, 'the db', ended), Lost, error.message)
  }
})

t.test('that we are not let in is told from that nobody is there', async t => {
  for (const state of ['28P01', '28000', '3D000']) {
    t.ok(refusedByPostgres(postgresError(state, 'x')), state)
  }
  for (const number of [1044, 1045, 1049, 1130]) t.ok(refusedByMysql(mysqlError(number, 'x')))
  const absent = Object.assign(new Error('connect ECONNREFUSED'), {
    code: 'ECONNREFUSED',
    errno: -111,
  })
  t.notOk(refusedByPostgres(absent))
  t.notOk(refusedByMysql(absent))
})

t.test('a schema that somebody has changed under the service is away, and is told', async t => {
  const message = /^the db: the schema is not the one that is used: /
  for (const error of [
    postgresError('42P01', 'relation "images" does not exist'),
    postgresError('42703', 'column "os_hidden" does not exist'),
  ]) {
    t.match(ofPostgres(error, 'the db', false), { code: 'unavailable', message })
  }
  for (const error of [
    mysqlError(1146, "Table 'glance.images' doesn't exist"),
    mysqlError(1054, "Unknown column 'os_hidden' in 'field list'"),
  ]) {
    t.match(ofMysql(error, 'the db', false), { code: 'unavailable', message })
  }
})

t.test('a bug stays as it is', async t => {
  for (const bug of [postgresError('42601', 'syntax error'), new TypeError('x')]) {
    t.equal(ofPostgres(bug, 'the db', false), bug)
  }
  for (const bug of [mysqlError(1064, 'syntax error'), new TypeError('x')]) {
    t.equal(ofMysql(bug, 'the db', false), bug)
  }
})

t.test('connections', async t => {
  t.test('are used again, the last one first', async t => {
    const { pool, opened } = poolOf({})
    const [one, two] = [await pool.take(), await pool.take()]
    pool.give(one)
    pool.give(two)
    t.equal(await pool.take(), two)
    t.equal(await pool.take(), one)
    t.equal(opened.length, 2)
  })

  t.test('that ended or are too old are not', async t => {
    const { pool, opened } = poolOf({})
    const one = await pool.take()
    pool.give(one)
    one.ended = true
    const two = await pool.take()
    t.not(two, one)
    two.ended = true
    pool.give(two)
    t.not(await pool.take(), two)
    t.equal(opened.length, 3)
    const young = poolOf({ connectionRecycleMs: 0 })
    const first = await young.pool.take()
    young.pool.give(first)
    t.ok(first.ended, 'and are closed')
    t.not(await young.pool.take(), first)
  })

  t.test('besides those that stay open are closed when they are given back', async t => {
    const { pool } = poolOf({ maxPoolSize: 1, maxOverflow: 1 })
    const [one, two] = [await pool.take(), await pool.take()]
    pool.give(one)
    pool.give(two)
    t.strictSame([one.ended, two.ended], [false, true])
  })

  t.test('are waited for in turn while all are in use, and not for ever', async t => {
    const { pool } = poolOf({ maxPoolSize: 1, maxOverflow: 0, poolTimeoutMs: 20 })
    const one = await pool.take()
    const waiting = [pool.take(), pool.take()]
    pool.give(one)
    t.equal(await waiting[0], one)
    await t.rejects(Promise.all(waiting), {
      code: 'unavailable',
      message: 'all 1 connections to the db were in use for 20 ms',
    })
    pool.give(one)
    t.equal(await pool.take(), one)
  })

  t.test('may be without number', async t => {
    for (const options of [
      { maxPoolSize: 0, maxOverflow: 0 },
      { maxPoolSize: 1, maxOverflow: -1 },
    ]) {
      const { pool, opened } = poolOf(options)
      await Promise.all(Array.from({ length: 30 }, () => pool.take()))
      t.equal(opened.length, 30)
    }
  })

  t.test("that cannot be opened are in nobody else's way", async t => {
    let opens = 0
    const { pool } = poolOf({
      maxPoolSize: 1,
      maxOverflow: 0,
      open: async () => {
        opens += 1
        if (opens === 1) throw new Error('nobody there')
        return new Silent()
      },
    })
    const [one, two] = [pool.take(), pool.take()]
    await t.rejects(one, { message: 'nobody there' })
    t.type(await two, Silent)
  })

  t.test('are closed with the pool, those in use when they are given back', async t => {
    const { pool, opened } = poolOf({})
    const [one, two] = [await pool.take(), await pool.take()]
    pool.give(one)
    const closing = pool[Symbol.asyncDispose]()
    pool.give(two)
    await closing
    t.strictSame(
      opened.map(({ ended }) => ended),
      [true, true],
    )
    await t.rejects(pool.take(), TypeError)
  })
})

t.test('of a commit whose answer is lost', async t => {
  const committing = async (accessMode: 'read only' | 'read write') => {
    const driver = new ServerDriver(poolOf({ open: async () => new Lossy() }).pool, () => [])
    const connection = await driver.acquireConnection()
    await driver.beginTransaction(connection, { isolationLevel: 'repeatable read', accessMode })
    await driver.commitTransaction(connection)
  }
  t.test('it is not known whether it was done', async t => {
    const error = await committing('read write').catch((error: unknown) => error)
    t.match(error, { code: 'unavailable', message: /it is not known whether/ })
    t.notOk(error instanceof Undone)
  })
  t.test('nothing was to be done when it only read, which may be done again', async t => {
    t.ok((await committing('read only').catch((error: unknown) => error)) instanceof Undone)
  })
})

t.test('a server that never answers', async t => {
  const select = { ...CompiledQuery.raw('select 1'), query: { kind: 'SelectQueryNode' } as const }
  const open = async () => new Mute()

  t.test('is away for what reads, and its connection is given up', async t => {
    const driver = new ServerDriver(poolOf({ open }).pool, () => [], 10)
    const connection = await driver.acquireConnection()
    await t.rejects(connection.executeQuery(select), {
      name: 'GlanceError',
      code: 'unavailable',
      message: 'the database did not answer within 0.01 s',
    })
    t.ok(connection.session.ended)
    await driver.releaseConnection(connection)
    t.not((await driver.acquireConnection()).session, connection.session)
  })

  t.test('is away for what begins and what ends a transaction', async t => {
    for (const begin of ['begin', 'answered']) {
      const driver = new ServerDriver(poolOf({ open }).pool, () => [begin], 10)
      const connection = await driver.acquireConnection()
      const run = async () => {
        await driver.beginTransaction(connection, { isolationLevel: 'serializable' })
        await driver.commitTransaction(connection)
      }
      await t.rejects(run(), { code: 'unavailable' }, begin)
      await driver.rollbackTransaction(connection)
    }
  })

  t.test('keeps nobody from closing', async t => {
    const { pool } = poolOf({ open, graceMs: 10 })
    const session = await pool.take()
    const asked = session.query()
    await pool[Symbol.asyncDispose]()
    t.ok(session.ended)
    t.ok(asked)
  })
})

t.test('a database of a server', async t => {
  t.test('that somebody else took while its server was away is told of, once', async t => {
    const lock = new Lock()
    const reports: unknown[] = []
    const report = (error: unknown) => void reports.push(error)
    const held = await ServerHold.take(lock, { report, lookMs: 1 })
    t.equal(lock.keptFor, lock.opened[0])
    await lock.keptFor?.close()
    const other = await lock.open()
    lock.keptFor = other
    await lock.untilTried(lock.tries + 3)
    const message =
      /^the db is in use by another service \(connection 7\), which took it while this one had lost its connection: stop one of them/
    t.match(reports, [{ code: 'unavailable', message }])
    t.equal(reports.length, 1)
    await other.close()
    await lock.untilTried(lock.tries + 1)
    t.equal(lock.keptFor, lock.opened.at(-1), 'and is taken again when it is free')
    await held[Symbol.asyncDispose]()
    t.ok(
      lock.opened.every(({ ended }) => ended),
      'and no connection is left behind',
    )
  })

  t.test('that somebody else has is waited for as long as he may take to end', async t => {
    const lock = new Lock()
    const held = await ServerHold.take(lock)
    await t.rejects(ServerHold.take(lock, { patienceMs: 1 }), {
      code: 'unavailable',
      message:
        'the db is in use by another service (connection 7): stop that one first, or name another database',
    })
    const tried = lock.untilTried(lock.tries + 1)
    const waiting = ServerHold.take(lock)
    await tried
    await held[Symbol.asyncDispose]()
    const next = await waiting
    t.equal(lock.keptFor, lock.opened.at(-1))
    await next[Symbol.asyncDispose]()
    t.equal(lock.keptFor, undefined)
  })

  t.test('that is lost while it is asked for is unavailable', async t => {
    const lost = Object.assign(new Lock(), { open: async () => new Lossy() })
    await t.rejects(ServerHold.take(lost), { code: 'unavailable' })
  })
})

/** A connection to nobody. */
class Silent implements Session {
  ended = false
  async query() {
    return { rows: [], found: null }
  }
  async close() {
    this.ended = true
  }
}

/** A connection that is lost at its first statement. */
class Lossy extends Silent {
  override async query(): Promise<never> {
    throw new Lost('the connection to the db was lost')
  }
}

/** A connection to somebody who says nothing, unless he is asked for it. */
class Mute extends Silent {
  override async query(sql = '') {
    if (sql === 'answered') return await super.query()
    return await new Promise<never>(() => {})
  }
}

function poolOf(options: Partial<PoolOptions<Silent>>) {
  const opened: Silent[] = []
  const pool = new Pool<Silent>({
    name: 'the db',
    maxPoolSize: 5,
    maxOverflow: 5,
    poolTimeoutMs: 10_000,
    connectionRecycleMs: -1,
    open: async () => {
      const session = new Silent()
      opened.push(session)
      return session
    },
    ...options,
  })
  return { pool, opened }
}

/** A lock that a server keeps for one connection at a time, until that ends. */
class Lock implements Holdable {
  readonly name = 'the db'
  readonly prepare = []
  readonly take = 'take'
  readonly holder = 'who'
  readonly release = 'release'
  readonly opened: Keeper[] = []
  keptFor: Keeper | undefined
  tries = 0
  readonly #waiting = new Set<() => void>()

  readonly open = async () => {
    const keeper = new Keeper(this)
    this.opened.push(keeper)
    return keeper
  }

  /** Until it has been asked for so often. */
  async untilTried(times: number): Promise<void> {
    while (this.tries < times) await new Promise<void>(resolve => this.#waiting.add(resolve))
  }

  /** Whether it is this one's now. */
  try(keeper: Keeper): boolean {
    this.tries += 1
    for (const look of this.#waiting) look()
    this.#waiting.clear()
    this.keptFor ??= keeper
    return this.keptFor === keeper
  }
}

/** A connection by which a lock is taken. */
class Keeper implements Session {
  readonly #lock: Lock
  ended = false

  constructor(lock: Lock) {
    this.#lock = lock
  }

  async query(sql: string) {
    if (sql === 'release') this.#letGo()
    const row = sql === 'take' ? { taken: this.#lock.try(this) } : { holder: 7 }
    return { rows: [row], found: null }
  }

  async close() {
    this.ended = true
    this.#letGo()
  }

  #letGo(): void {
    if (this.#lock.keptFor === this) this.#lock.keptFor = undefined
  }
}
