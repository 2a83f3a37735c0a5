import { resolve } from 'node:path'
import type { DatabaseConfig } from '../database-config.ts'
import { boolean, integer, text } from '../option-values.ts'
import type { Option } from './option.ts'

const MOST = 2 ** 31 - 1
/** Longer than timers run. */
const LONGEST_S = 2 ** 21

/** Glance's options about the database, which are oslo.db's but for the first two and the last. */
export const DATABASE_OPTIONS: readonly Option<DatabaseConfig>[] = [
  {
    section: 'DEFAULT',
    name: 'data_api',
    type: 'text',
    default: null,
    doc: 'Which driver keeps the rows: simple, sqlite, postgresql, mysql, or a module. Without it that is what the connection says.',
    set: (value, folder) => ({ dataApi: dataApi(text(value), folder) }),
  },
  {
    section: 'DEFAULT',
    name: 'db_auto_create',
    type: 'boolean',
    default: 'true',
    doc: 'Whether the tables are made, or brought up to date, when the service starts.',
    set: value => ({ dbAutoCreate: boolean(value) }),
  },
  {
    section: 'database',
    name: 'connection',
    also: ['sql_connection', 'DEFAULT.sql_connection', 'sql.connection'],
    type: 'URL',
    isSecret: true,
    default: null,
    doc: 'Where the database is, as SQLAlchemy writes it. Without it that is glance.sqlite in the data directory.',
    set: value => ({ connection: text(value) }),
  },
  {
    section: 'database',
    name: 'max_pool_size',
    type: 'whole number',
    default: '5',
    unit: 'connections',
    doc: 'How many to a server stay open; 0 is any number.',
    set: value => ({ maxPoolSize: integer(value, 0, MOST) }),
  },
  {
    section: 'database',
    name: 'max_overflow',
    also: ['sqlalchemy_max_overflow', 'DEFAULT.sql_max_overflow'],
    type: 'whole number',
    default: '50',
    unit: 'connections',
    doc: 'How many there may be besides; -1 is any number.',
    set: value => ({ maxOverflow: integer(value, -1, MOST) }),
  },
  {
    section: 'database',
    name: 'pool_timeout',
    also: ['sqlalchemy_pool_timeout'],
    type: 'whole number',
    default: '30',
    unit: 'seconds',
    doc: 'How long something waits for one.',
    set: value => ({ poolTimeoutMs: integer(value, 1, LONGEST_S) * 1000 }),
  },
  {
    section: 'database',
    name: 'connection_recycle_time',
    also: ['idle_timeout', 'sql_idle_timeout', 'DEFAULT.sql_idle_timeout', 'sql.idle_timeout'],
    type: 'whole number',
    default: '3600',
    unit: 'seconds',
    doc: 'The age from which on one is not used again; -1 is any.',
    set: value => ({ connectionRecycleMs: integer(value, -1, LONGEST_S) * 1000 }),
  },
  {
    section: 'database',
    name: 'max_retries',
    also: ['sql_max_retries', 'DEFAULT.sql_max_retries'],
    type: 'whole number',
    default: '10',
    unit: 'times',
    doc: 'How often a server is tried again that does not answer when the service starts; -1 is for ever.',
    set: value => ({ maxRetries: integer(value, -1, MOST) }),
  },
  {
    section: 'database',
    name: 'retry_interval',
    also: ['reconnect_interval', 'DEFAULT.sql_retry_interval'],
    type: 'whole number',
    default: '10',
    unit: 'seconds',
    doc: 'How long is waited before each of them.',
    set: value => ({ retryIntervalMs: integer(value, 0, LONGEST_S) * 1000 }),
  },
  {
    section: 'database',
    name: 'db_max_retries',
    type: 'whole number',
    default: '20',
    unit: 'times',
    doc: 'How often something is tried again that got in the way of something else or lost its connection.',
    set: value => ({ dbMaxRetries: integer(value, 0, MOST) }),
  },
  {
    section: 'database',
    name: 'statement_timeout',
    type: 'whole number',
    default: '60',
    unit: 'seconds',
    doc: 'How long a server may take to answer one statement; 0 is for ever.',
    set: value => ({ statementTimeoutMs: integer(value, 0, LONGEST_S) * 1000 }),
  },
]

/** Glance names Python modules, of which the connection says which engine it is. */
function dataApi(value: string, folder: string): string | null {
  if (value === 'glance.db.simple.api') return 'simple'
  if (value === 'glance.db.sqlalchemy.api') return null
  return /^\.\.?\//.test(value) ? resolve(folder, value) : value
}
