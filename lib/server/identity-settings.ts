import { resolve } from 'node:path'
import { boolean, integer, list, oneOf, text, url } from './option-values.ts'
import { type Setting, wrong } from './oslo-config.ts'

/** How it is learnt who asks. */
export const AUTHENTICATIONS = ['none', 'trusted_headers', 'keystone'] as const
export type Authentication = (typeof AUTHENTICATIONS)[number]

/** What comes first in Glance's pipelines of these names. Whether there is a cache, says `image_cache_dir`. */
const FLAVORS: Readonly<Record<string, Authentication>> = {
  caching: 'none',
  cachemanagement: 'none',
  keystone: 'keystone',
  'keystone+caching': 'keystone',
  'keystone+cachemanagement': 'keystone',
  'trusted-auth': 'trusted_headers',
  'trusted-auth+cachemanagement': 'trusted_headers',
}

/** What a `flavor` means. @throws {RangeError} when there is none of this name. */
export function authenticationOf(flavor: string): Authentication {
  if (flavor === '') return 'none'
  return FLAVORS[oneOf(flavor, Object.keys(FLAVORS))] ?? 'none'
}

const AUTH_TYPES = ['password', 'v3password', 'v3applicationcredential'] as const
const INTERFACES = ['public', 'internal', 'admin'] as const

/** How to ask a Keystone in a service's own name. What is not set is undefined. */
export interface IdentitySettings {
  readonly authType?: (typeof AUTH_TYPES)[number]
  readonly authUrl?: string
  readonly username?: string
  readonly userId?: string
  readonly password?: string
  readonly userDomainId?: string
  readonly userDomainName?: string
  readonly projectId?: string
  readonly projectName?: string
  readonly projectDomainId?: string
  readonly projectDomainName?: string
  readonly domainId?: string
  readonly domainName?: string
  readonly systemScope?: 'all'
  readonly applicationCredentialId?: string
  readonly applicationCredentialName?: string
  readonly applicationCredentialSecret?: string
  readonly interface?: (typeof INTERFACES)[number]
  readonly regionName?: string
  /** Files in PEM form. */
  readonly cafile?: string
  readonly certfile?: string
  readonly keyfile?: string
  /** Whether any certificate is believed. */
  readonly insecure?: boolean
  /** Seconds. */
  readonly timeout?: number
}

/** Of `[keystone_authtoken]`: how tokens are validated. */
export interface KeystoneSettings extends IdentitySettings {
  /** Where clients are told to get a token. */
  readonly wwwAuthenticateUri?: string
  /** Seconds; negative for not at all. */
  readonly tokenCacheTime?: number
  readonly serviceTokenRoles?: readonly string[]
  readonly serviceTokenRolesRequired?: boolean
}

/** Of `[oslo_limit]`: how limits of projects are looked up. */
export interface LimitSettings extends IdentitySettings {
  /** Of our image service in Keystone's catalog. */
  readonly endpointId?: string
}

const KEYSTONE = 'keystone_authtoken'
const LIMITS = 'oslo_limit'

/**
 * Takes what there is about Keystone out of `settings`; `rest` is all others. `notice` is told of options that count in
 * a Glance and not here, and of what is not safe. @throws {GlanceError} `usage`, naming file, line and option; never a password.
 */
