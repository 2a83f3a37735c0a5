import type { IncomingHttpHeaders } from 'node:http'
import type { Identity } from '../domain/context.ts'

/** Learns from the headers of a request who is asking. @throws {GlanceError} `unauthenticated`, `unavailable`. */
export type Authenticate = (headers: IncomingHttpHeaders) => Promise<Identity>
