type Fields = Readonly<Record<string, unknown>>
type Headers = Readonly<Record<string, string>>

/** Somebody, and the project that they act for. */
export interface Person {
  readonly name: string
  readonly password: string
  readonly project: string
  readonly roles: readonly string[]
}

/** A secret that somebody may use in place of the password. */
export interface ApplicationCredential {
  readonly id: string
  readonly name: string
  readonly secret: string
}

/** A Keystone as somebody asks it: what they may do there depends on who they are. */
export class KeystoneSession {
  /** Of its API v3. */
  readonly url: string
  readonly #person: Person
  #login: Login

  private constructor(url: string, person: Person, login: Login) {
    this.url = url
    this.#person = person
    this.#login = login
  }

  static async open(url: string, person: Person): Promise<KeystoneSession> {
    return new KeystoneSession(url, person, await logIn(url, person))
  }

  /** For the project that they act for; perhaps expired. */
  get token(): string {
    return this.#login.token
  }

  get userId(): string {
    return this.#login.userId
  }

  get projectId(): string {
    return this.#login.projectId
  }

  /** The answer's document, empty when there is none. @throws when it is a refusal. */
  async call(method: string, path: string, body?: unknown, headers: Headers = {}): Promise<Fields> {
    const ask = async () =>
      await fetch(`${this.url}/${path}`, {
        method,
        headers: { 'content-type': 'application/json', 'x-auth-token': this.token, ...headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
    let response = await ask()
    if (response.status === 401) {
      await response.text()
      this.#login = await logIn(this.url, this.#person)
      response = await ask()
    }
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    const document: unknown = text === '' ? {} : JSON.parse(text)
    return isRecord(document) ? document : {}
  }

  async createRegion(id: string): Promise<void> {
    await this.#ensure('regions', { id }, {})
  }

  /** Makes user, project and roles where they are missing. */
  async giveRoles(
    name: string,
    password: string,
    project: string,
    roles: readonly string[],
  ): Promise<void> {
    const user = await this.#ensure('users', { name, domain_id: 'default' }, { password })
    const tenant = await this.#ensure('projects', { name: project, domain_id: 'default' }, {})
    for (const name of roles) {
      const role = await this.#ensure('roles', { name }, {})
      await this.call('PUT', `projects/${tenant}/users/${user}/roles/${role}`)
    }
  }

  /** Gives somebody a role on the whole system. */
  async giveSystemRole(user: string, role: string): Promise<void> {
    const userId = await this.#ensure('users', { name: user, domain_id: 'default' }, {})
    const roleId = await this.#ensure('roles', { name: role }, {})
    await this.call('PUT', `system/users/${userId}/roles/${roleId}`)
  }

  /** Takes the token of somebody out of use. */
  async revoke(token: string): Promise<void> {
    await this.call('DELETE', 'auth/tokens', undefined, { 'x-subject-token': token })
  }

  /** Says where a service is, for all interfaces, in place of where it was. */
  async registerEndpoint(type: string, region: string, url: string): Promise<void> {
    const service = await this.#ensure('services', { type }, { name: type })
    for (const side of ['public', 'internal', 'admin']) {
      const wanted = { service_id: service, interface: side, region_id: region }
      const found = await this.#find('endpoints', wanted)
      if (found === undefined) {
        await this.call('POST', 'endpoints', { endpoint: { ...wanted, url } })
      } else {
        await this.call('PATCH', `endpoints/${found}`, { endpoint: { url } })
      }
    }
  }

  /** Where endpoints of a service in a region are known by. */
  async endpointId(type: string, region: string): Promise<string> {
    const service = await this.#find('services', { type })
    const wanted = { service_id: service ?? '', interface: 'public', region_id: region }
    const id = await this.#find('endpoints', wanted)
    if (id === undefined) throw new Error(`there is no ${type} in ${region}`)
    return id
  }

  /** Limits what every project may have of `resource_name`, in a region or everywhere. */
  async limit(resource: string, most: number, region: string): Promise<void> {
    const service_id = await this.#find('services', { type: 'image' })
    const limit = { service_id, region_id: region, resource_name: resource, default_limit: most }
    await this.call('POST', 'registered_limits', { registered_limits: [limit] })
  }

  /** Makes one for whoever logged in, with all of their roles. */
  async createApplicationCredential(
    name: string,
    more: Fields = {},
  ): Promise<ApplicationCredential> {
    const path = `users/${this.userId}/application_credentials`
    const wanted = { application_credential: { name, ...more } }
    const made = within(await this.call('POST', path, wanted), 'application_credential')
    return { id: String(made['id']), name, secret: String(made['secret']) }
  }

  /** The id of the thing with these fields, which is made with `more` if it is not there. */
  async #ensure(
    collection: string,
    wanted: Readonly<Record<string, string>>,
    more: Fields,
  ): Promise<string> {
    const found = await this.#find(collection, wanted)
    if (found !== undefined) return found
    const one = collection.replace(/s$/, '')
    const made = await this.call('POST', collection, { [one]: { ...wanted, ...more } })
    return String(within(made, one)['id'])
  }

  async #find(
    collection: string,
    wanted: Readonly<Record<string, string>>,
  ): Promise<string | undefined> {
    const all = (await this.call('GET', collection))[collection]
    const isWanted = (thing: Fields) =>
      Object.entries(wanted).every(([key, is]) => thing[key] === is)
    const found = Array.isArray(all) ? all.filter(isRecord).find(isWanted) : undefined
    return found === undefined ? undefined : String(found['id'])
  }
}

interface Login {
  readonly token: string
  readonly userId: string
  readonly projectId: string
}

/** A token by an application credential. */
export async function tokenBy(url: string, { id, secret }: ApplicationCredential): Promise<string> {
  const methods = ['application_credential']
  const identity = { methods, application_credential: { id, secret } }
  return (await askForToken(url, { auth: { identity } })).token
}

async function logIn(url: string, { name, password, project }: Person): Promise<Login> {
  const domain = { id: 'default' }
  const identity = { methods: ['password'], password: { user: { name, password, domain } } }
  return await askForToken(url, {
    auth: { identity, scope: { project: { name: project, domain } } },
  })
}

async function askForToken(url: string, body: unknown): Promise<Login> {
  const response = await fetch(`${url}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (response.status !== 201) throw new Error(`Keystone gives no token: ${text}`)
  const token = within(JSON.parse(text), 'token')
  return {
    token: response.headers.get('x-subject-token') ?? '',
    userId: String(within(token, 'user')['id']),
    projectId: String(within(token, 'project')['id']),
  }
}

function within(document: unknown, name: string): Fields {
  const value = isRecord(document) ? document[name] : undefined
  if (!isRecord(value)) throw new TypeError(`there is no ${name} in the answer`)
  return value
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}
