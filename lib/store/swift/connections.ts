import { DataConnections } from '../../http/connections.ts'
import { readTls } from '../../http/tls.ts'
import type { SwiftSettings } from './settings.ts'

/** Milliseconds in which neither Swift nor its identity service gives a sign of life. */
export const TIMEOUT_MS = 60_000

/** To Swift and its identity service. @throws {GlanceError} `usage` for a file of authorities that is none. */
export async function openConnections({
  cacert,
  insecure,
}: Pick<SwiftSettings, 'cacert' | 'insecure'>): Promise<DataConnections> {
  const file = cacert === null ? undefined : { path: cacert, by: 'swift_store_cacert' }
  return new DataConnections({ tls: await readTls({ insecure, cacert: file }) })
}
