import type { IncomingHttpHeaders } from 'node:http'
import { GlanceError } from '../../errors.ts'
import type { Identity } from '../domain/context.ts'
import type { Authenticate } from './authenticate.ts'

const ANONYMOUS: Identity = { user: null, project: null, roles: [], isAdmin: false, readOnly: true }

/**
 * Believes the headers that Keystone's auth_token middleware sets, or a test in its place. Only for a service that
 * nobody reaches but through a proxy that sets them. `allowAnonymous` lets everybody else look, but not touch.
 */
export function trustedHeaders(allowAnonymous: boolean): Authenticate {
  return async headers => {
    if (headers['x-identity-status'] === 'Confirmed') return identityOf(headers)
    if (allowAnonymous) return ANONYMOUS
    throw new GlanceError(
      'unauthenticated',
      'this server could not verify that you are authorized to access the document you requested.',
    )
  }
}

function identityOf(headers: IncomingHttpHeaders): Identity {
  const roles = text(headers['x-roles'])?.split(',') ?? []
  // As Glance: roles are compared in lower case.
  const lowerCased = roles.map(role => role.trim().toLowerCase()).filter(role => role !== '')
  return {
    user: text(headers['x-user-id']),
    project: text(headers['x-project-id']) ?? text(headers['x-tenant-id']),
    roles: lowerCased,
    isAdmin: lowerCased.includes('admin'),
    readOnly: false,
  }
}

/** What is set to nothing is not set. */
function text(header: string | string[] | undefined): string | null {
  const value = Array.isArray(header) ? header.join(',') : header
  return value === undefined || value === '' ? null : value
}
