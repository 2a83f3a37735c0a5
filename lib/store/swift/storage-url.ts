import { GlanceError } from '../../errors.ts'
import { fieldsOf, listOf, textOf } from '../../keystone/documents.ts'
import type { CatalogEndpoint } from '../../keystone/grant.ts'

/** Which service of a catalogue keeps objects. */
export interface WantedStorage {
  /** For messages. */
  readonly origin: string
  /** Such as `object-store`. */
  readonly serviceType: string
  /** `public`, `internal` or `admin`. */
  readonly interface: string
  /** Null where there has to be but one. */
  readonly region: string | null
}

/**
 * Whether an account is in a Swift that the catalogue has in any region, or `endpoint` is of: alike in all but the name of
 * the account. Whoever is anywhere else is to be sent no token.
 */
export function isInSwift(
  account: string,
  catalog: readonly CatalogEndpoint[],
  {
    serviceType,
    endpoint,
  }: Pick<WantedStorage, 'serviceType'> & { readonly endpoint: string | null },
): boolean {
  const listed = catalog.filter(({ type }) => type === serviceType).map(({ url }) => url)
  const known = endpoint === null ? listed : [endpoint, ...listed]
  return known.some(url => URL.canParse(url) && aboveAccount(url) === aboveAccount(account))
}

/**
 * Whether these URLs are of different accounts for sure, whatever the servers: one Swift may have several names. They are
 * alike in form then, with the account of another project at the end. To Ceph `AUTH_p`, `KEY_p` and `p` are one account.
 */
export function inOtherAccounts(one: string, other: string): boolean {
  const [first, second] = [accountOf(one), accountOf(other)]
  return (
    first.above === second.above &&
    first.name !== '' &&
    second.name !== '' &&
    !mayBeOfOneProject(first.name, second.name)
  )
}

/** Whether names of accounts differ in no more than what stands before the project. */
function mayBeOfOneProject(one: string, other: string): boolean {
  const behind = (name: string) => name.slice(name.indexOf('_') + 1)
  return (
    one === other ||
    behind(one) === behind(other) ||
    one.endsWith(`_${other}`) ||
    other.endsWith(`_${one}`)
  )
}

/** The name, however it is quoted, and the path that it stands in. */
function accountOf(url: string) {
  const path = new URL(url).pathname.replace(/\/+$/, '')
  const end = path.lastIndexOf('/') + 1
  const quoted = path.slice(end)
  try {
    return { above: path.slice(0, end), name: decodeURIComponent(quoted) }
  } catch {
    return { above: path.slice(0, end), name: quoted }
  }
}

function aboveAccount(url: string): string {
  return new URL('.', url.replace(/\/+$/, '')).href
}

/**
 * The URL of the account that a catalogue is for. @throws {GlanceError} `usage`, naming the option that says otherwise,
 * where there is none or more than one.
 */
export function storageUrl(catalog: readonly CatalogEndpoint[], wanted: WantedStorage): string {
  const { origin, serviceType, region } = wanted
  const found = catalog.filter(
    each =>
      each.type === serviceType &&
      each.interface === wanted.interface &&
      (region === null || each.region === region),
  )
  const [url, ...others] = new Set(found.map(each => each.url.replace(/\/+$/, '')))
  const where = region === null ? '' : ` in region '${region}'`
  const what = `${wanted.interface} endpoint of type '${serviceType}'${where}`
  if (url === undefined || !URL.canParse(url)) {
    const message = `${origin}: the catalogue has no ${what}; see swift_store_service_type, swift_store_endpoint_type and swift_store_region`
    throw new GlanceError('usage', message)
  }
  if (others.length > 0) {
    const regions = [...new Set(found.map(each => each.region ?? '(none)'))].toSorted().join(', ')
    const message = `${origin}: the catalogue has a ${what} in several regions (${regions}): swift_store_region has to say which`
    throw new GlanceError('usage', message)
  }
  return url
}

/** Of a catalogue in the form of the Identity API v2, or of v3. */
export function endpointsIn(catalog: unknown): readonly CatalogEndpoint[] {
  return listOf(catalog).flatMap(service =>
    listOf(service['endpoints']).flatMap(endpoint => {
      const of = (side: string, url: unknown) => ({
        type: textOf(service['type']) ?? '',
        name: textOf(service['name']) ?? '',
        region: textOf(endpoint['region']) ?? textOf(endpoint['region_id']),
        interface: side,
        url: textOf(url) ?? '',
      })
      const v3 = textOf(endpoint['interface'])
      if (v3 !== null) return [of(v3, endpoint['url'])]
      const fields = fieldsOf(endpoint)
      return ['public', 'internal', 'admin']
        .filter(side => textOf(fields[`${side}URL`]) !== null)
        .map(side => of(side, fields[`${side}URL`]))
    }),
  )
}
