import { isGlanceError } from '../errors.ts'
import { dateOf, type Fields, fieldsOf, listOf, textOf } from './documents.ts'
import type { ServiceUser } from './service-user.ts'

/** Whose a token is, and what it is for. */
export interface TokenDetails {
  readonly user: string | null
  readonly userDomain: string | null
  readonly project: string | null
  readonly projectDomain: string | null
  /** Of a token for a domain rather than a project. */
  readonly domain: string | null
  /** Whether it is for the whole system. */
  readonly isForSystem: boolean
  readonly roles: readonly string[]
  readonly expiresAt: Date
  /** The services that keep images and objects, as the user is told of them, in the form of the Identity API v2. */
  readonly imageCatalog: readonly CatalogService[]
}

/** One service of a catalog (Identity API v2): its endpoints with a `<interface>URL` each. */
interface CatalogService {
  readonly type: string
  readonly endpoints: readonly Readonly<Record<string, string>>[]
}

export interface ValidationOptions {
  /** Whether a token counts that has expired, for what was begun before. Default false. */
  readonly allowExpired?: boolean
}

/**
 * Asks Keystone about a token; undefined when it is none, or none any more.
 * @throws {GlanceError} when Keystone cannot be asked, or does not know us.
 */
export async function validateToken(
  service: ServiceUser,
  token: string,
  { allowExpired = false }: ValidationOptions = {},
): Promise<TokenDetails | undefined> {
  // What could not be a header is no token.
  if (!/^[\x21-\x7e]+$/.test(token)) return undefined
  try {
    const document = await service.get({
      path: 'auth/tokens',
      query: allowExpired ? { allow_expired: '1' } : {},
      headers: { 'x-subject-token': token },
    })
    return detailsIn(fieldsOf(fieldsOf(document)['token']))
  } catch (error) {
    if (isGlanceError(error, 'not_found')) return undefined
    throw error
  }
}

function detailsIn(token: Fields): TokenDetails | undefined {
  const expiresAt = dateOf(token['expires_at'])
  if (expiresAt === null) return undefined
  const user = fieldsOf(token['user'])
  const project = fieldsOf(token['project'])
  return {
    user: textOf(user['id']),
    userDomain: idOf(user['domain']),
    project: textOf(project['id']),
    projectDomain: idOf(project['domain']),
    domain: idOf(token['domain']),
    isForSystem: fieldsOf(token['system'])['all'] === true,
    roles: listOf(token['roles']).flatMap(role => textOf(role['name']) ?? []),
    expiresAt,
    imageCatalog: listOf(token['catalog']).flatMap(({ type, endpoints }) => {
      const kept = KEPT.find(kept => kept === type)
      return kept === undefined ? [] : { type: kept, endpoints: byRegion(listOf(endpoints)) }
    }),
  }
}

/** What is asked in the user's name: other image services, and Swift. The rest of a catalogue is not remembered. */
const KEPT = ['image', 'object-store'] as const

function idOf(thing: unknown): string | null {
  return textOf(fieldsOf(thing)['id'])
}

/** One entry for each region, with the URLs of its interfaces. */
function byRegion(endpoints: readonly Fields[]): readonly Readonly<Record<string, string>>[] {
  const regions = new Map<string, Record<string, string>>()
  for (const endpoint of endpoints) {
    const [region, side, url] = [endpoint['region'], endpoint['interface'], endpoint['url']].map(
      textOf,
    )
    if (!region || !side || !url) continue
    regions.set(region, { region, ...regions.get(region), [`${side.toLowerCase()}URL`]: url })
  }
  return [...regions.values()]
}
