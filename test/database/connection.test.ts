import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { type Connection, nameOf, parseConnection } from '../../lib/database/connection.ts'
import { openDatabase } from '../../lib/database/open.ts'
import { isGlanceError } from '../../lib/errors.ts'
import { readConfig } from '../../lib/server/config.ts'
import { startServer } from '../../lib/server/start.ts'

const POSTGRESQL = {
  engine: 'postgresql',
  host: '127.0.0.1',
  port: 5432,
  user: null,
  password: null,
  database: 'glance',
  socket: null,
  tls: { use: 'preferred', verify: 'nothing', ca: null, cert: null, key: null },
  connectTimeoutMs: 10_000,
  applicationName: 'glance-replicator',
  options: null,
  ignored: [],
} as const satisfies Connection

const MYSQL = {
  ...POSTGRESQL,
  engine: 'mysql',
  port: 3306,
  tls: { ...POSTGRESQL.tls, use: 'never' },
} as const satisfies Connection

t.test('a connection is written as for SQLAlchemy', async t => {
  for (const [url, expected] of [
    ['sqlite://', { engine: 'sqlite', path: ':memory:' }],
    ['sqlite:///glance.sqlite', { engine: 'sqlite', path: 'glance.sqlite' }],
    ['sqlite+pysqlite:////var/lib/glance.sqlite', { path: '/var/lib/glance.sqlite' }],
    ['postgresql:///glance', POSTGRESQL],
    ['postgres:///glance', POSTGRESQL],
    ['postgresql+psycopg2://db.example/glance', { ...POSTGRESQL, host: 'db.example' }],
    ['postgresql://[fd00::1]:5433/glance', { ...POSTGRESQL, host: 'fd00::1', port: 5433 }],
    ['postgresql://me@db:5433/glance', { ...POSTGRESQL, host: 'db', port: 5433, user: 'me' }],
    [
      'postgresql://m%40e:p%40ss%3Aw%2Frd%20%25%3F%23%C3%BC@db/glance',
      { ...POSTGRESQL, host: 'db', user: 'm@e', password: 'p@ss:w/rd %?#ü' },
    ],
    ['postgresql://me:@db/glance', { ...POSTGRESQL, host: 'db', user: 'me', password: '' }],
    [
      'postgresql://me:a:b/c?d@db/glance',
      { ...POSTGRESQL, host: 'db', user: 'me', password: 'a:b/c?d' },
    ],
    [
      'postgresql:///glance?host=/run/postgresql&port=5433',
      { socket: '/run/postgresql', port: 5433, tls: { use: 'never' } },
    ],
    ['postgresql:///glance?host=db.example', { host: 'db.example', socket: null }],
    ['postgresql://db/glance?sslmode=disable', { tls: { use: 'never' } }],
    ['postgresql://db/glance?sslmode=require', { tls: { use: 'required', verify: 'nothing' } }],
    [
      'postgresql://db/glance?sslmode=require&sslrootcert=/ca.pem',
      { tls: { use: 'required', verify: 'authority', ca: '/ca.pem' } },
    ],
    [
      'postgresql://db/glance?sslmode=verify-full&sslcert=/c.pem&sslkey=/k.pem',
      { tls: { use: 'required', verify: 'host', ca: null, cert: '/c.pem', key: '/k.pem' } },
    ],
    [
      'postgresql://db/glance?connect_timeout=3&application_name=me&client_encoding=UTF8',
      { connectTimeoutMs: 3000, applicationName: 'me' },
    ],
    [
      'postgresql://db/glance?options=-c%20search_path%3Dours&plugin=dbcounter&keepalives_idle=5',
      { options: '-c search_path=ours', ignored: ['plugin', 'keepalives_idle'] },
    ],
    [
      'mysql://db/glance?plugin=dbcounter&charset=utf8&binary_prefix=true&plugin=other',
      { ...MYSQL, host: 'db', ignored: ['plugin', 'binary_prefix'] },
    ],
    [
      'mysql://db/glance?ssl_ca=/ca.pem&ssl_verify_cert=true&ssl_verify_identity=1',
      { tls: { use: 'required', verify: 'host', ca: '/ca.pem' } },
    ],
    ['mysql:///glance', MYSQL],
    ['mysql+pymysql://db/glance?charset=utf8', { ...MYSQL, host: 'db' }],
    ['mariadb+mysqldb://db/glance?use_unicode=1', { ...MYSQL, host: 'db' }],
    ['mysql://me:a%2Bb+c@db/glance', { ...MYSQL, host: 'db', user: 'me', password: 'a+b+c' }],
    ['mysql:///glance?unix_socket=/run/mysqld.sock', { ...MYSQL, socket: '/run/mysqld.sock' }],
    [
      'mysql://db/glance?ssl_ca=/ca.pem',
      { tls: { use: 'required', verify: 'host', ca: '/ca.pem' } },
    ],
    [
      'mysql://db/glance?ssl_ca=/ca.pem&ssl_check_hostname=false',
      { tls: { use: 'required', verify: 'authority' } },
    ],
    [
      'mysql://db/glance?ssl_cert=/c.pem&ssl_key=/k.pem',
      { tls: { use: 'required', verify: 'nothing', cert: '/c.pem', key: '/k.pem' } },
    ],
  ] as const) {
    t.match(parseConnection(url), expected, url)
  }
})

