/** What the options of a connection's URL set. */
export interface ServerOptions {
  /** A unix socket in the place of host and port: its path, or for PostgreSQL the folder that it is in. */
  readonly socket: string | null
  readonly tls: TlsChoice
  /** How long the server may take to let us in. Milliseconds. */
  readonly connectTimeoutMs: number
  /** What we are called in the server's list of connections. */
  readonly applicationName: string
}

export interface TlsChoice {
  /** `preferred`: where the server can. */
  readonly use: 'never' | 'preferred' | 'required'
  /** What of the server's certificate has to be right: who signed it, and for which host. */
  readonly verify: 'nothing' | 'authority' | 'host'
  /** Files in PEM form; null for the authorities that Node trusts, and for no certificate of our own. */
  readonly ca: string | null
  readonly cert: string | null
  readonly key: string | null
}

/** Options with host and port, which a URL may have among them. */
type Parsed = ServerOptions & { readonly host?: string; readonly port?: number }
type Refuse = (message: string) => Error

const CONNECT_TIMEOUT_S = 10
const NAME = 'glance-replicator'
const NO_TLS: TlsChoice = { use: 'never', verify: 'nothing', ca: null, cert: null, key: null }

/** libpq's options, of those that mean something here. @throws what `refuse` makes of a message. */
export function postgresqlOptions(query: URLSearchParams, refuse: Refuse): Parsed {
  const options = readOptions(query, POSTGRESQL, 'PostgreSQL', refuse)
  const encoding = options.get('client_encoding') ?? 'utf8'
  if (!/^utf-?8$/i.test(encoding)) throw refuse(`client_encoding: expected utf8, not '${encoding}'`)
  const host = options.get('host') ?? ''
  const port = options.get('port')
  if (port !== undefined && !(/^\d+$/.test(port) && Number(port) <= 65_535)) {
    throw refuse(`port: there is no port '${port}'`)
  }
  const isSocket = host.startsWith('/')
  return {
    ...(host === '' || isSocket ? {} : { host }),
    ...(port === undefined ? {} : { port: Number(port) }),
    socket: isSocket ? host : null,
    tls: isSocket ? NO_TLS : postgresqlTls(options, refuse),
    connectTimeoutMs: secondsOf(options, 'connect_timeout', refuse),
    applicationName: options.get('application_name') ?? NAME,
  }
}

const POSTGRESQL = [
  'host',
  'port',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'connect_timeout',
  'application_name',
  'client_encoding',
]

function postgresqlTls(options: ReadonlyMap<string, string>, refuse: Refuse): TlsChoice {
  const mode = options.get('sslmode') ?? 'prefer'
  const ca = options.get('sslrootcert') ?? null
  const meant = SSL_MODES.get(mode)
  if (meant === undefined) {
    throw refuse(`sslmode: expected ${[...SSL_MODES.keys()].join(', ')}, not '${mode}'`)
  }
  const files = { ca, cert: options.get('sslcert') ?? null, key: options.get('sslkey') ?? null }
  // As libpq: who names an authority wants it to be checked.
  return mode === 'require' && ca !== null
    ? { use: 'required', verify: 'authority', ...files }
    : { ...meant, ...files }
}

const SSL_MODES: ReadonlyMap<string, Pick<TlsChoice, 'use' | 'verify'>> = new Map([
  ['disable', { use: 'never', verify: 'nothing' }],
  ['allow', { use: 'preferred', verify: 'nothing' }],
  ['prefer', { use: 'preferred', verify: 'nothing' }],
  ['require', { use: 'required', verify: 'nothing' }],
  ['verify-ca', { use: 'required', verify: 'authority' }],
  ['verify-full', { use: 'required', verify: 'host' }],
])

/** PyMySQL's options as SQLAlchemy has them, of those that mean something here. @throws as {@link postgresqlOptions}. */
export function mysqlOptions(query: URLSearchParams, refuse: Refuse): Parsed {
  const options = readOptions(query, MYSQL, 'MySQL', refuse)
  const charset = options.get('charset') ?? 'utf8mb4'
  // Whichever is asked for, text is sent and kept whole.
  if (!['utf8', 'utf8mb3', 'utf8mb4'].includes(charset)) {
    throw refuse(`charset: expected utf8mb4, not '${charset}'`)
  }
  return {
    socket: options.get('unix_socket') ?? null,
    tls: mysqlTls(options, refuse),
    connectTimeoutMs: secondsOf(options, 'connect_timeout', refuse),
    applicationName: options.get('program_name') ?? NAME,
  }
}

const MYSQL = [
  'charset',
  'use_unicode',
  'unix_socket',
  'ssl_ca',
  'ssl_cert',
  'ssl_key',
  'ssl_check_hostname',
  'connect_timeout',
  'program_name',
]

function mysqlTls(options: ReadonlyMap<string, string>, refuse: Refuse): TlsChoice {
  const check = options.get('ssl_check_hostname') ?? 'true'
  if (!/^(?:true|false)$/i.test(check)) {
    throw refuse(`ssl_check_hostname: expected true or false, not '${check}'`)
  }
  if (![...options.keys()].some(name => name.startsWith('ssl_'))) return NO_TLS
  const ca = options.get('ssl_ca') ?? null
  const name = /^true$/i.test(check) ? 'host' : 'authority'
  return {
    use: 'required',
    // As PyMySQL: without an authority any certificate will do.
    verify: ca === null ? 'nothing' : name,
    ca,
    cert: options.get('ssl_cert') ?? null,
    key: options.get('ssl_key') ?? null,
  }
}

function readOptions(
  query: URLSearchParams,
  known: readonly string[],
  engine: string,
  refuse: Refuse,
): ReadonlyMap<string, string> {
  const options = new Map<string, string>()
  for (const [name, value] of query) {
    if (!known.includes(name)) {
      throw refuse(`there is no option '${name}' for ${engine}: expected ${known.join(', ')}`)
    }
    if (options.has(name)) throw refuse(`${name}: it is there twice`)
    options.set(name, value)
  }
  return options
}

function secondsOf(options: ReadonlyMap<string, string>, name: string, refuse: Refuse): number {
  const value = options.get(name) ?? String(CONNECT_TIMEOUT_S)
  if (!/^\d{1,6}$/.test(value)) throw refuse(`${name}: expected seconds, not '${value}'`)
  return Number(value) * 1000 // As libpq and PyMySQL: 0 is for ever.
}
