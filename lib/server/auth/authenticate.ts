import type { IncomingHttpHeaders } from 'node:http'
import type { Identity } from '../domain/context.ts'

/** Learns from the headers of a request who is asking. @throws {GlanceError} `unauthenticated`, `unavailable`. */
export type Authenticate = (headers: IncomingHttpHeaders) => Promise<Identity>

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
  isAdmin: false,
  readOnly: true,
}
