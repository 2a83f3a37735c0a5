import type { ImageRecord } from '../../../database/database.ts'
import { GlanceError } from '../../../errors.ts'
import type { Store } from '../../../store/store.ts'
import type { Bytes } from '../../../stream/bytes.ts'
import { limitSize } from '../../../stream/limit-size.ts'
import type { RequestContext } from '../context.ts'
import { giveUp } from '../deletion.ts'
import type { Service } from '../service.ts'
import { requireRoom } from '../storage-quota.ts'
import { beginSaving, saveData, type Stored, undoUpload } from '../upload.ts'

/**
 * Stores the data of an image that is to have it, and makes it active. `size` in bytes, null when unknown; what the
 * image says of its data has to be so. When it rejects, nothing is stored, and the image is killed: v1 tries once.
 * @throws {GlanceError} `conflict` when it is not queued; `over_limit`; `corrupt` for another size or checksum;
 * `unsupported_media_type` for data of another format or that is not safe; `gone` when the image was deleted
 * meanwhile; `unavailable`.
 */
export async function fillImage(
  context: RequestContext,
  service: Service,
  image: ImageRecord,
  data: Bytes,
  size: number | null,
  target: Store,
): Promise<ImageRecord> {
  const { id } = image
  await beginSaving(service, image)
  const room = await requireRoom(context, service, id, size).catch(async (error: unknown) => {
    await undoUpload(service, id, 'killed', null)
    throw error
  })
  const fitting = limitSize(data, room)
  const prove = (stored: Stored) => requireChecksum(image, stored)
  await saveData(context, service, image, target, fitting, size, 'killed', { prove })
  const filled = await service.database.images.find(id)
  if (filled !== undefined) return filled
  throw new GlanceError('gone', `image ${id} was deleted after its upload`)
}

function requireChecksum({ checksum }: Pick<ImageRecord, 'checksum'>, stored: Stored): void {
  if (checksum === null || checksum === stored.checksum) return
  throw new GlanceError(
    'corrupt',
    `supplied checksum (${checksum}) and checksum generated from uploaded image (${stored.checksum}) did not match.`,
  )
}

/** Gives an image up, unless somebody else has taken it further than the queue; later while the database is away. */
export async function killImage(service: Service, id: string): Promise<void> {
  await service.undoing.undo(id, () => giveUp(service, id, 'queued', 'killed'))
}

/** @throws {GlanceError} `invalid` for an image that cannot have data yet. */
export function requireFormats({
  diskFormat,
  containerFormat,
}: Pick<ImageRecord, 'diskFormat' | 'containerFormat'>): void {
  if (diskFormat === null) throw new GlanceError('invalid', 'disk format is not specified.')
  if (containerFormat === null) {
    throw new GlanceError('invalid', 'container format is not specified.')
  }
}

/**
 * The store that data is to go to: the one of that name, else the first with that scheme; the default one for null.
 * @throws {GlanceError} `invalid` when there is none.
 */
export function storeFor({ stores }: Service, asked: string | null): Store {
  if (asked === null) return stores.default
  const known = [stores.default, ...stores.all.map(({ store }) => store)]
  const named = stores.named ? stores.find(asked) : undefined
  const store = named ?? known.find(({ schemes }) => schemes.includes(asked))
  if (store !== undefined) return store
  throw new GlanceError('invalid', `required store ${asked} is invalid`)
}
