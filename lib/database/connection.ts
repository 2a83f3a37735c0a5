import { GlanceError } from '../errors.ts'
import { mysqlOptions, postgresqlOptions, type ServerOptions } from './connection-options.ts'

/** Where a database is. */
export type Connection = SqliteConnection | ServerConnection

interface SqliteConnection {
  readonly engine: 'sqlite'
  /** A file, or {@link IN_MEMORY}. */
  readonly path: string
}

export interface ServerConnection extends ServerOptions {
  readonly engine: 'postgresql' | 'mysql'
  readonly host: string
  readonly port: number
  /** Null: as the engine's clients choose it. */
  readonly user: string | null
  readonly password: string | null
  readonly database: string
}

/** The path of a database that is gone when it is closed. */
export const IN_MEMORY = ':memory:'

const ENGINES = {
  sqlite: { drivers: ['pysqlite'] },
  postgresql: {
    drivers: ['psycopg2', 'psycopg2cffi', 'psycopg', 'asyncpg', 'pg8000'],
    port: 5432,
    options: postgresqlOptions,
  },
  mysql: {
    drivers: ['pymysql', 'mysqldb', 'mysqlconnector', 'aiomysql', 'asyncmy'],
    port: 3306,
    options: mysqlOptions,
  },
} as const

const NAMES: ReadonlyMap<string, Connection['engine']> = new Map([
  ['sqlite', 'sqlite'],
  ['postgresql', 'postgresql'],
  ['postgres', 'postgresql'],
  ['mysql', 'mysql'],
  ['mariadb', 'mysql'],
])

/**
 * Takes apart where a database is, as SQLAlchemy writes it: `sqlite:///relative/path`, `sqlite:////absolute/path` or
 * `sqlite://` for one in memory; `postgresql://user:password@host:port/database?option=value`, and likewise `mysql`, each
 * perhaps with the name of a Python driver (`mysql+pymysql://`), which makes no difference. User, password and options
 * are percent-decoded. @throws {GlanceError} `usage`, which never has the password.
 */
export function parseConnection(url: string): Connection {
  const [, dialect = '', driver, rest] =
    /^([a-z0-9]+)(?:\+([a-z0-9_]+))?:\/\/(.*)$/is.exec(url) ?? []
  if (rest === undefined) throw wrong(`expected ${FORMS}`)
  const engine = NAMES.get(dialect)
  if (engine === undefined) throw wrong(`there is no engine '${dialect}': expected ${FORMS}`)
  const { drivers } = ENGINES[engine]
  if (driver !== undefined && !drivers.some(known => known === driver)) {
    throw wrong(`'${dialect}+${driver}': expected ${dialect}, alone or with ${drivers.join(', ')}`)
  }
  return engine === 'sqlite' ? sqliteConnection(rest) : serverConnection(engine, rest)
}

const FORMS =
  'sqlite:///relative/path, sqlite:////absolute/path, postgresql://user:password@host/database or mysql://user:password@host/database'

function sqliteConnection(rest: string): SqliteConnection {
  const [, path = ''] = /^(?:\/([^?]*))?$/.exec(rest) ?? []
  if (path === '' && rest.length > 1) {
    throw wrong('expected sqlite:///relative/path or sqlite:////absolute/path')
  }
  return { engine: 'sqlite', path: path === '' ? IN_MEMORY : path }
}

/** As SQLAlchemy: what comes before an `@` has none itself, and neither user nor host has a slash. */
const SERVER =
  /^(?:(?<user>[^:/@?]*)(?::(?<password>[^@]*))?@)?(?:\[(?<v6>[^\]/?]*)\]|(?<host>[^:/@?[]*))(?::(?<port>\d*))?(?:\/(?<database>[^?@]*))?(?:\?(?<query>.*))?$/s

function serverConnection(engine: ServerConnection['engine'], rest: string): ServerConnection {
  const { groups } = SERVER.exec(rest) ?? {}
  if (groups === undefined) {
    throw wrong(
      `expected ${engine}://user:password@host:port/database, with each @, :, / and ? in user and password percent-encoded`,
    )
  }
  const { user, password, v6, host, port, database, query } = groups
  if (database === undefined || database === '') {
    throw wrong(`expected the name of a database at the end, as in ${engine}://host/glance`)
  }
  const { options, port: usual } = ENGINES[engine]
  const { host: place, port: number, ...given } = options(new URLSearchParams(query), wrong)
  return {
    engine,
    host: (place ?? v6 ?? host) || '127.0.0.1',
    port: number ?? portOf(port) ?? usual,
    user: user === undefined || user === '' ? null : decoded(user, 'user'),
    password: password === undefined ? null : decoded(password, 'password'),
    database,
    ...given,
  }
}

function portOf(port: string | undefined): number | null {
  if (port === undefined || port === '') return null
  if (Number(port) > 65_535) throw wrong(`there is no port ${port}`)
  return Number(port)
}

function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrong(`the ${what} is not percent-encoded as it should be: a % of its own is written %25`)
  }
}

/** What a server is called in messages. */
export function nameOf({ engine, socket, host, port, database }: ServerConnection): string {
  const at = socket ?? `${host.includes(':') ? `[${host}]` : host}:${port}`
  return `the ${engine === 'mysql' ? 'MySQL' : 'PostgreSQL'} database ${database} at ${at}`
}

function wrong(message: string): GlanceError {
  return new GlanceError('usage', `connection: ${message}`)
}
