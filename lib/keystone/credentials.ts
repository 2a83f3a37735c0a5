/** A thing of Keystone's, such as a project, that is known by its id, or by its name within a domain. */
export type Named = { readonly id: string } | { readonly name: string; readonly domain: Domain }

export type Domain = { readonly id: string } | { readonly name: string }

/** What a token is to be for. */
export type Scope =
  | { readonly project: Named }
  | { readonly domain: Domain }
  | { readonly system: { readonly all: true } }

/** How a service proves who it is. */
export type ServiceCredentials =
  | {
      readonly type: 'password'
      readonly user: Named
      readonly password: string
      readonly scope: Scope
    }
  | {
      /** Has its project in it. By name it takes its user as well. */
      readonly type: 'application_credential'
      readonly credential: { readonly id: string } | { readonly name: string; readonly user: Named }
      readonly secret: string
    }

/** The body of a request for a token (Identity API v3). */
export function authDocument(credentials: ServiceCredentials): object {
  if (credentials.type === 'password') {
    const { user, password, scope } = credentials
    const identity = { methods: ['password'], password: { user: { ...user, password } } }
    return { auth: { identity, scope } }
  }
  const { credential, secret } = credentials
  return {
    auth: {
      identity: {
        methods: ['application_credential'],
        application_credential: { ...credential, secret },
      },
    },
  }
}
