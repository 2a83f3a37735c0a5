import { GlanceError } from '../errors.ts'
import { type CloudConfig, misconfigured } from './cloud-config.ts'

/** Somebody or something that has a name in a domain, or an id everywhere. */
export type Named =
  | { readonly id: string }
  | {
      readonly name: string
      /** Null where nothing was said of it. */
      readonly domain: { readonly id: string } | { readonly name: string } | null
    }

/** One proof of who we are. */
export type Method =
  | { readonly type: 'password'; readonly user: Named; readonly password: string }
  | { readonly type: 'totp'; readonly user: Named; readonly passcode: string }
  | { readonly type: 'token'; readonly token: string }
  | {
      readonly type: 'application_credential'
      readonly id: string | null
      /** With the user whose it is, where there is no id. */
      readonly name: string | null
      readonly user: Named | null
      readonly secret: string
    }

/** What a token is to be good for. */
export type Scope =
  | { readonly type: 'project'; readonly project: Named }
  | { readonly type: 'domain'; readonly domain: Named }
  | { readonly type: 'system' }
  | { readonly type: 'trust'; readonly id: string }
  /** That of the application credential, or the project that is the user's by default. */
  | { readonly type: 'given' }

/** How to get tokens from a Keystone. */
export interface KeystoneCredentials {
  readonly type: 'keystone'
  readonly authUrl: URL
  /** Null where the service is to be asked. */
  readonly version: 2 | 3 | null
  readonly methods: readonly Method[]
  readonly scope: Scope
}

/** How to be let in. */
export type Credentials =
  | KeystoneCredentials
  /** A token that was given, null where none is needed, and the only service there is. */
  | { readonly type: 'fixed'; readonly token: string | null; readonly endpoint: string | null }

type TypeOf = 'password' | 'token' | 'applicationcredential' | 'totp' | 'multifactor'

/**
 * What a cloud says about how to be let in. @throws {GlanceError} `usage` for what is missing or contradicts itself,
 * and for a kind of credentials that there is no way to use here.
 */
export function credentialsOf(config: CloudConfig): Credentials {
  const { auth } = config
  const type = typeOf(config)
  if (type === 'none' || type === 'admin_token') {
    const token = type === 'none' ? null : required(config, 'token')
    return { type: 'fixed', token, endpoint: auth.get('endpoint') ?? auth.get('url') ?? null }
  }
  const [, given, kind] = /^(?:v(2|3))?(\w+)$/.exec(type) ?? []
  const version = given === undefined ? identityVersion(config) : given === '2' ? 2 : 3
  const authUrl = parseAuthUrl(config)
  const methods =
    kind === 'multifactor'
      ? required(config, 'auth_methods')
          .split(',')
          .map(name => methodOf(config, kindOf(name.trim())))
      : [methodOf(config, kindOf(kind ?? ''))]
  const isApplication = methods.some(method => method.type === 'application_credential')
  return {
    type: 'keystone',
    authUrl,
    version,
    methods,
    scope: isApplication ? { type: 'given' } : scopeOf(config),
  }
}

/** Each kind of credentials that can be used. */
const TYPES: ReadonlySet<string> = new Set([
  'none',
  'admin_token',
  'password',
  'v2password',
  'v3password',
  'token',
  'v2token',
  'v3token',
  'v3applicationcredential',
  'v3totp',
  'v3multifactor',
])

function typeOf(config: CloudConfig): string {
  const { auth, settings } = config
  const asked = settings.get('auth_type')
  if (asked === undefined) {
    if (auth.has('application_credential_id') || auth.has('application_credential_name')) {
      return 'v3applicationcredential'
    }
    const isToken = auth.has('token') && !auth.has('password')
    if (isToken && !auth.has('auth_url')) return 'admin_token'
    return isToken ? 'token' : 'password'
  }
  if (asked === 'None') return 'none'
  if (asked === 'token_endpoint') return 'admin_token'
  if (TYPES.has(asked)) return asked
  throw misconfigured(
    config,
    `${config.nameOf('auth_type')} '${asked}' is not one that is supported here (${[...TYPES].join(', ')}); ` +
      "give a token instead, as 'openstack token issue' gets it",
  )
}

function identityVersion(config: CloudConfig): 2 | 3 | null {
  const text = config.settings.get('identity_api_version')
  if (text === undefined) return null
  if (/^v?2(\.0)?$/.test(text)) return 2
  return /^v?3/.test(text) ? 3 : null
}

