import { GlanceError } from '../errors.ts'
import type { KeystoneCredentials, Method, Named, Scope } from './cloud-credentials.ts'

/** The domain of those of whom no domain was said, as the openstack client has it. */
const DEFAULT_DOMAIN = { id: 'default' }

/** The body of `POST /v3/auth/tokens`. */
export function v3Request({ methods, scope }: KeystoneCredentials): object {
  const identity = Object.assign(
    { methods: methods.map(({ type }) => type) },
    ...methods.map(method => ({ [method.type]: v3Method(method) })),
  ) as object // Each part has a name of its own.
  const wanted = v3Scope(scope)
  return { auth: { identity, ...(wanted === undefined ? {} : { scope: wanted }) } }
}

/** The body of `POST /v2.0/tokens`. @throws {GlanceError} `usage` for what v2.0 has no words for. */
export function v2Request({ methods, scope }: KeystoneCredentials): object {
  const [method] = methods
  if (scope.type === 'system' || scope.type === 'domain') {
    throw wordless(`a token for ${scope.type === 'system' ? 'the system' : 'a domain'}`)
  }
  const tenant =
    scope.type === 'project'
      ? 'id' in scope.project
        ? { tenantId: scope.project.id }
        : { tenantName: nameWithoutDomain(scope.project) }
      : scope.type === 'trust'
        ? { trust_id: scope.id }
        : {}
  if (method?.type === 'token') return { auth: { ...tenant, token: { id: method.token } } }
  if (method?.type !== 'password' || methods.length > 1) {
    throw wordless('anything but a password or a token')
  }
  const { user, password } = method
  const who = 'id' in user ? { userId: user.id } : { username: nameWithoutDomain(user) }
  return { auth: { ...tenant, passwordCredentials: { ...who, password } } }
}

function v3Method(method: Method): object {
  switch (method.type) {
    case 'password':
      return { user: { ...v3Named(method.user), password: method.password } }
    case 'totp':
      return { user: { ...v3Named(method.user), passcode: method.passcode } }
    case 'token':
      return { id: method.token }
    case 'application_credential': {
      const { id, name, user, secret } = method
      return id === null
        ? { name, secret, ...(user === null ? {} : { user: v3Named(user) }) }
        : { id, secret }
    }
  }
}

function v3Scope(scope: Scope): object | undefined {
  switch (scope.type) {
    case 'project':
      return { project: v3Named(scope.project) }
    case 'domain':
      return { domain: 'id' in scope.domain ? scope.domain : { name: scope.domain.name } }
    case 'system':
      return { system: { all: true } }
    case 'trust':
      return { 'OS-TRUST:trust': { id: scope.id } }
    case 'given':
      return undefined
  }
}

function v3Named(named: Named): object {
  if ('id' in named) return { id: named.id }
  return { name: named.name, domain: named.domain ?? DEFAULT_DOMAIN }
}

/** Without its domain, which v2.0 does not know: that of before there were domains is left unsaid. */
function nameWithoutDomain({ name, domain }: Extract<Named, { name: string }>): string {
  const said = domain === null ? 'default' : Object.values(domain).join('')
  if (said.toLowerCase() === 'default') return name
  throw wordless(`the domain '${said}'`)
}

function wordless(what: string): GlanceError {
  return new GlanceError('usage', `the Identity API v2.0 has no words for ${what}: v3 is needed`)
}
