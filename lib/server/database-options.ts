import { resolve } from 'node:path'
import type { ServerSettings } from '../database/settings.ts'
import { boolean, integer, oneOf, text } from './option-values.ts'

/** What is set about the database. */
export interface DatabaseConfig extends Partial<ServerSettings> {
  /** `simple`, `sqlite`, `postgresql`, `mysql` or a module with somebody else's driver; null for what the connection says. */
  readonly dataApi: string | null
  /** Null for `glance.sqlite` in the data folder. */
  readonly connection: string | null
  /** Whether the tables are made, or brought up to date, when the service starts. */
  readonly dbAutoCreate: boolean
}

/** What an option sets by its value, in a file in `folder`. */
type DatabaseOption = (value: string, folder: string) => Partial<DatabaseConfig>

/** Glance's options about the database, which are oslo.db's but for the first and the last. */
export const DATABASE_OPTIONS: Readonly<Record<string, DatabaseOption>> = {
  data_api: (value, folder) => ({ dataApi: dataApi(text(value), folder) }),
  db_auto_create: value => ({ dbAutoCreate: boolean(value) }),
  // Folsom's name of it.
  sql_connection: value => ({ connection: text(value) }),
  // oslo.db has had one only.
  'database.backend': value => {
    oneOf(value, ['sqlalchemy'])
    return {}
  },
  'database.connection': value => ({ connection: text(value) }),
  'database.max_pool_size': value => ({ maxPoolSize: integer(value, 0, MOST) }),
  'database.max_overflow': value => ({ maxOverflow: integer(value, -1, MOST) }),
  'database.pool_timeout': value => ({ poolTimeoutMs: integer(value, 1, LONGEST_S) * 1000 }),
  'database.connection_recycle_time': value => ({
    connectionRecycleMs: integer(value, -1, LONGEST_S) * 1000,
  }),
  'database.max_retries': value => ({ maxRetries: integer(value, -1, MOST) }),
  'database.retry_interval': value => ({ retryIntervalMs: integer(value, 0, LONGEST_S) * 1000 }),
  'database.db_max_retries': value => ({ dbMaxRetries: integer(value, 0, MOST) }),
  'database.statement_timeout': value => ({
    statementTimeoutMs: integer(value, 0, LONGEST_S) * 1000,
  }),
}

const MOST = 2 ** 31 - 1
/** Longer than timers run. */
const LONGEST_S = 2 ** 21

/** Glance names Python modules, of which the connection says which engine it is. */
function dataApi(value: string, folder: string): string | null {
  if (value === 'glance.db.simple.api') return 'simple'
  if (value === 'glance.db.sqlalchemy.api') return null
  return /^\.\.?\//.test(value) ? resolve(folder, value) : value
}