t.test(
  'one that is wrong is refused by what is wrong with it, never with its password',
  async t => {
    for (const [url, wrong] of [
      ['', 'expected sqlite:///relative/path'],
      ['glance.sqlite', 'expected sqlite:///relative/path'],
      ['sqlite:glance', 'expected sqlite:///relative/path'],
      ['sqlite://host/secret', 'sqlite:////absolute/path'],
      ['sqlite:///glance?mode=secret', 'sqlite:////absolute/path'],
      ['oracle://me:secret@db/glance', "no engine 'oracle'"],
      [
        'postgresql+odbc://me:secret@db/glance',
        "'postgresql+odbc': expected postgresql, alone or with psycopg2",
      ],
      [
        'mysql+psycopg2://me:secret@db/glance',
        "'mysql+psycopg2': expected mysql, alone or with pymysql",
      ],
      ['postgresql://me:secret@db', 'expected the name of a database at the end'],
      ['postgresql://me:secret@db/', 'expected the name of a database at the end'],
      ['postgresql://me:secret@secret@db/glance', 'percent-encoded'],
      ['postgresql://me:secret%@db/glance', 'the password is not percent-encoded as it should be'],
      ['postgresql://me%:secret@db/glance', 'the user is not percent-encoded as it should be'],
      ['postgresql://me:secret@db:x/glance', 'percent-encoded'],
      ['postgresql://me:secret@db:70000/glance', 'there is no port 70000'],
      ['postgresql://me:secret@db/glance?port=70000', "there is no port '70000'"],
      [
        'postgresql://me:secret@db/glance?charset=utf8',
        "no option 'charset' for PostgreSQL: expected host",
      ],
      ['postgresql://me:secret@db/glance?sslmode=maybe', 'sslmode: expected disable, allow'],
      ['postgresql://me:secret@db/glance?client_encoding=latin1', 'client_encoding: expected utf8'],
      [
        'postgresql://me:secret@db/glance?connect_timeout=soon',
        'connect_timeout: expected seconds',
      ],
      ['postgresql://me:secret@db/glance?port=1&port=2', 'port: it is there twice'],
      [
        'mysql://me:secret@db/glance?sslmode=require',
        "no option 'sslmode' for MySQL: expected charset",
      ],
      [
        'mysql://me:secret@db/glance?read_default_file=/etc/my.cnf',
        "the option 'read_default_file' is not supported, and would change which database it is",
      ],
      [
        'mysql://me:secret@db/glance?ssl_ca=/ca.pem&ssl_verify_cert=false',
        'ssl_verify_cert: expected true, with ssl_ca',
      ],
      ['mysql://me:secret@db/glance?ssl_verify_cert=true', 'without ssl_ca it is not checked'],
      ['postgresql://me:secret@db/glance?service=glance', "the option 'service' is not supported"],
      ['mysql://me:secret@db/glance?charset=latin1', "charset: expected utf8mb4, not 'latin1'"],
      ['mysql://me:secret@db/glance?ssl_check_hostname=no', 'ssl_check_hostname: expected true or'],
    ] as const) {
      t.throws(
        () => parseConnection(url),
        { code: 'usage', message: /^connection: (?!.*secret)/ },
        url,
      )
      t.throws(() => parseConnection(url), { message: wrong }, wrong)
    }
  },
)

