import { readFile } from 'node:fs/promises'
import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import type { ClientTls } from '../http/client.ts'
import type { Domain, Named, Scope, ServiceCredentials } from '../keystone/credentials.ts'
import { ServiceUser } from '../keystone/service-user.ts'
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
  { report, now }: Surroundings,
): Promise<Authenticate> {
  const { auth, keystone, allowAnonymousAccess: allowAnonymous } = config
  switch (auth) {
    case 'none':
      return authenticateNobody
    case 'trusted_headers':
      return trustedHeaders(allowAnonymous)
    case 'keystone': {
      const settings = { section: 'keystone_authtoken', ...keystone }
      const service = await serviceUser(settings, now)
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
  { report, now }: Surroundings,
): Promise<ProjectLimits | null> {
  if (!useKeystoneLimits) return null
  const settings = { section: 'oslo_limit', ...limits }
  const endpoint = required(settings, 'endpoint_id', settings.endpointId)
  const unified = new UnifiedLimits(await serviceUser(settings, now), endpoint)
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

async function serviceUser(settings: Section, now: () => Date): Promise<ServiceUser> {
  return new ServiceUser({
    authUrl: new URL(required(settings, 'auth_url', settings.authUrl)),
    credentials: credentialsOf(settings),
    interface: settings.interface ?? 'internal',
    region: settings.regionName ?? null,
    timeoutMs: (settings.timeout ?? 30) * 1000,
    tls: await tlsOf(settings),
    now,
  })
}

function credentialsOf(settings: Section): ServiceCredentials {
  const { authType = 'password', applicationCredentialId: id } = settings
  if (authType === 'v3applicationcredential') {
    const name = settings.applicationCredentialName
    const secret = settings.applicationCredentialSecret
    return {
      type: 'application_credential',
      credential:
        id === undefined
          ? { name: required(settings, 'application_credential_id', name), user: userOf(settings) }
          : { id },
      secret: required(settings, 'application_credential_secret', secret),
    }
  }
  return {
    type: 'password',
    user: userOf(settings),
    password: required(settings, 'password', settings.password),
    scope: scopeOf(settings),
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
  if (systemScope !== undefined) return { system: { all: true } }
  if (id !== undefined) return { project: { id } }
  if (name !== undefined) {
    const { projectDomainId, projectDomainName } = settings
    const domain = domainOf(settings, 'project_domain_id', projectDomainId, projectDomainName)
    return { project: { name, domain } }
  }
  if (domainId !== undefined) return { domain: { id: domainId } }
  return { domain: { name: required(settings, 'project_name', domainName) } }
}

function domainOf(
  settings: Section,
  option: string,
  id: string | undefined,
  name: string | undefined,
): Domain {
  return name === undefined || id !== undefined ? { id: required(settings, option, id) } : { name }
}

function required(settings: Section, option: string, value: string | undefined): string {
  if (value !== undefined) return value
  throw new GlanceError('usage', `[${settings.section}] ${option} has to be set`)
}

async function tlsOf(settings: Section): Promise<ClientTls> {
  const { cafile, certfile, keyfile, insecure = false } = settings
  const read = async (option: string, path: string | undefined) => {
    if (path === undefined) return undefined
    return await readFile(path, 'utf8').catch((cause: unknown) => {
      const message = `[${settings.section}] ${option}: ${messageOf(cause)}`
      throw new GlanceError('usage', message, { cause })
    })
  }
  const [ca, cert, key] = [
    await read('cafile', cafile),
    await read('certfile', certfile),
    await read('keyfile', keyfile),
  ]
  // As elsewhere: the key may be in the same file.
  return { ca, cert, key: key ?? cert, insecure }
}