export function readIdentitySettings(
  settings: readonly Setting[],
  notice: (message: string) => void,
): {
  readonly keystone: KeystoneSettings | null
  readonly limits: LimitSettings | null
  readonly rest: readonly Setting[]
} {
  const found = new Map<string, Record<string, unknown>>()
  const rest: Setting[] = []
  for (const setting of settings) {
    const { section, option, value, file, line } = setting
    const options = OPTIONS[section]
    if (options === undefined) {
      rest.push(setting)
      continue
    }
    const known = found.get(section) ?? {}
    found.set(section, known)
    const read = options[option]
    if (read !== undefined) {
      try {
        Object.assign(known, read(value))
        if (option === 'insecure' && known['insecure'] === true) {
          notice(`${file}, line ${line}: [${section}] insecure: anybody may pass for Keystone`)
        }
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        // Without the value, which may be a secret in the wrong place.
        throw wrong(file, line, `[${section}] ${option}: expected ${error.message}`)
      }
    } else if (IGNORED.test(option)) {
      notice(`${file}, line ${line}: [${section}] ${option} is ignored: nothing here needs it`)
    } else throw wrong(file, line, `[${section}] ${option}: there is no such option`)
  }
  // What the readers below set is what the types have.
  const keystone = (found.get(KEYSTONE) as KeystoneSettings | undefined) ?? null
  const limits = (found.get(LIMITS) as LimitSettings | undefined) ?? null
  return { keystone, limits, rest }
}

/** Tokens are remembered in this process, and asked for again by whoever asked. */
const IGNORED =
  /^(?:memcache.*|cache|http_request_max_retries|enforce_token_bind|include_service_catalog|auth_version|service_type|delay_auth_decision|split_loggers|collect_timing|service_name|valid_interfaces|.*_retries|.*_retry_delay|.*_version)$/

type Read = (value: string) => Partial<KeystoneSettings & LimitSettings>

const IDENTITY: Readonly<Record<string, Read>> = {
  auth_type: value => ({ authType: oneOf(value, AUTH_TYPES) }),
  auth_plugin: value => ({ authType: oneOf(value, AUTH_TYPES) }),
  auth_url: value => ({ authUrl: url(value) }),
  username: value => ({ username: text(value) }),
  'user-name': value => ({ username: text(value) }),
  user_id: value => ({ userId: text(value) }),
  password: value => ({ password: text(value) }),
  user_domain_id: value => ({ userDomainId: text(value) }),
  user_domain_name: value => ({ userDomainName: text(value) }),
  project_id: value => ({ projectId: text(value) }),
  tenant_id: value => ({ projectId: text(value) }),
  project_name: value => ({ projectName: text(value) }),
  tenant_name: value => ({ projectName: text(value) }),
  project_domain_id: value => ({ projectDomainId: text(value) }),
  project_domain_name: value => ({ projectDomainName: text(value) }),
  domain_id: value => ({ domainId: text(value) }),
  domain_name: value => ({ domainName: text(value) }),
  system_scope: value => ({ systemScope: oneOf(value, ['all']) }),
  application_credential_id: value => ({ applicationCredentialId: text(value) }),
  application_credential_name: value => ({ applicationCredentialName: text(value) }),
  application_credential_secret: value => ({ applicationCredentialSecret: text(value) }),
  interface: value => ({ interface: side(value) }),
  region_name: value => ({ regionName: text(value) }),
  cafile: value => ({ cafile: resolve(text(value)) }),
  certfile: value => ({ certfile: resolve(text(value)) }),
  keyfile: value => ({ keyfile: resolve(text(value)) }),
  insecure: value => ({ insecure: boolean(value) }),
}

const OPTIONS: Readonly<Record<string, Readonly<Record<string, Read>>>> = {
  [KEYSTONE]: {
    ...IDENTITY,
    www_authenticate_uri: value => ({ wwwAuthenticateUri: url(value) }),
    auth_uri: value => ({ wwwAuthenticateUri: url(value) }),
    token_cache_time: value => ({ tokenCacheTime: integer(value, -1, 2 ** 31) }),
    service_token_roles: value => ({ serviceTokenRoles: list(value) }),
    service_token_roles_required: value => ({ serviceTokenRolesRequired: boolean(value) }),
    http_connect_timeout: value => ({ timeout: integer(value, 1, 3600) }),
  },
  [LIMITS]: {
    ...IDENTITY,
    endpoint_id: value => ({ endpointId: text(value) }),
    timeout: value => ({ timeout: integer(value, 1, 3600) }),
  },
}

/** With or without the `URL` of the API v2. */
function side(value: string): (typeof INTERFACES)[number] {
  return oneOf(value.replace(/URL$/, ''), INTERFACES)
}
