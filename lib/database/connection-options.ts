/** What the options of a connection's URL set. */
export interface ServerOptions {
  /** A unix socket in the place of host and port: its path, or for PostgreSQL the folder that it is in. */
  readonly socket: string | null
  readonly tls: TlsChoice
  /** How long the server may take to let us in. Milliseconds. */
  readonly connectTimeoutMs: number
  /** What we are called in the server's list of connections. */
  readonly applicationName: string
  /** PostgreSQL's: settings of a connection as on the command line of its server; null for none. */
  readonly options: string | null
  /** Names of options that mean nothing here, and change neither which database it is nor how safely it is reached. */
  readonly ignored: readonly string[]
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
  const { options, ignored } = readOptions(query, POSTGRESQL, refuse)
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
    options: options.get('options') ?? null,
    ignored,
  }
}

/** What is known of the options of an engine. */
interface Known {
  readonly engine: string
  /** What is heeded. */
  readonly heeded: readonly string[]
  /** Of clients in Python only, or about matters that are ours. */
  readonly ignored: readonly string[]
  /** What would change which database it is, who we are, or how safely it is reached. */
  readonly refused: readonly string[]
}

/** Of SQLAlchemy: plugins of its own. */
const OF_SQLALCHEMY = ['plugin']

const POSTGRESQL: Known = {
  engine: 'PostgreSQL',
  heeded: [
    'host',
    'port',
    'sslmode',
    'sslrootcert',
    'sslcert',
    'sslkey',
    'connect_timeout',
    'application_name',
    'client_encoding',
    'options',
  ],
  ignored: [
    ...OF_SQLALCHEMY,
    'fallback_application_name',
    'keepalives',
    'keepalives_idle',
    'keepalives_interval',
    'keepalives_count',
    'tcp_user_timeout',
    'sslcompression',
    'sslsni',
  ],
  refused: [
    'hostaddr',
    'dbname',
    'user',
    'password',
    'passfile',
    'service',
    'servicefile',
    'target_session_attrs',
    'load_balance_hosts',
    'requiressl',
    'require_auth',
    'channel_binding',
    'gssencmode',
    'krbsrvname',
    'sslcertmode',
    'sslcrl',
    'sslcrldir',
    'sslnegotiation',
    'sslpassword',
    'ssl_min_protocol_version',
    'ssl_max_protocol_version',
  ],
}

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
  const { options, ignored } = readOptions(query, MYSQL, refuse)
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
    options: null,
    ignored,
  }
}

const MYSQL: Known = {
  engine: 'MySQL',
  heeded: [
    'charset',
    'use_unicode',
    'unix_socket',
    'ssl_ca',
    'ssl_cert',
    'ssl_key',
    'ssl_check_hostname',
    'ssl_verify_cert',
    'ssl_verify_identity',
    'connect_timeout',
    'program_name',
  ],
  ignored: [
    ...OF_SQLALCHEMY,
    'autocommit',
    'binary_prefix',
    'collation',
    'compress',
    'local_infile',
    'max_allowed_packet',
    'raise_on_warnings',
    'read_timeout',
    'sql_mode',
    'use_pure',
    'write_timeout',
  ],
  refused: [
    'auth_plugin',
    'bind_address',
    'client_flag',
    'db',
    'host',
    'init_command',
    'passwd',
    'password',
    'port',
    'read_default_file',
    'read_default_group',
    'server_public_key',
    'ssl',
    'ssl_capath',
    'ssl_cipher',
    'ssl_disabled',
    'ssl_key_password',
    'ssl_mode',
    'user',
  ],
}

function mysqlTls(options: ReadonlyMap<string, string>, refuse: Refuse): TlsChoice {
  const check = options.get('ssl_check_hostname') ?? 'true'
  if (!/^(?:true|false)$/i.test(check)) {
    throw refuse(`ssl_check_hostname: expected true or false, not '${check}'`)
  }
  if (![...options.keys()].some(name => name.startsWith('ssl_'))) return NO_TLS
  const ca = options.get('ssl_ca') ?? null
  for (const option of ['ssl_verify_cert', 'ssl_verify_identity']) {
    const value = options.get(option) ?? 'true'
    if (/^(?:true|1)$/i.test(value) && (ca !== null || !options.has(option))) continue
    throw refuse(
      `${option}: expected true, with ssl_ca for the file of the authority that signed the certificate of the server; ` +
        `without ssl_ca it is not checked`,
    )
  }
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
  { engine, heeded, ignored, refused }: Known,
  refuse: Refuse,
): { readonly options: ReadonlyMap<string, string>; readonly ignored: readonly string[] } {
  const options = new Map<string, string>()
  const passedOver = new Set<string>()
  for (const [name, value] of query) {
    if (refused.includes(name)) {
      throw refuse(
        `the option '${name}' is not supported, and would change which database it is or how safely it is reached: ` +
          `expected ${heeded.join(', ')}`,
      )
    }
    if (ignored.includes(name)) {
      passedOver.add(name)
      continue
    }
    if (!heeded.includes(name)) {
      throw refuse(`there is no option '${name}' for ${engine}: expected ${heeded.join(', ')}`)
    }
    if (options.has(name)) throw refuse(`${name}: it is there twice`)
    options.set(name, value)
  }
  return { options, ignored: [...passedOver] }
}

function secondsOf(options: ReadonlyMap<string, string>, name: string, refuse: Refuse): number {
  const value = options.get(name) ?? String(CONNECT_TIMEOUT_S)
  if (!/^\d{1,6}$/.test(value)) throw refuse(`${name}: expected seconds, not '${value}'`)
  return Number(value) * 1000 // As libpq and PyMySQL: 0 is for ever.
}