t.test('a server is named without user and password', async t => {
  for (const [url, name] of [
    ['postgresql://me:secret@db:1/glance', 'the PostgreSQL database glance at db:1'],
    ['mysql://me:secret@[fd00::1]/glance', 'the MySQL database glance at [fd00::1]:3306'],
    ['mysql:///glance?unix_socket=/run/my.sock', 'the MySQL database glance at /run/my.sock'],
  ] as const) {
    const connection = parseConnection(url)
    t.equal(connection.engine === 'sqlite' ? '' : nameOf(connection), name)
  }
})

t.test('a file of certificates that cannot be read is named', async t => {
  for (const url of [
    'postgresql://me:secret@db/glance?sslmode=verify-ca&sslrootcert=/nowhere/ca.pem',
    'mysql://me:secret@db/glance?ssl_ca=/nowhere/ca.pem',
  ]) {
    const opening = openDatabase({ dataApi: null, connection: url })
    await t.rejects(opening, {
      code: 'usage',
      message: /\/nowhere\/ca\.pem cannot be read: ENOENT/,
    })
  }
})

t.test('options of a connection that are ignored are told', async t => {
  const notices: string[] = []
  const settings = { dataApi: null, connection: 'mysql://127.0.0.1:1/glance?plugin=dbcounter' }
  const notice = (message: string) => notices.push(message)
  await t.rejects(openDatabase({ ...settings, maxRetries: 0 }, { notice }))
  t.strictSame(notices, ['connection: plugin ignored: nothing here needs it'])
})

t.test('nobody answers: it is tried again so many times, then unavailable', async t => {
  for (const [url, name] of [
    ['postgresql://me:secret@127.0.0.1:1/glance', 'the PostgreSQL database glance at 127.0.0.1:1'],
    ['mysql://me:secret@127.0.0.1:1/glance', 'the MySQL database glance at 127.0.0.1:1'],
    ['mysql:///glance?unix_socket=/nowhere/s', 'the MySQL database glance at /nowhere/s'],
    ['postgresql:///glance?host=/nowhere', 'the PostgreSQL database glance at /nowhere'],
  ] as const) {
    const notices: string[] = []
    const settings = { dataApi: null, connection: url, maxRetries: 2, retryIntervalMs: 0 }
    const opening = openDatabase(settings, { notice: message => notices.push(message) })
    const error: unknown = await opening.catch((error: unknown) => error)
    t.ok(isGlanceError(error, 'unavailable'))
    t.match(error, { message: new RegExp(`^cannot connect to ${name}: .*E(CONNREFUSED|NOENT)`) })
    t.match(notices, [/tried again in 0 s, 2 more times$/, /tried again in 0 s, 1 more times$/])
    t.notMatch(notices.join(' '), /secret/)
  }
})

t.test('waiting for a server ends with the signal', async t => {
  const stop = new AbortController()
  const settings = { dataApi: 'mysql', connection: 'mysql://127.0.0.1:1/glance', maxRetries: -1 }
  const opening = openDatabase(settings, {
    signal: stop.signal,
    notice: () => stop.abort(new Error('enough')),
  })
  await t.rejects(opening, { name: 'AbortError' })
})

