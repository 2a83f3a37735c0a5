import { GlanceError } from '../../../errors.ts'
import type { MetadefTag, TagQuery } from '../../../image/metadef.ts'
import type { RequestContext } from '../context.ts'
import type { Service } from '../service.ts'
import { findNamespace } from './access.ts'
import { addParts } from './add-parts.ts'
import type { PartKind } from './parts.ts'
import { TAG_WORDING } from './wording.ts'

export const TAGS: PartKind<MetadefTag> = {
  table: ({ metadefs }) => metadefs.tags,
  wording: TAG_WORDING,
  policies: {
    get: 'get_metadef_tag',
    list: 'get_metadef_tags',
    add: 'add_metadef_tag',
    modify: 'modify_metadef_tag',
    remove: 'delete_metadef_tag',
  },
}

/** The page that is asked for. @throws {GlanceError} `not_found` (the namespace, or the marker). */
export async function listTags(
  context: RequestContext,
  { database }: Service,
  namespace: string,
  { sort, limit, marker }: TagQuery,
): Promise<readonly MetadefTag[]> {
  await findNamespace(context, database, namespace, TAGS.policies.list)
  const tags = await database.metadefs.tags.list(namespace)
  const positions = new Map(tags.map((tag, position) => [tag, position]))
  const positionOf = (tag: MetadefTag) => positions.get(tag) ?? 0
  const sign = sort.direction === 'asc' ? 1 : -1
  const sorted = tags.toSorted(
    (a, b) => sign * (COMPARE[sort.key](a, b) || positionOf(a) - positionOf(b)),
  )
  const before = marker === null ? -1 : sorted.findIndex(({ name }) => name === marker)
  if (marker !== null && before === -1) {
    throw new GlanceError('not_found', TAG_WORDING.notFound(marker))
  }
  return sorted.slice(before + 1, limit === null ? undefined : before + 1 + limit)
}

const COMPARE: Readonly<Record<TagQuery['sort']['key'], (a: MetadefTag, b: MetadefTag) => number>> =
  {
    created_at: (a, b) => a.createdAt.getTime() - b.createdAt.getTime(),
    updated_at: (a, b) => a.updatedAt.getTime() - b.updatedAt.getTime(),
    name: (a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  }

/**
 * Puts these tags in the place of all that there are, or adds them; all or nothing. As Glance: an empty list changes
 * nothing, and a protected namespace keeps no tags from being replaced.
 * @throws {GlanceError} `not_found` (the namespace), `forbidden`, `duplicate`; `over_limit` for too many at once.
 */
export async function createTags(
  context: RequestContext,
  { database, now }: Service,
  namespace: string,
  names: readonly string[],
  { append }: { readonly append: boolean },
): Promise<void> {
  await database.transaction(async tables => {
    await findNamespace(context, tables, namespace, 'add_metadef_tags')
    const { tags } = tables.metadefs
    if (!append && names.length > 0) await tags.clear(namespace)
    const createdAt = now()
    const added = names.map(name => ({ name, createdAt, updatedAt: createdAt }))
    await addParts(tags, TAG_WORDING, namespace, added)
  })
}
