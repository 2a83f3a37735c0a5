import type { TlsOptions } from 'node:tls'
import { GlanceError } from '../errors.ts'
import { readCertificates } from '../http/tls.ts'
import type { ServerConfig } from './config.ts'

type TlsFiles = Pick<ServerConfig, 'certFile' | 'keyFile' | 'caFile'>

/**
 * What the server is to speak TLS by; null for plain HTTP. With a `caFile` clients have to have a certificate by it.
 * @throws {GlanceError} `usage`, naming setting and file, for files that do not fit together or cannot be used.
 */
export async function readTls({ certFile, keyFile, caFile }: TlsFiles): Promise<TlsOptions | null> {
  if (certFile === null && keyFile === null && caFile === null) return null
  if (certFile === null || keyFile === null) {
    const missing = certFile === null ? 'cert_file' : 'key_file'
    throw new GlanceError(
      'usage',
      `for TLS cert_file and key_file both have to be set: ${missing} is not`,
    )
  }
  const { ca, cert, key } = await readCertificates({
    cert: { path: certFile, by: 'cert_file' },
    key: { path: keyFile, by: 'key_file' },
    ...(caFile !== null && { cacert: { path: caFile, by: 'ca_file' } }),
  })
  return {
    cert,
    key,
    minVersion: 'TLSv1.2',
    ...(ca !== undefined && { ca, requestCert: true, rejectUnauthorized: true }),
  }
}
