import type { Identity } from '../domain/context.ts'

const ANYBODY: Identity = { user: null, project: null, roles: [], isAdmin: true, readOnly: false }

/** Glance's pipeline without authentication: everybody is an administrator without a project. */
export async function authenticateNobody(): Promise<Identity> {
  return ANYBODY
}
