import type { ImageRecord } from '../../database/database.ts'
import { GlanceError } from '../../errors.ts'
import type { ImageEdit, OwnAttributes } from '../../image/edit.ts'
import { requireMayShow } from './access.ts'
import type { Decision } from './alter.ts'
import type { RequestContext } from './context.ts'
import { placedBy, placedChange, type SizesByUrl } from './edit-locations.ts'
import { imageTarget } from './image-target.ts'
import { enforceQuota } from '../quota/limits.ts'
import { requireMayProperty, splitProperties } from './properties.ts'
import type { Limits, Service } from './service.ts'

/**
 * What the steps, in their order, make of an image that the caller owns. All or nothing. `sizes` as for
 * {@link placedBy}. @throws {GlanceError} `forbidden`, `conflict`, `over_limit`, `invalid`.
 */
export async function applyEdits(
  context: RequestContext,
  image: ImageRecord,
  edits: readonly ImageEdit[],
  service: Service,
  sizes: SizesByUrl | null,
): Promise<Decision> {
  const { limits } = service
  let places: Decision = {}
  // As if those that the caller may not read were not there.
  const [properties, unreadable] = await splitProperties(context, image)
  let attributes: Partial<OwnAttributes> = {}
  for (const edit of edits) {
    switch (edit.type) {
      case 'set_attribute':
        await requireMaySet(context, image, edit.name, edit.change, limits)
        attributes = { ...attributes, ...edit.change }
        break
      case 'set_property':
        if (edit.when === 'absent' && properties.has(edit.name)) throw alreadyPresent(edit.name)
        if (edit.when === 'present' && !properties.has(edit.name)) throw doesNotExist(edit.name)
        await requireMayProperty(
          context,
          properties.has(edit.name) ? 'update' : 'create',
          edit.name,
        )
        properties.set(edit.name, edit.value)
        break
      case 'remove_property':
        if (!properties.has(edit.name)) throw doesNotExist(edit.name)
        await requireMayProperty(context, 'delete', edit.name)
        properties.delete(edit.name)
        break
      case 'add_location':
      case 'remove_location':
      case 'replace_locations': {
        const placed = { ...image, ...attributes, ...places }
        places = placedChange(image, await placedBy(context, service, placed, edit, sizes))
        break
      }
      case 'refuse':
        throw edit.error
    }
  }
  // As Glance: an image that is over a quota that was lowered can still be changed and shrunk.
  const all = new Map([...unreadable, ...properties])
  if ([...all.keys()].some(name => !image.properties.has(name))) {
    const own = [...all.keys()].filter(name => !name.startsWith('os_glance'))
    enforceQuota('properties', own.length, limits.properties)
  }
  return { ...attributes, ...places, properties: all }
}

function alreadyPresent(name: string): GlanceError {
  return new GlanceError('conflict', `property ${name} already present.`)
}

function doesNotExist(name: string): GlanceError {
  return new GlanceError('conflict', `property ${name} does not exist.`)
}

async function requireMaySet(
  context: RequestContext,
  image: ImageRecord,
  name: string,
  change: Partial<OwnAttributes>,
  limits: Limits,
): Promise<void> {
  // As Glance: setting it to what it is already is refused as well.
  if (change.owner !== undefined && !context.isAdmin) {
    throw new GlanceError('forbidden', "owner can't be updated by non admin.")
  }
  if (change.visibility !== undefined) {
    await requireMayShow(context, change.visibility, imageTarget(context, image))
  }
  if (change.tags !== undefined) enforceQuota('tags', change.tags.length, limits.tags)
  const isFormat = change.diskFormat !== undefined || change.containerFormat !== undefined
  if (isFormat && image.status !== 'queued' && image.status !== 'importing') {
    throw new GlanceError('forbidden', `attribute ${name} can be only replaced for a queued image.`)
  }
}
