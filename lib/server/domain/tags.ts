import { GlanceError } from '../../errors.ts'
import { alterImage } from './alter.ts'
import { findChangeable, requireMayWrite } from './access.ts'
import type { RequestContext } from './context.ts'
import { enforceQuota } from '../quota/limits.ts'
import type { Service } from './service.ts'

/** Gives the image the tag, which it may have already. @throws {GlanceError} `not_found`, `forbidden`, `over_limit`. */
export async function addTag(
  context: RequestContext,
  service: Service,
  id: string,
  tag: string,
): Promise<void> {
  await changeTags(context, service, id, 'update', tags => {
    const more = [...new Set([...tags, tag])].toSorted()
    enforceQuota('tags', more.length, service.limits.tags)
    return more
  })
}

/** @throws {GlanceError} `not_found`, also when the image has no such tag; `forbidden`. */
export async function removeTag(
  context: RequestContext,
  service: Service,
  id: string,
  tag: string,
): Promise<void> {
  await changeTags(context, service, id, 'delete', tags => {
    if (!tags.includes(tag)) throw new GlanceError('not_found', `image ${id} has no tag ${tag}`)
    return tags.filter(other => other !== tag)
  })
}

async function changeTags(
  context: RequestContext,
  service: Service,
  id: string,
  verb: 'update' | 'delete',
  change: (tags: readonly string[]) => readonly string[],
): Promise<void> {
  requireMayWrite(context)
  await alterImage(service, id, async (_, tables) => {
    const { tags } = await findChangeable(context, tables, id, {
      refusal: `not allowed to ${verb} tags for image ${id}.`,
    })
    return { tags: change(tags) }
  })
}
