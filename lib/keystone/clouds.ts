import { GlanceError } from '../errors.ts'
import { arranged, type CloudConfig, textOf } from './cloud-config.ts'
import { findFile, foldersOf, type Place } from './cloud-files.ts'
import { type Fields, isFields } from './documents.ts'

/** A region that a cloud names, and what is different in it. */
interface Region {
  readonly name: string
  readonly values: Fields
}

/** Which cloud is meant. */
export interface CloudName {
  readonly name: string
  readonly region?: string | undefined
}

/**
 * What clouds.yaml, secure.yaml and clouds-public.yaml say of a cloud, merged as openstacksdk does: the profile, the
 * cloud over it, the region over that. Without `region` it is the first that the cloud names, if it names any.
 * @throws {GlanceError} `usage` for a cloud or region that is not there, naming those that are.
 */
export async function cloudNamed(
  { name, region: asked }: CloudName,
  place: Place,
): Promise<CloudConfig> {
  const file = await findFile('clouds', 'OS_CLIENT_CONFIG_FILE', place)
  const secure = await findFile('secure', 'OS_CLIENT_SECURE_FILE', place)
  const path = file?.path ?? secure?.path
  if (path === undefined) {
    const folders = foldersOf(place).join(', ')
    throw new GlanceError(
      'usage',
      `cloud '${name}': there is no clouds.yaml in ${folders}, and OS_CLIENT_CONFIG_FILE names none`,
    )
  }
  const clouds = merged(cloudsOf(file?.document), cloudsOf(secure?.document))
  const cloud = Object.hasOwn(clouds, name) ? clouds[name] : undefined
  const isIn = (found: typeof file) => Object.hasOwn(cloudsOf(found?.document), name)
  const paths = [file, secure].filter(isIn).map(found => found?.path)
  const origin = `cloud '${name}' in ${paths.length > 0 ? paths.join(' and ') : path}`
  if (cloud !== undefined && !isFields(cloud)) {
    throw new GlanceError('usage', `${origin}: it is no mapping of settings`)
  }
  if (cloud === undefined) {
    const names = Object.keys(clouds)
    const known = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`
    throw new GlanceError('usage', `${origin}: there is no such cloud; ${known}`)
  }
  const own = normalized(cloud)
  const profile = await profileOf(own, origin, place)
  const region = regionOf(own, profile, asked, origin)
  const document = [own, region?.values ?? {}].reduce(withAuth, profile)
  const { regions: _, ...rest } = document
  return arranged(
    { ...rest, ...(region === undefined ? {} : { region_name: region.name }) },
    { origin, nameOf: setting => (IN_AUTH.test(setting) ? `auth.${setting}` : setting) },
  )
}

/** What belongs into `auth`, for messages. */
const IN_AUTH =
  /^(auth_url|user.*|pass.*|project.*|domain.*|token|trust_id|system_scope|application.*)$/

/**
 * `NAME`, `NAME/REGION` or nothing, as it stands behind `cloud:`. A region holds no slash; a name may.
 */
export function parseCloudName(text: string): CloudName {
  const slash = text.lastIndexOf('/')
  if (slash < 0) return { name: text, region: undefined }
  return { name: text.slice(0, slash), region: text.slice(slash + 1) || undefined }
}

function cloudsOf(document: Fields | undefined): Fields {
  const clouds = document?.['clouds']
  return isFields(clouds) ? clouds : {}
}

async function profileOf(cloud: Fields, origin: string, place: Place): Promise<Fields> {
  const name = cloud['profile'] ?? cloud['cloud']
  if (typeof name !== 'string' || name === '') return {}
  if (/^https?:\/\//i.test(name)) {
    throw new GlanceError(
      'usage',
      `${origin}: its profile is at a URL, which is not supported: write what it says into the cloud`,
    )
  }
  const file = await findFile('clouds-public', undefined, place)
  const profiles = file?.document['public-clouds']
  const profile = isFields(profiles) && Object.hasOwn(profiles, name) ? profiles[name] : undefined
  if (isFields(profile)) return normalized(profile)
  const auth = cloud['auth']
  if (isFields(auth) && auth['auth_url'] !== undefined) return {} // As openstacksdk, which warns.
  const where = file === undefined ? 'there is no clouds-public.yaml' : `${file.path} has none`
  throw new GlanceError(
    'usage',
    `${origin}: no profile '${name}': ${where}, and those inside openstacksdk are not known here; ` +
      'set auth.auth_url',
  )
}

/** @throws {GlanceError} `usage` for one that the cloud does not name, where it names any. */
function regionOf(
  cloud: Fields,
  profile: Fields,
  asked: string | undefined,
  origin: string,
): Region | undefined {
  const regions = [cloud, profile].map(document => regionsOf(document, origin)).find(isKnown) ?? []
  if (asked === undefined) return regions[0]
  if (regions.length === 0) return { name: asked, values: {} }
  const found = regions.find(({ name }) => name === asked)
  if (found !== undefined) return found
  const names = regions.map(({ name }) => name).join(', ')
  throw new GlanceError('usage', `${origin}: no region '${asked}' there; it names ${names}`)
}

function isKnown(regions: readonly Region[]): boolean {
  return regions.length > 0
}

function regionsOf(document: Fields, origin: string): readonly Region[] {
  const { regions, region_name: names } = document
  if (Array.isArray(regions)) return regions.map(region => regionEntry(region, origin))
  const list = textOf(names) ?? ''
  return list === '' ? [] : list.split(',').map(name => ({ name: name.trim(), values: {} }))
}

function regionEntry(region: unknown, origin: string): Region {
  const text = textOf(region)
  if (text !== undefined) return { name: text, values: {} }
  const { name, values, ...others } = isFields(region) ? region : {}
  const named = textOf(name)
  if (named === undefined || Object.keys(others).length > 0) {
    throw new GlanceError('usage', `${origin}: an entry of regions has a name and values, no more`)
  }
  return { name: named, values: isFields(values) ? normalized(values) : {} }
}

/** Names with `_`, as they may also be written with `-`. */
function normalized(document: Fields): Fields {
  return Object.fromEntries(
    Object.entries(document).map(([name, value]) => [
      name.replaceAll('-', '_'),
      isFields(value) ? normalized(value) : value,
    ]),
  )
}

/** `later` over `earlier`, however deep. */
function merged(earlier: Fields, later: Fields): Fields {
  const result: Record<string, unknown> = { ...earlier }
  for (const [name, value] of Object.entries(later)) {
    const before = result[name]
    result[name] = isFields(before) && isFields(value) ? merged(before, value) : value
  }
  return result
}

/** `later` over `earlier`, setting by setting, and in `auth` as well; what is null is not said. */
function withAuth(earlier: Fields, later: Fields): Fields {
  const said = Object.fromEntries(Object.entries(later).filter(([, value]) => value !== null))
  const [before, after] = [earlier['auth'], said['auth']]
  return isFields(before) && isFields(after)
    ? { ...earlier, ...said, auth: { ...before, ...after } }
    : { ...earlier, ...said }
}
