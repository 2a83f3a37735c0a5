import { isDeepStrictEqual } from 'node:util'
import type { ImageRecord } from '../../database/database.ts'
import type { Readers } from '../../store/store.ts'
import type { RequestContext } from './context.ts'
import type { Service } from './service.ts'

/**
 * Tells the stores of an image's data who may read it now, where it can be got at without us. As Glance, everybody may
 * read what is public or of the community, and else the members whatever they have said to it.
 * `told` is what they know already. @throws {GlanceError} as the store does; the image itself is changed by then.
 */
export async function admitReaders(
  { onBehalf, signal }: Pick<RequestContext, 'onBehalf' | 'signal'>,
  { stores, database }: Pick<Service, 'stores' | 'database'>,
  image: ImageRecord,
  told?: Readers,
): Promise<void> {
  const open = image.locations.filter(location => stores.of(location)?.admit !== undefined)
  if (open.length === 0) return
  const readers = await readersOf(database, image)
  if (isDeepStrictEqual(readers, told)) return
  for (const location of open) {
    await stores.of(location)?.admit?.(location, readers, { caller: onBehalf, signal })
  }
}

/** Who may read an image's data besides its owner. */
export async function readersOf(
  { members }: Pick<Service['database'], 'members'>,
  { id, visibility }: Pick<ImageRecord, 'id' | 'visibility'>,
): Promise<Readers> {
  const everybody = visibility === 'public' || visibility === 'community'
  const listed = everybody ? [] : await members.list(id)
  return { everybody, projects: listed.map(({ memberId }) => memberId) }
}
