import { isGlanceError } from '../errors.ts'
import type { Abortable } from '../abort.ts'
import { isObject } from '../image/json.ts'
import { type AcceptedValues, QUOTA_NAMES, type Room } from './endpoint.ts'
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
  options: Abortable,
): Promise<AcceptedValues> {
  const { answer: schema } = await shown(service, 'v2/schemas/image', options)
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
  options: Abortable,
): Promise<Pick<Room, 'quotas' | 'unknown'>> {
  const { answer, failure } = await shown(service, 'v2/info/usage', options)
  const usages = isObject(answer) ? answer['usage'] : undefined
  const quotas = QUOTA_NAMES.flatMap(name => {
    const found: unknown = isObject(usages) ? usages[name] : undefined
    if (!isObject(found)) return []
    const { usage, limit } = found
    if (typeof usage !== 'number' || typeof limit !== 'number' || limit < 0) return []
    const unit = name === 'image_size_total' ? MIB : 1 // glance/quota/keystone.py
    return [{ name, usage: usage * unit, limit: limit * unit }]
  })
  return failure === undefined ? { quotas } : { quotas, unknown: failure }
}

/** Milliseconds for an answer on which the work does not depend. */
const PATIENCE_MS = 10_000

/** What the service has there, and else, but where that is nothing, or not for us, why it is not known. Asks once. */
async function shown(
  service: GlanceService,
  path: string,
  { signal }: Abortable,
): Promise<{ readonly answer?: unknown; readonly failure?: string }> {
  const patience = AbortSignal.timeout(PATIENCE_MS)
  try {
    const limited = AbortSignal.any([patience, ...(signal ? [signal] : [])])
    return { answer: await service.call('GET', path, { signal: limited }) }
  } catch (error) {
    signal?.throwIfAborted()
    if (isGlanceError(error, 'not_found', 'forbidden')) return {}
    if (isGlanceError(error) && error.code !== 'unauthenticated') return { failure: error.message }
    if (!patience.aborted) throw error
    return { failure: `GET ${path}: no answer within ${PATIENCE_MS / 1000} s` }
  }
}
