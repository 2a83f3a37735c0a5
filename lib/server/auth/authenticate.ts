import type { IncomingHttpHeaders } from 'node:http'
import { GlanceError } from '../../errors.ts'
import type { Identity, OnBehalf } from '../domain/context.ts'

/** Learns from the headers of a request who is asking. @throws {GlanceError} `unauthenticated`, `unavailable`. */
export type Authenticate = (headers: IncomingHttpHeaders) => Promise<Identity>

/** A caller without an identity. */
export class Unauthenticated extends GlanceError {
  /** For the header `WWW-Authenticate`: how to get one. */
  readonly challenge: string | undefined

  constructor(challenge?: string) {
    super(
      'unauthenticated',
      'this server could not verify that you are authorized to access the document you requested.',
    )
    this.challenge = challenge
  }
}

/** Somebody of whom nothing is known, and who may look but not touch. */
export const ANONYMOUS: Identity = {
  user: null,
  project: null,
  roles: [],
  serviceRoles: [],
  userDomain: null,
  projectDomain: null,
  domain: null,
  systemScope: null,
  onBehalf: { token: null, catalog: null },
  isAdmin: false,
  readOnly: true,
}

/** As the headers have it, for a service that believes them. A catalog that is no JSON is as none. */
export function onBehalfIn(headers: IncomingHttpHeaders): OnBehalf {
  const token = headers['x-auth-token']
  const catalog = headers['x-service-catalog']
  return {
    token: typeof token === 'string' ? token : null,
    catalog: typeof catalog === 'string' ? parsed(catalog) : null,
  }
}

/** `owner_is_tenant = false`: images belong to users rather than to projects, and rules compare owners. */
export function ownedByUsers(authenticate: Authenticate): Authenticate {
  return async headers => {
    const identity = await authenticate(headers)
    return { ...identity, project: identity.user }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
