/** Everybody that the Keystone of the tests knows. */
export const DEMO = {
  name: 'demo',
  id: 'id-of-demo',
  password: 'pässword-of-demo',
  passcode: '012345',
}
/** The user by which a service asks about tokens. */
export const SERVICE_USER = {
  name: 'glance',
  id: 'id-of-glance',
  password: 'pw-of-the-service',
  domain: 'default',
}
export const CREDENTIAL = {
  id: 'id-of-credential',
  name: 'nightly',
  secret: 'secret-of-credential',
}

/** What a token is for; by default of a member of a project, for an hour. */
export interface IssuedToken {
  readonly user?: string
  /** Null for none. */
  readonly project?: string | null
  readonly domain?: string
  readonly isForSystem?: boolean
  readonly roles?: readonly string[]
  readonly expiresAt?: Date
  readonly catalog?: unknown
}

export function versionAt(here: string, version: 2 | 3) {
  const [id, path] = version === 3 ? ['v3.14', 'v3'] : ['v2.0', 'v2.0']
  const links = [{ rel: 'self', href: `${here}/${path}/` }]
  return { id, status: version === 3 ? 'stable' : 'deprecated', links }
}

/** What a document has at a path; undefined when it has nothing there. */
export function valueAt(document: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, name) =>
      typeof value === 'object' && value !== null
        ? (value as Record<string, unknown>)[name]
        : undefined,
    document,
  )
}

/** Whether they prove by this property that they are somebody whom we know. */
function isSomebody(user: unknown, property: 'password' | 'passcode'): boolean {
  const domain = valueAt(user, 'domain', 'id') ?? valueAt(user, 'domain', 'name')
  const isDefault = domain === 'default' || domain === 'Default'
  return [DEMO, SERVICE_USER].some(
    known =>
      (valueAt(user, 'id') === known.id || (isDefault && valueAt(user, 'name') === known.name)) &&
      valueAt(known, property) !== undefined &&
      valueAt(user, property) === valueAt(known, property),
  )
}

export function believesV3(auth: unknown, valid: ReadonlyMap<string, number>): boolean {
  const methods = valueAt(auth, 'identity', 'methods') as string[] // Ours send nothing else.
  return methods.every(method => {
    const proof = valueAt(auth, 'identity', method)
    switch (method) {
      case 'password':
        return isSomebody(valueAt(proof, 'user'), 'password')
      case 'totp':
        return isSomebody(valueAt(proof, 'user'), 'passcode')
      case 'token':
        return valid.has(String(valueAt(proof, 'id')))
      case 'application_credential':
        return (
          (valueAt(proof, 'id') === CREDENTIAL.id ||
            (valueAt(proof, 'name') === CREDENTIAL.name &&
              valueAt(proof, 'user', 'name') === DEMO.name)) &&
          valueAt(proof, 'secret') === CREDENTIAL.secret
        )
      default:
        return false
    }
  })
}

export function believesV2(auth: unknown): boolean {
  const proof = valueAt(auth, 'passwordCredentials')
  return valueAt(proof, 'username') === DEMO.name && valueAt(proof, 'password') === DEMO.password
}

interface TokenOptions {
  /** The image services by region. */
  readonly regions: Readonly<Record<string, string>>
  /** Further services of the catalogue. */
  readonly others: readonly unknown[]
  readonly issuedAt: Date
  readonly expiresAt: Date
}

/** What is told of a token that was asked for. */
export function v3Token(auth: unknown, { regions, others, issuedAt, expiresAt }: TokenOptions) {
  const scope = valueAt(auth, 'scope')
  const isApplication = valueAt(auth, 'identity', 'application_credential') !== undefined
  const isScoped = scope !== undefined || isApplication
  const name = valueAt(auth, 'identity', 'password', 'user', 'name')
  const isService = name === SERVICE_USER.name
  const endpoints = Object.entries(regions).flatMap(([region, url]) => [
    { region, region_id: region, interface: 'public', url },
    { region, region_id: region, interface: 'internal', url: `${url}/v2/` },
  ])
  const catalog = [
    { type: 'identity', name: 'keystone', endpoints: [] },
    { type: 'image', name: 'glance', endpoints },
    ...others,
  ]
  return {
    token: {
      issued_at: written(issuedAt),
      expires_at: written(expiresAt),
      user: { id: isService ? SERVICE_USER.id : DEMO.id },
      ...(isScoped && { project: { id: 'p1', name: 'demo' }, catalog }),
    },
  }
}

/** As Keystone writes times. */
function written(time: Date): string {
  return time.toISOString().replace('Z', '000Z')
}

export function v2Token(id: string, { regions, others, issuedAt, expiresAt }: TokenOptions) {
  const endpoints = Object.entries(regions).map(([region, publicURL]) => ({ region, publicURL }))
  const services = others.map(service => ({
    type: valueAt(service, 'type'),
    name: valueAt(service, 'name'),
    endpoints: (valueAt(service, 'endpoints') as readonly unknown[]).map(endpoint => ({
      region: valueAt(endpoint, 'region'),
      [`${String(valueAt(endpoint, 'interface'))}URL`]: valueAt(endpoint, 'url'),
    })), // Tests give them in the form of v3.
  }))
  return {
    access: {
      token: {
        id,
        // As Keystone of old writes them: issued without a zone.
        issued_at: written(issuedAt).replace('Z', ''),
        expires: written(expiresAt).replace(/\.\d+Z/, 'Z'),
        tenant: { id: 'p1', name: 'demo' },
      },
      serviceCatalog: [{ type: 'image', name: 'glance', endpoints }, ...services],
    },
  }
}

/** What is told of a token to who asks whose it is. */
export function issuedDocument(
  {
    user = 'u-1',
    project = 'p-1',
    domain,
    isForSystem,
    roles = ['member', 'reader'],
    catalog = [],
  }: IssuedToken,
  issuedAt: Date,
  expiresAt: Date,
) {
  return {
    token: {
      methods: ['password'],
      user: { id: user, name: user, domain: { id: 'default', name: 'Default' } },
      ...(project !== null && {
        project: { id: project, name: project, domain: { id: 'default' } },
      }),
      ...(domain !== undefined && { domain: { id: domain, name: domain } }),
      ...(isForSystem === true && { system: { all: true } }),
      roles: roles.map(name => ({ id: `id of ${name}`, name })),
      expires_at: expiresAt.toISOString(),
      issued_at: issuedAt.toISOString(),
      catalog,
    },
  }
}