function kindOf(name: string): TypeOf {
  const kind = name.replace(/^v3/, '')
  if (kind === 'password' || kind === 'token' || kind === 'totp') return kind
  if (kind === 'applicationcredential') return kind
  throw new GlanceError('usage', `auth_methods: there is no method '${name}'`)
}

function methodOf(config: CloudConfig, kind: TypeOf): Method {
  const { auth } = config
  switch (kind) {
    case 'token':
      return { type: 'token', token: required(config, 'token') }
    case 'totp':
      return { type: 'totp', user: userOf(config), passcode: required(config, 'passcode') }
    case 'applicationcredential': {
      const id = auth.get('application_credential_id') ?? null
      const secret = required(config, 'application_credential_secret')
      if (id !== null) return { type: 'application_credential', id, name: null, user: null, secret }
      const name = required(config, 'application_credential_name')
      return { type: 'application_credential', id, name, user: userOf(config), secret }
    }
    case 'password':
    case 'multifactor':
      return { type: 'password', user: userOf(config), password: required(config, 'password') }
  }
}

function userOf(config: CloudConfig): Named {
  const id = config.auth.get('user_id')
  if (id !== undefined) return { id }
  return { name: required(config, 'username'), domain: domainOf(config, 'user') }
}

/** The domain of user or project; for both where it is said so. */
function domainOf({ auth }: CloudConfig, of: 'user' | 'project') {
  const id = auth.get(`${of}_domain_id`)
  const name = auth.get(`${of}_domain_name`)
  if (id !== undefined) return { id }
  if (name !== undefined) return { name }
  const always = auth.get('default_domain_id') ?? auth.get('default_domain')
  const alwaysName = auth.get('default_domain_name')
  if (always !== undefined) return { id: always }
  return alwaysName === undefined ? null : { name: alwaysName }
}

function scopeOf(config: CloudConfig): Scope {
  const { auth } = config
  const trust = auth.get('trust_id')
  const system = auth.get('system_scope')
  const [id, name] = [auth.get('project_id'), auth.get('project_name')]
  const [domainId, domainName] = [auth.get('domain_id'), auth.get('domain_name')]
  const said = [
    [trust, 'trust_id'],
    [system, 'system_scope'],
    [id ?? name, id === undefined ? 'project_name' : 'project_id'],
    [domainId ?? domainName, domainId === undefined ? 'domain_name' : 'domain_id'],
  ] as const
  const names = said.flatMap(([value, name]) => (value === undefined ? [] : [config.nameOf(name)]))
  if (names.length > 1) {
    throw misconfigured(config, `${names.join(' and ')}: a token is for one of them only`)
  }
  if (trust !== undefined) return { type: 'trust', id: trust }
  if (system !== undefined) {
    if (system === 'all') return { type: 'system' }
    throw misconfigured(config, `${config.nameOf('system_scope')}: the only one is 'all'`)
  }
  if (id !== undefined) return { type: 'project', project: { id } }
  if (name !== undefined) {
    return { type: 'project', project: { name, domain: domainOf(config, 'project') } }
  }
  if (domainId !== undefined) return { type: 'domain', domain: { id: domainId } }
  if (domainName !== undefined) {
    return { type: 'domain', domain: { name: domainName, domain: null } }
  }
  return { type: 'given' }
}

function parseAuthUrl(config: CloudConfig): URL {
  const text = required(config, 'auth_url')
  const name = config.nameOf('auth_url')
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw misconfigured(config, `${name} is no URL of http or https`)
  }
  if (url.username !== '' || url.password !== '') {
    throw misconfigured(config, `${name}: user and password have settings of their own`)
  }
  url.search = ''
  url.hash = ''
  url.pathname = url.pathname.replace(/\/+(auth\/tokens|tokens)?\/*$/, '')
  return url
}

function required(config: CloudConfig, name: string): string {
  const value = config.auth.get(name)
  if (value !== undefined) return value
  const advice = config.nameOf(name).startsWith('OS_') ? undefined : ADVICE[name]
  throw misconfigured(config, `${config.nameOf(name)} is not set${advice ?? ''}`)
}

const ADVICE: Readonly<Record<string, string>> = {
  password: '; OS_PASSWORD may give it, or OS_SOURCE_PASSWORD and OS_TARGET_PASSWORD',
  passcode: '; OS_PASSCODE may give it, or OS_SOURCE_PASSCODE and OS_TARGET_PASSCODE',
  auth_url: ': where is the identity service?',
}
