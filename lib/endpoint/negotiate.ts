import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import { isObject } from '../image/json.ts'
import type { GlanceService } from './glance-service.ts'

/** A version of the Images API, whatever its minor number. */
export type ApiVersion = 1 | 2

/**
 * Which version to speak with a service: the one that is wanted, or else v2 before v1, as far as the service lists its
 * versions; one that lists none is tried. The v2.0 of 2012 counts only where there is nothing else: an image that is
 * uploaded by it never becomes active, and it does not list what belongs to others (glance 2012.2, api/v2/images.py).
 * @throws {GlanceError} `unsupported` when the service does not speak it; what asking throws.
 */
export async function negotiate(
  service: GlanceService,
  wanted: ApiVersion | undefined,
): Promise<ApiVersion> {
  const { name } = service
  if (wanted !== undefined) {
    const refusal = await refusalOf(service, wanted)
    if (refusal === undefined) return wanted
    const listed = await listedVersions(service)
    const instead = listed.length > 0 ? `it has ${listed.join(', ')}` : messageOf(refusal)
    throw unsupported(`${name}: does not speak the Images API v${wanted}: ${instead}`, refusal)
  }
  const listed = await listedVersions(service)
  if (listed.length === 0) return await tried(service)
  const [first, second] = ([2, 1] as const).filter(version => listed.some(id => isOf(id, version)))
  if (first === undefined) {
    throw unsupported(
      `${name}: speaks neither the Images API v2 nor v1: it has ${listed.join(', ')}`,
    )
  }
  const isDraft = listed.every(id => id === 'v2.0' || !isOf(id, 2))
  return isDraft ? (second ?? first) : first
}

/** The version of the first listing of images that there is. */
async function tried(service: GlanceService): Promise<ApiVersion> {
  const refusal = await refusalOf(service, 2)
  if (refusal === undefined) return 2
  if ((await refusalOf(service, 1)) === undefined) return 1
  throw unsupported(
    `${service.name}: no Images API, neither v2 nor v1: ${messageOf(refusal)}`,
    refusal,
  )
}

/** Why there is no listing of images by this version; undefined when there is. */
async function refusalOf(
  service: GlanceService,
  version: ApiVersion,
): Promise<GlanceError | undefined> {
  try {
    const page = await service.get(`v${version}/images?limit=1`, service.options.signal, [
      'unavailable',
    ])
    if (isObject(page) && Array.isArray(page['images'])) return undefined
    return new GlanceError('unsupported', 'its listing has no images')
  } catch (error) {
    if (isGlanceError(error, 'not_found', 'unsupported', 'gone')) return error
    throw error
  }
}

/** Whether the service lists a version 2.`minor` or a later one of v2. */
export async function speaksSince(service: GlanceService, minor: number): Promise<boolean> {
  const listed = await listedVersions(service)
  return listed.some(id => Number(/^v2\.(\d+)$/.exec(id)?.[1]) >= minor)
}

/** The ids of the versions that the service lists, with 300 as of old or with 200; none where it does not. */
async function listedVersions(service: GlanceService): Promise<readonly string[]> {
  const answer = await service
    .get('versions', service.options.signal, ['unavailable'], [300])
    .catch((error: unknown) => {
      // A proxy may hide it, or want to know who asks: then there is still what it leads to.
      if (!isGlanceError(error) || isGlanceError(error, 'unreachable', 'unavailable')) throw error
    })
  if (!isObject(answer) || !Array.isArray(answer['versions'])) return []
  const versions: readonly unknown[] = answer['versions']
  return versions.flatMap(version =>
    isObject(version) && typeof version['id'] === 'string' ? [version['id']] : [],
  )
}

function isOf(id: string, version: ApiVersion): boolean {
  return id === `v${version}` || id.startsWith(`v${version}.`)
}

function unsupported(message: string, cause?: GlanceError): GlanceError {
  return new GlanceError('unsupported', message, { cause })
}
