import { oneOf } from './option-values.ts'

/** How it is learnt who asks. */
export const AUTHENTICATIONS = ['none', 'trusted_headers', 'keystone'] as const
export type Authentication = (typeof AUTHENTICATIONS)[number]

/** What comes first in Glance's pipelines of these names. Whether there is a cache, says `image_cache_dir`. */
export const FLAVORS: Readonly<Record<string, Authentication>> = {
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

export const AUTH_TYPES = ['password', 'v3password', 'v3applicationcredential'] as const
export const INTERFACES = ['public', 'internal', 'admin'] as const

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
