import type { ImageRecord } from '../../database/database.ts'
import { GlanceError } from '../../errors.ts'
import type { Properties } from '../../image/image.ts'
import type { ImageQuery } from '../../image/query.ts'
import type { PropertyOperation } from '../policy/property-protection.ts'
import type { RequestContext } from './context.ts'

/** The image without the custom properties that the caller may not read. */
export function readable(context: RequestContext, image: ImageRecord): ImageRecord {
  const [properties, unreadable] = splitProperties(context, image)
  return unreadable.size === 0 ? image : { ...image, properties }
}

/** The custom properties that the caller may read, and the others. */
export function splitProperties(
  context: RequestContext,
  { properties }: ImageRecord,
): [Map<string, string | null>, Properties] {
  const readableOnes = new Map(
    [...properties].filter(([name]) => context.policy.allowsProperty(context, 'read', name)),
  )
  const others = [...properties].filter(([name]) => !readableOnes.has(name))
  return [readableOnes, new Map(others)]
}

/**
 * Whether the caller may read every custom property that a listing asks for. Unlike in Glance, where a filter finds
 * images by the values of properties that their list does not show.
 */
export function mayAskFor(
  context: RequestContext,
  { conditions }: Pick<ImageQuery, 'conditions'>,
): boolean {
  return conditions.every(
    condition =>
      condition.type !== 'property' ||
      context.policy.allowsProperty(context, 'read', condition.name),
  )
}

/** @throws {GlanceError} `forbidden` when the property is protected from the caller. */
export function requireMayProperty(
  context: RequestContext,
  operation: PropertyOperation,
  name: string,
): void {
  if (context.policy.allowsProperty(context, operation, name)) return
  throw new GlanceError('forbidden', `attribute '${name}' is reserved.`)
}