t.test('the driver is the one of the connection, or agrees with it', async t => {
  for (const [dataApi, connection, message] of [
    [
      'sqlite',
      'postgresql://db/glance',
      'data_api is sqlite, and the connection is one of postgresql',
    ],
    ['mysql', 'sqlite://', 'data_api is mysql, and the connection is one of sqlite'],
  ] as const) {
    await t.rejects(openDatabase({ dataApi, connection }), { code: 'usage', message })
  }
  await using database = await openDatabase({ dataApi: null, connection: 'sqlite://' })
  await database.migrate()
})

const SIMPLE = new URL('../../lib/database/simple/simple.js', import.meta.url).href

const DRIVERS = {
  'good.mjs': `
    import { SimpleDatabase } from '${SIMPLE}'
    export async function openDatabase(settings) {
      globalThis.driverSettings = settings
      return new SimpleDatabase()
    }`,
  'broken.mjs': 'this is no JavaScript',
  'without.mjs': 'export const openDatabases = 1',
  'text.mjs': `export const openDatabase = 'a text'`,
  'nothing.mjs': 'export async function openDatabase() {}',
  'half.mjs':
    'export const openDatabase = () => ({ images: {}, tasks: {}, members: {}, migrate() {} })',
  'needy.mjs': `import 'nowhere-to-be-found'\nexport const openDatabase = () => {}`,
  'never.mjs': 'export const openDatabase = () => new Promise(() => {})',
  'throws.mjs': `export function openDatabase() { throw new Error('no licence') }`,
  'rejects.mjs': `
    class GlanceError extends Error { name = 'GlanceError'; code = 'corrupt' }
    export async function openDatabase() { throw new GlanceError('all is lost') }`,
}

t.test(
  "somebody else's driver that never opens its database is waited for until a stop",
  async t => {
    const dataApi = join(t.testdir(DRIVERS), 'never.mjs')
    const stop = new AbortController()
    const opening = openDatabase({ dataApi, connection: '' }, { signal: stop.signal })
    const reason = new Error('stopped')
    stop.abort(reason)
    t.equal(await opening.catch((error: unknown) => error), reason)
    const patience = { poolTimeoutMs: 5, maxRetries: 3, retryIntervalMs: 5 }
    await t.rejects(
      openDatabase({ dataApi, connection: '', ...patience }),
      {
        code: 'unavailable',
        message: `data_api ${dataApi}: openDatabase has opened nothing within 0.02 s`,
      },
      'or for as long as a server would be tried',
    )
  },
)

t.test("somebody else's driver is a module", async t => {
  const folder = t.testdir(DRIVERS)
  const settings = { connection: 'anything://goes', maxPoolSize: 3 }
  for (const dataApi of [join(folder, 'good.mjs'), pathToFileURL(join(folder, 'good.mjs')).href]) {
    await using database = await openDatabase({ dataApi, ...settings })
    await database.migrate()
    t.strictSame(await database.images.usage(null), {
      storedBytes: 0,
      stagedBytes: 0,
      images: 0,
      uploading: 0,
    })
    const told = (globalThis as { driverSettings?: unknown }).driverSettings // By the module above.
    t.match(
      told,
      { ...settings, maxOverflow: 50, poolTimeoutMs: 30_000 },
      'which is told what is set',
    )
  }
  for (const [module, error] of [
    [join(folder, 'missing.mjs'), { code: 'usage', message: 'there is none of that name' }],
    [
      'sqlight',
      { code: 'usage', message: 'expected simple, sqlite, postgresql, mysql or a module' },
    ],
    [
      join(folder, 'needy.mjs'),
      { code: 'usage', message: /the module cannot be loaded: .*'nowhere-to-be-found'/ },
    ],
    [join(folder, 'broken.mjs'), { code: 'usage', message: 'cannot be loaded' }],
    [
      join(folder, 'without.mjs'),
      { code: 'usage', message: 'has to export a function openDatabase' },
    ],
    [join(folder, 'text.mjs'), { code: 'usage', message: 'has to export a function openDatabase' }],
    [join(folder, 'nothing.mjs'), { code: 'usage', message: 'has no images, members, tasks' }],
    [join(folder, 'half.mjs'), { code: 'usage', message: 'has no metadefs, transaction, Symbol' }],
    [join(folder, 'throws.mjs'), { code: 'unavailable', message: 'no licence' }],
    [join(folder, 'rejects.mjs'), { code: 'corrupt', message: 'all is lost' }],
  ] as const) {
    const opening = openDatabase({ dataApi: module, connection: '' })
    await t.rejects(opening, error, module)
    await t.rejects(openDatabase({ dataApi: module, connection: '' }), {
      message: `data_api ${module}: `,
    })
  }
})

