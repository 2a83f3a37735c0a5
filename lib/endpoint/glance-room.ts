import { isGlanceError } from '../errors.ts'
import type { Abortable } from '../abort.ts'
import { isObject } from '../image/json.ts'
import { type AcceptedValues, type Quota, QUOTA_NAMES } from './endpoint.ts'
import type { GlanceService } from './glance-service.ts'

const MIB = 1024 * 1024

/** Attributes whose values services restrict. */
const RESTRICTED = ['disk_format', 'container_format', 'visibility'] as const

/**
 * What the schema of a v2 service says of the values that attributes may have. Nothing where it does not show one, or not
 * in this form.
 */
export async function acceptedValues(
  service: GlanceService,
  { signal }: Abortable,
): Promise<AcceptedValues> {
  const schema = await ifShown(service.get('v2/schemas/image', signal))
  const properties = isObject(schema) ? schema['properties'] : undefined
  return new Map(
    RESTRICTED.flatMap(name => {
      const property: unknown = isObject(properties) ? properties[name] : undefined
      const values: unknown = isObject(property) ? property['enum'] : undefined
      const texts = Array.isArray(values) ? values.filter(value => typeof value === 'string') : []
      return texts.length === 0 ? [] : [[name, new Set(texts)] as const]
    }),
  )
}

/**
 * What our project may have at a v2 service and has, where Keystone limits it and the service shows that, as since v2.13.
 * A limit of -1 is none (oslo.limit).
 */
export async function quotasOf(
  service: GlanceService,
  { signal }: Abortable,
): Promise<readonly Quota[]> {
  const answer = await ifShown(service.get('v2/info/usage', signal))
  const usages = isObject(answer) ? answer['usage'] : undefined
  return QUOTA_NAMES.flatMap(name => {
    const found: unknown = isObject(usages) ? usages[name] : undefined
    if (!isObject(found)) return []
    const { usage, limit } = found
    if (typeof usage !== 'number' || typeof limit !== 'number' || limit < 0) return []
    const unit = name === 'image_size_total' ? MIB : 1 // glance/quota/keystone.py
    return [{ name, usage: usage * unit, limit: limit * unit }]
  })
}

/** Undefined where the service has nothing there, or not for us, or not now: the work does not depend on it. */
async function ifShown(asked: Promise<unknown>): Promise<unknown> {
  try {
    return await asked
  } catch (error) {
    if (!isGlanceError(error) || error.code === 'unauthenticated') throw error
    return undefined
  }
}
