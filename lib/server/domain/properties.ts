import type { ImageRecord } from '../../database/database.ts'
import { GlanceError } from '../../errors.ts'
import type { Properties } from '../../image/image.ts'
import type { ImageQuery } from '../../image/query.ts'
import type { PropertyOperation } from '../policy/property-protection.ts'
import type { RequestContext } from './context.ts'

/** The image without the custom properties that the caller may not read. */
export function readable(
  context: RequestContext,
  image: ImageRecord,
): ImageRecord | Promise<ImageRecord> {
  return context.policy.protectsProperties ? withoutOthers(context, image) : image
}

async function withoutOthers(context: RequestContext, image: ImageRecord): Promise<ImageRecord> {
  const [properties, unreadable] = await splitProperties(context, image)
  return unreadable.size === 0 ? image : { ...image, properties }
}

/** The custom properties that the caller may read, and the others. */
export async function splitProperties(
  context: RequestContext,
  { properties }: ImageRecord,
): Promise<[Map<string, string | null>, Properties]> {
  const readableOnes = new Map<string, string | null>()
  const others = new Map<string, string | null>()
  for (const [name, value] of properties) {
    const answer = context.policy.allowsProperty(context, 'read', name)
    const mayRead = typeof answer === 'boolean' ? answer : await answer
    ;(mayRead ? readableOnes : others).set(name, value)
  }
  return [readableOnes, others]
}

/**
 * Whether the caller may read every custom property that a listing asks for. Unlike in Glance, where a filter finds
 * images by the values of properties that their list does not show.
 */
export async function mayAskFor(
  context: RequestContext,
  { conditions }: Pick<ImageQuery, 'conditions'>,
): Promise<boolean> {
  for (const condition of conditions) {
    if (condition.type !== 'property') continue
    if (!(await context.policy.allowsProperty(context, 'read', condition.name))) return false
  }
  return true
}

/** @throws {GlanceError} `forbidden` when the property is protected from the caller. */
export async function requireMayProperty(
  context: RequestContext,
  operation: PropertyOperation,
  name: string,
): Promise<void> {
  if (await context.policy.allowsProperty(context, operation, name)) return
  throw new GlanceError('forbidden', `attribute '${name}' is reserved.`)
}
