import { GlanceError, unreachable } from '../errors.ts'
import type { Database } from './database.ts'

export const DATA_APIS = ['simple', 'sqlite'] as const
export type DataApi = (typeof DATA_APIS)[number]

export interface DatabaseSettings {
  readonly dataApi: DataApi
  /**
   * Where the database is, as SQLAlchemy writes it: `sqlite:///relative/path`, `sqlite:////absolute/path`, or
   * `sqlite://` for one in memory. The `simple` driver needs none.
   */
  readonly connection: string
}

/** Opens the database, which is not yet migrated. @throws {GlanceError} `usage`, `unavailable`, `corrupt`. */
export async function openDatabase({ dataApi, connection }: DatabaseSettings): Promise<Database> {
  switch (dataApi) {
    case 'simple': {
      const { SimpleDatabase } = await import('./simple/simple.ts')
      return new SimpleDatabase()
    }
    case 'sqlite': {
      const path = sqlitePath(connection)
      const { openSqlite } = await import('./sqlite.ts')
      return openSqlite(path)
    }
    default:
      return unreachable(dataApi)
  }
}

/** The path of a database that is gone when it is closed. */
export const IN_MEMORY = ':memory:'

/** The file of a database, or {@link IN_MEMORY}. @throws {GlanceError} `usage`. */
export function sqlitePath(connection: string): string {
  const [, path] = /^sqlite:\/\/(?:\/([^?]*))?$/.exec(connection) ?? []
  if (path !== undefined) return path === '' ? IN_MEMORY : path
  if (connection === 'sqlite://') return IN_MEMORY
  // Another engine's URL may hold a password, so it is not repeated.
  throw new GlanceError(
    'usage',
    'connection: expected sqlite:///relative/path or sqlite:////absolute/path',
  )
}
