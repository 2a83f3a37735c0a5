import { GlanceError, isGlanceError } from '../errors.ts'
import { DataConnections } from '../http/connections.ts'
import { readTls } from '../http/tls.ts'
import type { KeystoneCredentials, Method, Named, Scope } from '../keystone/cloud-credentials.ts'
import { ServiceUser } from '../keystone/service-user.ts'
import type { ServiceAccount } from '../keystone/trust.ts'
import { UnifiedLimits } from '../keystone/unified-limits.ts'
import { type Authenticate, ownedByUsers } from './auth/authenticate.ts'
import { keystoneAuthentication } from './auth/keystone.ts'
import { authenticateNobody } from './auth/none.ts'
import { trustedHeaders } from './auth/trusted-headers.ts'
import type { ServerConfig } from './config.ts'
import type { IdentitySettings } from './identity-settings.ts'
import { LIMIT_NAMES, type LimitName, type ProjectLimits } from './quota/project-limits.ts'

/** Settings, and the section that they stand in, for messages. */
type Section = IdentitySettings & { readonly section: string }

interface Surroundings {
  readonly report: (error: unknown) => void
  readonly now: () => Date
  /** Told of what is to be disposed of at the end. */
  readonly opened: (connections: Disposable) => void
}

/** How it is learnt who asks. Keystone is not asked before somebody does. @throws {GlanceError} `usage`. */
export async function openAuthentication(
  config: ServerConfig,
  surroundings: Surroundings,
): Promise<Authenticate> {
  const authenticate = await authenticationBy(config, surroundings)
  return config.ownerIsTenant ? authenticate : ownedByUsers(authenticate)
}

async function authenticationBy(
  config: ServerConfig,
  { report, now, opened }: Surroundings,
): Promise<Authenticate> {
  const { auth, keystone, allowAnonymousAccess: allowAnonymous } = config
  switch (auth) {
    case 'none':
      return authenticateNobody
    case 'trusted_headers':
      return trustedHeaders(allowAnonymous)
    case 'keystone': {
      const settings = { section: 'keystone_authtoken', ...keystone }
      const service = await serviceUser(settings, { now, opened })
      return keystoneAuthentication(service, {
        clientsGoTo:
          settings.wwwAuthenticateUri ?? required(settings, 'auth_url', settings.authUrl),
        cacheMs: Math.max(settings.tokenCacheTime ?? 300, 0) * 1000,
        serviceRoles: settings.serviceTokenRoles ?? ['service'],
        requireServiceRole: settings.serviceTokenRolesRequired ?? false,
        allowAnonymous,
        report,
        now,
      })
    }
  }
}

/** The limits that Keystone has for projects; null unless it is to be asked for them. @throws {GlanceError} `usage`. */
export async function openProjectLimits(
  { useKeystoneLimits, limits }: ServerConfig,
  { report, now, opened }: Surroundings,
): Promise<ProjectLimits | null> {
  if (!useKeystoneLimits) return null
  const settings = { section: 'oslo_limit', ...limits }
  const endpoint = required(settings, 'endpoint_id', settings.endpointId)
  const unified = new UnifiedLimits(await serviceUser(settings, { now, opened }), endpoint)
  return {
    find: async project => {
      const found = await unified.find(project, LIMIT_NAMES).catch((error: unknown) => {
        if (!isGlanceError(error)) throw error
        report(new GlanceError('unavailable', `limits cannot be looked up: ${error.message}`))
        const message = 'the limits of the project cannot be looked up now.'
        throw new GlanceError('unavailable', message, { cause: error })
      })
      const limits = LIMIT_NAMES.map(name => [name, found.get(name) ?? 0])
      return Object.fromEntries(limits) as Record<LimitName, number> // The names are all there are.
    },
  }
}

