import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { GlanceError, messageOf } from '../errors.ts'

/** A file, and what names it: an option or a setting, for messages. */
interface NamedFile {
  readonly path: string
  readonly by: string
}

/** Whom we trust, and who we say that we are. */
export interface TlsFiles {
  /** The authorities to trust in place of the system's: a file of certificates, or a folder of such files. */
  readonly cacert?: NamedFile | undefined
  /** Our certificate; the private key may be in the same file. */
  readonly cert?: NamedFile | undefined
  readonly key?: NamedFile | undefined
  /** Whether anybody is believed to be who they say. Default false. */
  readonly insecure?: boolean | undefined
}

export interface TlsSettings extends Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> {
  readonly insecure: boolean
}

const NO_CERTIFICATE = 'no certificate in PEM form'

/** Where systems keep the authorities that they trust; the first that is there counts. */
const SYSTEM_AUTHORITIES = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Arch, Gentoo
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // Red Hat
  '/etc/ssl/ca-bundle.pem', // SUSE
  '/etc/ssl/cert.pem', // Alpine, the BSDs, macOS
] as const

/**
 * Reads what `files` name. Without `cacert` the system's authorities are trusted (`SSL_CERT_FILE` in the environment
 * names others), those of `NODE_EXTRA_CA_CERTS` besides, and those that Node knows where a system has none.
 * @throws {GlanceError} `usage`, naming the setting, for a file that cannot be read or is not what it should be.
 */
export async function readTls(
  { cacert, cert, key, insecure = false }: TlsFiles,
  environment: Readonly<NodeJS.ProcessEnv> = {},
): Promise<TlsSettings> {
  if (key !== undefined && cert === undefined) {
    throw new GlanceError('usage', `${key.by}: a key is of no use without its certificate`)
  }
  const ca = cacert === undefined ? await systemAuthorities(environment) : await authorities(cacert)
  if (cacert !== undefined) {
    // OpenSSL takes a file without any for one that trusts nobody.
    if (!ca.every(text => text.includes('-----BEGIN '))) throw unusable(cacert, NO_CERTIFICATE)
    check({ ca: [...ca] }, cacert, NO_CERTIFICATE)
  }
  if (cert === undefined) return { ...(ca.length > 0 ? { ca: [...ca] } : {}), insecure }
  const own = await read(cert)
  const secret = key === undefined ? own : await read(key)
  check({ cert: own }, cert, NO_CERTIFICATE)
  check({ key: secret }, key ?? cert, 'no private key in PEM form, or one with a passphrase')
  check({ cert: own, key: secret }, key ?? cert, `not the key of the certificate ${cert.path}`)
  return { ...(ca.length > 0 ? { ca: [...ca] } : {}), cert: own, key: secret, insecure }
}

async function authorities(file: NamedFile): Promise<readonly Buffer[]> {
  const isFolder = await stat(file.path).then(
    stats => stats.isDirectory(),
    () => false,
  )
  if (!isFolder) return [await read(file)]
  const names = (await readdir(file.path)).filter(name => /\.(pem|crt|cer|\d+)$/.test(name))
  if (names.length === 0) throw unusable(file, 'no certificates in this folder')
  return await Promise.all(
    names.map(async name => await read({ ...file, path: join(file.path, name) })),
  )
}

async function systemAuthorities(
  environment: Readonly<NodeJS.ProcessEnv>,
): Promise<readonly Buffer[]> {
  const { SSL_CERT_FILE: other, NODE_EXTRA_CA_CERTS: further } = environment
  for (const path of other ? [other] : SYSTEM_AUTHORITIES) {
    const found = await readFile(path).catch(() => undefined)
    if (found === undefined) continue
    const more = further ? await readFile(further).catch(() => undefined) : undefined
    return more === undefined || further === path ? [found] : [found, more]
  }
  return []
}

async function read(file: NamedFile): Promise<Buffer> {
  return await readFile(file.path).catch((cause: unknown) => {
    throw new GlanceError('usage', `${file.by}: ${messageOf(cause)}`, { cause })
  })
}

function check(options: SecureContextOptions, file: NamedFile, wrong: string): void {
  try {
    createSecureContext(options)
  } catch {
    throw unusable(file, wrong)
  }
}

function unusable({ by, path }: NamedFile, wrong: string): GlanceError {
  return new GlanceError('usage', `${by}: ${path}: ${wrong}`)
}
