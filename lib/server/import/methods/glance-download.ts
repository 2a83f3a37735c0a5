import { GlanceError } from '../../../errors.ts'
import type { Properties } from '../../../image/image.ts'
import { isObject } from '../../../image/json.ts'
import type { RemoteImage } from '../../../image/import.ts'
import { collectText } from '../../../stream/text.ts'
import type { OnBehalf } from '../../domain/context.ts'
import type { ImportWork } from '../work.ts'

/** Bytes of an image document, at most. */
const LARGEST_DOCUMENT = 4 * 1024 * 1024

/**
 * Stages the data of an image of another region, and takes over its formats and some of its properties, with the
 * credentials of whoever asked. @throws {GlanceError} `not_found`, `conflict`, `corrupt`, and as a download.
 */
export async function glanceDownload(work: ImportWork, source: RemoteImage): Promise<void> {
  const { fetcher, remoteProperties } = work.importer
  const { credentials } = work.job
  const url = `${endpointOf(credentials, source)}/v2/images/${source.imageId}`
  const headers: Record<string, string> =
    credentials.token === null ? {} : { 'x-auth-token': credentials.token }
  const options = { headers, signal: work.signal }
  const { data: document } = await fetcher.open(url, options)
  const remote = documentIn(await collectText(document, LARGEST_DOCUMENT))
  if (remote['status'] !== 'active') {
    const status = textOrNull(remote['status']) ?? 'unknown'
    throw new GlanceError('conflict', `source image status should be active instead of ${status}`)
  }
  const size = remote['size']
  if (typeof size !== 'number') {
    throw new GlanceError('corrupt', `the size of remote image ${source.imageId} is not known`)
  }
  const taken = Object.entries(remote).filter(
    (entry): entry is [string, string] =>
      typeof entry[1] === 'string' &&
      !entry[0].startsWith('os_glance') &&
      remoteProperties.some(prefix => entry[0].startsWith(prefix)),
  )
  const before = await work.image()
  await work.edit(({ properties }) => ({
    diskFormat: textOrNull(remote['disk_format']),
    containerFormat: textOrNull(remote['container_format']),
    properties: new Map([...properties, ...taken]),
  }))
  work.onFailure(({ properties }) => ({
    diskFormat: before.diskFormat,
    containerFormat: before.containerFormat,
    properties: without(properties, taken, before.properties),
  }))
  const { data } = await fetcher.open(`${url}/file`, options)
  await work.stage(data, size)
}

function without(
  properties: Properties,
  taken: readonly (readonly [string, string])[],
  before: Properties,
): Properties {
  const left = new Map(properties)
  for (const [name] of taken) {
    const value = before.get(name)
    if (value === undefined) left.delete(name)
    else left.set(name, value)
  }
  return left
}

/** @throws {GlanceError} `not_found` when the caller's catalog has no image service there. */
function endpointOf({ catalog }: OnBehalf, { region, interface: side }: RemoteImage): string {
  for (const service of Array.isArray(catalog) ? (catalog as unknown[]) : []) {
    if (!isObject(service) || service['type'] !== 'image') continue
    const endpoints: unknown = service['endpoints']
    for (const endpoint of Array.isArray(endpoints) ? (endpoints as unknown[]) : []) {
      if (!isObject(endpoint)) continue
      if (textOrNull(endpoint['region'])?.toLowerCase() !== region.toLowerCase()) continue
      const url = endpoint[`${side}URL`]
      if (typeof url === 'string') return url.replace(/\/+(?:v2\/*)?$/, '')
    }
  }
  const message = `no image service with the interface ${side} is known in region ${region}`
  throw new GlanceError('not_found', message)
}

function documentIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const document: unknown = JSON.parse(text)
    if (isObject(document)) return document
  } catch {
    // The one message below.
  }
  throw new GlanceError('corrupt', 'the remote image service answered no image document')
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
