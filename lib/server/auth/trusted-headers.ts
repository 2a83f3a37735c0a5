import type { IncomingHttpHeaders } from 'node:http'
import type { Identity } from '../domain/context.ts'
import { ANONYMOUS, type Authenticate, onBehalfIn, Unauthenticated } from './authenticate.ts'

/**
 * Believes the headers that Keystone's auth_token middleware sets, or a test in its place. Only for a service that
 * nobody reaches but through a proxy that sets them. `allowAnonymous` lets everybody else look, but not touch.
 *
 * `X-Service-Roles` counts without `X-Service-Identity-Status`, as in Glance, which never looks at that one
 * (oslo.context's `from_environ`, glance/api/middleware/context.py): auth_token takes both away from what a client
 * sends, sets the roles only of a service token that it found valid, and lets nothing through with another.
 */
export function trustedHeaders(allowAnonymous: boolean): Authenticate {
  return async headers => {
    if (headers['x-identity-status'] === 'Confirmed') return identityOf(headers)
    if (allowAnonymous) return ANONYMOUS
    throw new Unauthenticated()
  }
}

function identityOf(headers: IncomingHttpHeaders): Identity {
  return {
    user: text(headers['x-user-id']) ?? text(headers['x-user']),
    project:
      text(headers['x-project-id']) ?? text(headers['x-tenant-id']) ?? text(headers['x-tenant']),
    roles: roles(headers['x-roles'] ?? headers['x-role']),
    serviceRoles: roles(headers['x-service-roles']),
    userDomain: text(headers['x-user-domain-id']),
    projectDomain: text(headers['x-project-domain-id']),
    domain: text(headers['x-domain-id']),
    systemScope: text(headers['openstack-system-scope']),
    onBehalf: onBehalfIn(headers),
    isAdmin: false, // That is for the policy to say.
    readOnly: false,
  }
}

/** As Glance, which compares those of callers in lower case, but those of services only as they are. */
function roles(header: string | string[] | undefined): readonly string[] {
  const names = text(header)?.split(',') ?? []
  return names.map(role => role.trim().toLowerCase()).filter(role => role !== '')
}

/** What is set to nothing is not set. */
function text(header: string | string[] | undefined): string | null {
  const value = Array.isArray(header) ? header.join(',') : header
  return value === undefined || value === '' ? null : value
}
