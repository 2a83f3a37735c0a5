import { GlanceError } from '../errors.ts'
import { type CloudConfig, misconfigured, ofImages } from './cloud-config.ts'
import type { CatalogEndpoint } from './grant.ts'

/** Which image service of a catalogue is meant. */
export interface Wanted {
  /** For messages. */
  readonly origin: string
  /** As the catalogue has it: `image`. */
  readonly type: string
  /** Null for any. */
  readonly name: string | null
  /** Null where there has to be but one. */
  readonly region: string | null
  /** In this order; the first that the catalogue has. */
  readonly interfaces: readonly string[]
}

const INTERFACES = ['public', 'internal', 'admin'] as const

/** What a cloud says about its image service. @throws {GlanceError} `usage` for an interface that there is not. */
export function wantedBy(config: CloudConfig): Wanted {
  const text = ofImages(config, 'interface') ?? 'public'
  const interfaces = text.split(',').map(name => name.trim().replace(/URL$/, ''))
  for (const name of interfaces) {
    if (!INTERFACES.some(known => known === name)) {
      const which = config.nameOf('interface')
      throw misconfigured(config, `${which} '${name}' is not one of ${INTERFACES.join(', ')}`)
    }
  }
  return {
    origin: config.origin,
    type: config.settings.get('image_service_type') ?? 'image',
    name: config.settings.get('image_service_name') ?? null,
    region: ofImages(config, 'region_name') ?? null,
    interfaces,
  }
}

/**
 * Where Keystone itself is, as it says to one that asks by this interface; undefined where it does not say so.
 */
export function identityUrl(
  catalog: readonly CatalogEndpoint[],
  { region, interfaces }: Pick<Wanted, 'region' | 'interfaces'>,
): URL | undefined {
  const found = inRegion(
    catalog.filter(({ type }) => type === 'identity'),
    region,
  ).find(each => interfaces.includes(each.interface))
  return found !== undefined && URL.canParse(found.url) ? new URL(found.url) : undefined
}

/**
 * Where the image service is. @throws {GlanceError} `not_found`, naming what the catalogue has instead; `usage` where
 * a region has to be chosen.
 */
export function imageUrl(catalog: readonly CatalogEndpoint[], wanted: Wanted): string {
  const { origin, type, name, region, interfaces } = wanted
  const nothing = (what: string) => new GlanceError('not_found', `${origin}: ${what}`)
  const ofType = catalog.filter(each => each.type === type && (name === null || each.name === name))
  if (ofType.length === 0) {
    const types = listed(catalog.map(each => each.type))
    const called = name === null ? '' : ` called '${name}'`
    throw nothing(
      catalog.length === 0
        ? 'the catalogue that comes with the token is empty: has the user a role in the project?'
        : `the catalogue has no service of type '${type}'${called}; it has ${types}`,
    )
  }
  const near = inRegion(ofType, region)
  if (near.length === 0) {
    const regions = listed(ofType.map(each => each.region ?? '(none)'))
    throw nothing(`the catalogue has no '${type}' in region '${region}'; it has it in ${regions}`)
  }
  for (const one of interfaces) {
    const found = near.filter(each => each.interface === one)
    const [first] = found
    if (first === undefined) continue
    if (new Set(found.map(each => each.url)).size === 1) return checked(first.url, origin)
    const regions = listed(found.map(each => each.region ?? '(none)'))
    throw new GlanceError(
      'usage',
      `${origin}: the catalogue has '${type}' in several regions (${regions}): say which, as in cloud:NAME/REGION`,
    )
  }
  const others = listed(near.map(each => each.interface))
  const where = region === null ? '' : ` in region '${region}'`
  throw nothing(
    `the catalogue has no ${interfaces.join(' or ')} interface of '${type}'${where}; it has ${others}`,
  )
}

function inRegion(
  endpoints: readonly CatalogEndpoint[],
  region: string | null,
): readonly CatalogEndpoint[] {
  return endpoints.filter(each => region === null || each.region === region)
}

/**
 * Without the version at its end, which some catalogues have for their oldest clients: it says where the service is, not
 * which of its versions to speak.
 */
function checked(url: string, origin: string): string {
  if (/^https?:\/\//i.test(url) && URL.canParse(url)) {
    const at = new URL(url)
    const path = at.pathname.replace(/\/+v[12](\.\d+)?\/*$/, '')
    if (path === at.pathname) return url
    at.pathname = path
    return at.href.replace(/\/$/, '')
  }
  throw new GlanceError('unsupported', `${origin}: what the catalogue has for its images is no URL`)
}

function listed(names: readonly string[]): string {
  return [...new Set(names)].toSorted().join(', ')
}
