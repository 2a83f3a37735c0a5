import type { ImageRecord } from '../../../database/database.ts'
import { GlanceError } from '../../../errors.ts'
import type { Properties } from '../../../image/image.ts'
import type { PropertyOperation } from '../../policy/property-protection.ts'
import { enforceQuota } from '../../quota/limits.ts'
import type { RequestContext } from '../context.ts'
import { splitProperties } from '../properties.ts'
import type { Service } from '../service.ts'

/**
 * What the properties of an image are when some are set. With `purge` the others that the caller knows of go; what
 * it may not read, and the service's own books, stay. @throws {GlanceError} `forbidden`, `over_limit`.
 */
export async function changedProperties(
  context: RequestContext,
  { limits }: Service,
  image: ImageRecord,
  wanted: Properties,
  purge: boolean,
): Promise<Properties> {
  const [known] = await splitProperties(context, image)
  for (const [name, value] of wanted) {
    if (!image.properties.has(name)) await requireMayV1Property(context, 'create', name)
    else {
      await requireMayV1Property(context, 'read', name)
      // As Glance: what changes nothing is no update.
      if (value !== known.get(name)) await requireMayV1Property(context, 'update', name)
    }
  }
  const gone = [...known.keys()].filter(
    name => purge && !wanted.has(name) && !name.startsWith('os_glance'),
  )
  for (const name of gone) await requireMayV1Property(context, 'delete', name)
  const kept = [...image.properties].filter(([name]) => !gone.includes(name))
  const changed = new Map([...kept, ...wanted])
  const own = [...changed.keys()].filter(name => !name.startsWith('os_glance'))
  if (own.length > image.properties.size) enforceQuota('properties', own.length, limits.properties)
  return changed
}

/** @throws {GlanceError} `forbidden` when the property is protected from the caller. */
export async function requireMayV1Property(
  context: RequestContext,
  operation: PropertyOperation,
  name: string,
): Promise<void> {
  if (await context.policy.allowsProperty(context, operation, name)) return
  throw new GlanceError('forbidden', `property '${name}' is protected`)
}
