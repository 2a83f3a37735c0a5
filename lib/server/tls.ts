import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { TlsOptions } from 'node:tls'
import { GlanceError, messageOf } from '../errors.ts'
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
  const cert = await read('cert_file', certFile)
  const key = await read('key_file', keyFile)
  const ca = caFile === null ? null : await read('ca_file', caFile)
  const certificate = certificateIn('cert_file', certFile, cert)
  if (caFile !== null && ca !== null) certificateIn('ca_file', caFile, ca)
  if (!certificate.checkPrivateKey(privateKeyIn(keyFile, key))) {
    throw wrong('key_file', keyFile, `it is not the key of the certificate in ${certFile}`)
  }
  return {
    cert,
    key,
    minVersion: 'TLSv1.2',
    ...(ca !== null && { ca, requestCert: true, rejectUnauthorized: true }),
  }
}

async function read(setting: string, file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new GlanceError('usage', `${setting}: ${messageOf(cause)}`, { cause })
  })
}

function certificateIn(setting: string, file: string, text: string): X509Certificate {
  try {
    return new X509Certificate(text)
  } catch {
    throw wrong(setting, file, 'there is no certificate in PEM form in it')
  }
}

/** Nothing of what is in the file, nor of the reason why it cannot be read, is told. */
function privateKeyIn(file: string, text: string) {
  try {
    return createPrivateKey(text)
  } catch {
    throw wrong(
      'key_file',
      file,
      'there is no private key in PEM form in it, or it has a passphrase',
    )
  }
}

function wrong(setting: string, file: string, message: string): GlanceError {
  return new GlanceError('usage', `${setting}: ${file}: ${message}`)
}
