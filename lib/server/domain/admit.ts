import type { ImageRecord } from '../../database/database.ts'
import type { RequestContext } from './context.ts'
import type { Service } from './service.ts'

/**
 * Tells the stores of an image's data who may read it now, where it can be got at without us. As Glance, everybody may
 * read what is public or of the community, and else the members whatever they have said to it.
 * @throws {GlanceError} as the store does; the image itself is changed by then.
 */
export async function admitReaders(
  { onBehalf, signal }: Pick<RequestContext, 'onBehalf' | 'signal'>,
  { stores, database }: Pick<Service, 'stores' | 'database'>,
  { id, visibility, locations }: ImageRecord,
): Promise<void> {
  const open = locations.filter(location => stores.of(location)?.admit !== undefined)
  if (open.length === 0) return
  const everybody = visibility === 'public' || visibility === 'community'
  const members = everybody ? [] : await database.members.list(id)
  const readers = { everybody, projects: members.map(({ memberId }) => memberId) }
  for (const location of open) {
    await stores.of(location)?.admit?.(location, readers, { caller: onBehalf, signal })
  }
}
