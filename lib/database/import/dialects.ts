import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  type Dialect,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { GlanceError } from '../../errors.ts'
import { IN_MEMORY, nameOf, parseConnection, type ServerConnection } from '../connection.ts'
import { ServerDriver } from '../server/driver.ts'
import { Pool } from '../server/pool.ts'
import type { Session } from '../server/session.ts'
import { SqliteDriver } from '../sqlite-driver.ts'

/** Milliseconds to wait for whoever is writing to a SQLite file. */
const TIMEOUT_MS = 10_000

/** How a database is read, and what it is called in messages. */
export interface Reading {
  readonly name: string
  readonly dialect: Dialect
}

/** What reads the database that a SQLAlchemy URL names. @throws {GlanceError} `usage`, never with the URL. */
export async function readingOf(url: string): Promise<Reading> {
  const connection = parseConnection(url)
  if (connection.engine === 'sqlite') return await sqlite(connection.path)
  return connection.engine === 'mysql' ? await mysql(connection) : await postgresql(connection)
}

/** Reads a file, and leaves it and its journal mode as they are. @throws {GlanceError} `usage` when it is not there. */
async function sqlite(path: string): Promise<Reading> {
  if (path === IN_MEMORY || !existsSync(path)) {
    throw new GlanceError('usage', `there is no SQLite database ${path}`)
  }
  const { default: Libsql } = await import('libsql')
  const file = `${pathToFileURL(resolve(path)).href}?mode=ro`
  const options = { open: () => new Libsql(file), timeoutMs: TIMEOUT_MS, pragmas: [] }
  return {
    name: `the SQLite database ${path}`,
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new SqliteDriver(options),
      createIntrospector: db => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  }
}

/** Of whatever age: nothing is asked of the server but to be read. */
async function mysql(connection: ServerConnection): Promise<Reading> {
  const { MysqlSession } = await import('../mysql-session.ts')
  const name = nameOf(connection)
  const begin = () => [
    'set transaction isolation level repeatable read',
    'start transaction with consistent snapshot, read only',
  ]
  const pool = poolOf(name, () => MysqlSession.open(connection, name))
  return {
    name,
    dialect: {
      createAdapter: () => new MysqlAdapter(),
      createDriver: () => new ServerDriver(pool, begin),
      createIntrospector: db => new MysqlIntrospector(db),
      createQueryCompiler: () => new MysqlQueryCompiler(),
    },
  }
}

async function postgresql(connection: ServerConnection): Promise<Reading> {
  const { PostgresSession } = await import('../postgres-session.ts')
  const name = nameOf(connection)
  // Times are read as text, whose form is a setting of the server, the database and the user.
  const begin = () => [
    'begin isolation level repeatable read read only',
    "set local datestyle = 'ISO, YMD'",
  ]
  const pool = poolOf(name, () => PostgresSession.open(connection, name))
  return {
    name,
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new ServerDriver(pool, begin),
      createIntrospector: db => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  }
}

/** One connection, for as long as it takes. */
function poolOf<S extends Session>(name: string, open: () => Promise<S>): Pool<S> {
  const bounds = { maxPoolSize: 1, maxOverflow: 0, poolTimeoutMs: TIMEOUT_MS }
  return new Pool({ ...bounds, connectionRecycleMs: -1, name, open })
}