t.test('what a configuration file says of the database', async t => {
  const folder = t.testdir(DRIVERS)
  const read = async (text: string) => {
    const file = join(t.testdir({ 'glance-api.conf': text }), 'glance-api.conf')
    return await readConfig(file)
  }
  t.strictSame(
    await read(`
[database]
connection = mysql+pymysql://glance:secret@db/glance
max_pool_size = 10
max_overflow = -1
pool_timeout = 5
connection_recycle_time = 600
max_retries = -1
retry_interval = 2
db_max_retries = 0
statement_timeout = 7
`),
    {
      connection: 'mysql+pymysql://glance:secret@db/glance',
      maxPoolSize: 10,
      maxOverflow: -1,
      poolTimeoutMs: 5000,
      connectionRecycleMs: 600_000,
      maxRetries: -1,
      retryIntervalMs: 2000,
      dbMaxRetries: 0,
      statementTimeoutMs: 7000,
    },
  )
  t.strictSame(
    await read('sql_connection = mysql://db/glance\n[database]\nbackend = sqlalchemy\n'),
    { connection: 'mysql://db/glance' },
    'as Folsom and oslo.db have written it',
  )
  for (const [value, dataApi] of [
    ['simple', 'simple'],
    ['glance.db.simple.api', 'simple'],
    ['glance.db.sqlalchemy.api', null],
    ['postgresql', 'postgresql'],
    ['/opt/driver.mjs', '/opt/driver.mjs'],
    ['glance-driver', 'glance-driver'],
  ] as const) {
    t.strictSame(await read(`data_api = ${value}`), { dataApi }, value)
  }
  for (const option of ['max_pool_size = -1', 'pool_timeout = 0', 'retry_interval = soon']) {
    await t.rejects(read(`[database]\n${option}`), {
      code: 'usage',
      message: /line 2: \[database\]/,
    })
  }
  for (const [config, message] of [
    ['data_api = postgresql', /^data_api is postgresql, so \[database\] connection has to say/],
    ['data_api = ./missing.mjs', /^data_api \/.*missing\.mjs: .*there is none of that name/],
    ['data_api = sqlight', /^data_api sqlight: expected simple, sqlite/],
    [
      '[database]\nconnection = oracle://me:secret@db/x',
      /^connection: there is no engine 'oracle'/,
    ],
  ] as const) {
    const settings = { ...(await read(config)), bindPort: 0, dataDir: join(folder, 'data') }
    await t.rejects(startServer(settings), { code: 'usage', message }, config)
  }
  const config = t.testdir({ ...DRIVERS, 'glance-api.conf': 'data_api = ./good.mjs' })
  const settings = await readConfig(join(config, 'glance-api.conf'))
  await using server = await startServer({
    ...settings,
    bindPort: 0,
    dataDir: join(config, 'data'),
  })
  t.equal((await fetch(`${server.url}/v2/images`)).status, 200, 'a driver beside the file')
})