/** Opens the account that `[keystone_authtoken]` says; undefined where it says none. */
export function serviceAccount({
  keystone,
}: Pick<ServerConfig, 'keystone'>): (() => Promise<ServiceAccount>) | undefined {
  if (keystone?.authUrl === undefined) return undefined
  return async () => await accountOf({ section: 'keystone_authtoken', ...keystone })
}

async function serviceUser(
  settings: Section,
  { now, opened }: Pick<Surroundings, 'now' | 'opened'>,
): Promise<ServiceUser> {
  const { credentials, connections, timeoutMs } = await accountOf(settings)
  opened(connections)
  return new ServiceUser(credentials, {
    origin: `[${settings.section}]`,
    interface: settings.interface ?? 'internal',
    region: settings.regionName ?? null,
    connections,
    timeoutMs,
    now: () => now().getTime(),
  })
}

/** @throws {GlanceError} `usage`. */
async function accountOf(settings: Section): Promise<ServiceAccount> {
  const authUrl = new URL(required(settings, 'auth_url', settings.authUrl))
  const credentials = { type: 'keystone', authUrl, version: 3, ...credentialsOf(settings) } as const
  const connections = await connectionsOf(settings)
  return { credentials, connections, timeoutMs: (settings.timeout ?? 30) * 1000 }
}

function credentialsOf(settings: Section): Pick<KeystoneCredentials, 'methods' | 'scope'> {
  if (settings.authType === 'v3applicationcredential') {
    return { methods: [applicationCredential(settings)], scope: { type: 'given' } }
  }
  const user = userOf(settings)
  const password = required(settings, 'password', settings.password)
  return { methods: [{ type: 'password', user, password }], scope: scopeOf(settings) }
}

function applicationCredential(settings: Section): Method {
  const type = 'application_credential'
  const { applicationCredentialId: id, applicationCredentialName: name } = settings
  const named =
    id === undefined
      ? { name: required(settings, 'application_credential_id', name), user: userOf(settings) }
      : { name: null, user: null }
  const secret = settings.applicationCredentialSecret
  return {
    type,
    id: id ?? null,
    ...named,
    secret: required(settings, 'application_credential_secret', secret),
  }
}

function userOf(settings: Section): Named {
  const { userId: id, username, userDomainId, userDomainName } = settings
  if (id !== undefined) return { id }
  const name = required(settings, 'username', username)
  return { name, domain: domainOf(settings, 'user_domain_id', userDomainId, userDomainName) }
}

function scopeOf(settings: Section): Scope {
  const { systemScope, projectId: id, projectName: name, domainId, domainName } = settings
  if (systemScope !== undefined) return { type: 'system' }
  if (id !== undefined) return { type: 'project', project: { id } }
  if (name !== undefined) {
    const { projectDomainId, projectDomainName } = settings
    const domain = domainOf(settings, 'project_domain_id', projectDomainId, projectDomainName)
    return { type: 'project', project: { name, domain } }
  }
  if (domainId !== undefined) return { type: 'domain', domain: { id: domainId } }
  const domain = required(settings, 'project_name', domainName)
  return { type: 'domain', domain: { name: domain, domain: null } }
}

function domainOf(
  settings: Section,
  option: string,
  id: string | undefined,
  name: string | undefined,
): { readonly id: string } | { readonly name: string } {
  return name === undefined || id !== undefined ? { id: required(settings, option, id) } : { name }
}

function required(settings: Section, option: string, value: string | undefined): string {
  if (value !== undefined) return value
  throw new GlanceError('usage', `[${settings.section}] ${option} has to be set`)
}

async function connectionsOf(settings: Section): Promise<DataConnections> {
  const { section, cafile, certfile, keyfile, insecure } = settings
  const file = (option: string, path: string | undefined) =>
    path === undefined ? undefined : { path, by: `[${section}] ${option}` }
  const tls = await readTls({
    cacert: file('cafile', cafile),
    cert: file('certfile', certfile),
    key: file('keyfile', keyfile),
    insecure,
  })
  return new DataConnections({ tls })
}
