import { GlanceError } from '../errors.ts'

/** RFC 9530: the digests of what is stored. Ours says them in answer to an upload, which no Glance does. */
export const REPR_DIGEST = 'repr-digest'

/** Lower-case hex by algorithm, in Glance's names. */
export type Digests = Readonly<Record<string, string>>

/** Names of RFC 9530 for algorithms; it has none for the others. */
const DIGEST_NAMES: Readonly<Record<string, string>> = {
  md5: 'md5',
  sha1: 'sha',
  sha256: 'sha-256',
  sha512: 'sha-512',
}

/** As `Repr-Digest`; what RFC 9530 has no name for is left out. */
export function digestsToHeader(digests: Digests): string | undefined {
  const members = Object.entries(digests).flatMap(([algorithm, hex]) => {
    const name = DIGEST_NAMES[algorithm]
    return name === undefined ? [] : `${name}=:${Buffer.from(hex, 'hex').toString('base64')}:`
  })
  return members.length === 0 ? undefined : members.join(', ')
}

/** What `Repr-Digest` says; algorithms that we do not know are left out. @throws {GlanceError} `invalid`. */
export function digestsFromHeader(header: string | undefined): Digests {
  if (header === undefined) return {}
  const names = Object.entries(DIGEST_NAMES)
  return Object.fromEntries(
    header.split(',').flatMap(member => {
      const [, name, value] =
        /^\s*([a-z0-9*][\w.*-]*)=:([A-Za-z0-9+/]*={0,2}):\s*$/.exec(member) ?? []
      if (name === undefined || value === undefined) {
        const message = `repr-digest is not understood, as in sha-512=:BASE64: ${member.trim()}`
        throw new GlanceError('invalid', message)
      }
      const algorithm = names.find(([, other]) => other === name)?.[0]
      return algorithm === undefined
        ? []
        : [[algorithm, Buffer.from(value, 'base64').toString('hex')]]
    }),
  )
}
