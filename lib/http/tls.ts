import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { GlanceError, messageOf } from '../errors.ts'

/** A file, and what names it: an option or a setting, for messages. */
export interface NamedFile {
  readonly path: string
  readonly by: string
}

/** Files of one side of a connection. */
interface CertificateFiles {
  /** Authorities: a file of certificates, or a folder of such files. */
  readonly cacert?: NamedFile | undefined
  /** Our certificate; the private key may be in the same file. */
  readonly cert?: NamedFile | undefined
  readonly key?: NamedFile | undefined
}

/** Whom we trust, in place of the system's authorities, and who we say that we are. */
export interface TlsFiles extends CertificateFiles {
  /** Whether anybody is believed to be who they say. Default false. */
  readonly insecure?: boolean | undefined
}

/** What is in them. What was not named is not there. */
interface Certificates {
  readonly ca?: Buffer[]
  readonly cert?: Buffer
  readonly key?: Buffer
}

export interface TlsSettings extends Certificates {
  readonly insecure: boolean
}

/** What a connection is told of whom to believe. */
export interface Trusting {
  readonly secureContext: SecureContext
  readonly rejectUnauthorized: boolean
}

/** What connections are told, which is found out once: hundreds of authorities take a while to be understood. */
export function trustingOf({ insecure, ...files }: TlsSettings): () => Trusting {
  let known: Trusting | undefined
  return () =>
    (known ??= { secureContext: createSecureContext(files), rejectUnauthorized: !insecure })
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
 * Reads what `files` name, for a client. Without `cacert` the system's authorities are trusted (`SSL_CERT_FILE` in
 * the environment names others), those of `NODE_EXTRA_CA_CERTS` besides, and those that Node knows where a system has
 * none.
 * @throws {GlanceError} `usage`, naming the setting, for a file that cannot be read or is not what it should be.
 */
export async function readTls(
  { insecure = false, ...files }: TlsFiles,
  environment: Readonly<NodeJS.ProcessEnv> = {},
): Promise<TlsSettings> {
  const named = await readCertificates(files)
  if (named.ca !== undefined) return { ...named, insecure }
  const ca = await systemAuthorities(environment)
  return { ...named, ...(ca.length > 0 ? { ca } : {}), insecure }
}

/**
 * Reads what `files` name and nothing else, for either side.
 * @throws {GlanceError} `usage`, naming the setting, for a file that cannot be read or is not what it should be;
 * nothing of what is in it.
 */
export async function readCertificates({
  cacert,
  cert,
  key,
}: CertificateFiles): Promise<Certificates> {
  if (key !== undefined && cert === undefined) {
    throw unusable(key, 'a key is of no use without its certificate')
  }
  const trust = cacert === undefined ? {} : { ca: await authorities(cacert) }
  if (cert === undefined) return trust
  const own = await read(cert)
  const secret = key === undefined ? own : await read(key)
  check({ cert: own }, cert, NO_CERTIFICATE)
  check({ key: secret }, key ?? cert, 'no private key in PEM form, or one with a passphrase')
  check({ cert: own, key: secret }, key ?? cert, `not the key of the certificate ${cert.path}`)
  return { ...trust, cert: own, key: secret }
}

async function authorities(file: NamedFile): Promise<Buffer[]> {
  const ca = await certificatesAt(file)
  // OpenSSL takes a file without any for one that trusts nobody.
  if (
    !ca.every(text =>
      /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/.test(text.toString('latin1')),
    )
  )
    throw unusable(file, NO_CERTIFICATE)
  check({ ca }, file, NO_CERTIFICATE)
  return ca
}

async function certificatesAt(file: NamedFile): Promise<Buffer[]> {
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

async function systemAuthorities(environment: Readonly<NodeJS.ProcessEnv>): Promise<Buffer[]> {
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
