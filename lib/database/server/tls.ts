import { readFile } from 'node:fs/promises'
import { GlanceError, messageOf } from '../../errors.ts'
import type { TlsChoice } from '../connection-options.ts'

/** As `node:tls` and both drivers take it. */
export interface Tls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly rejectUnauthorized: boolean
  readonly checkServerIdentity?: () => undefined
}

/** What Node is told about TLS with a server; null for none. @throws {GlanceError} `usage` for a file that is not there. */
export async function tlsOf({ use, verify, ca, cert, key }: TlsChoice): Promise<Tls | null> {
  if (use === 'never') return null
  return {
    ...(ca === null ? {} : { ca: await read(ca) }),
    ...(cert === null ? {} : { cert: await read(cert) }),
    ...(key === null ? {} : { key: await read(key) }),
    rejectUnauthorized: verify !== 'nothing',
    ...(verify === 'host' ? {} : { checkServerIdentity: () => undefined }),
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const message = `connection: ${path} cannot be read: ${messageOf(error)}`
    throw new GlanceError('usage', message, { cause: error })
  }
}
