import type { Abortable } from '../../abort.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import { everything } from '../../image/query.ts'
import { IMAGE_STATUSES } from '../../image/status.ts'
import type { Database } from '../database.ts'
import { requireImageFits, requireMemberFits } from '../fits.ts'
import type { Adopted } from './adopt.ts'
import { differingFields, type WholeImage } from './compare.ts'
import { type ImageRules, type ReadImage, readImage, type SourceImage } from './images.ts'
import { labelIn } from './values.ts'

/** Takes over a page of images, all that are new in one transaction. @throws {GlanceError} as `adopt`. */
export async function adoptImages(
  page: readonly SourceImage[],
  rules: ImageRules,
  target: Database | null,
  { dryRun, signal }: Abortable & { readonly dryRun: boolean },
): Promise<readonly Adopted[]> {
  const read = page.map(source => ({ source, image: attempt(source, rules) }))
  const images = read.flatMap(({ image }) => (image instanceof GlanceError ? [] : [image]))
  const there = await thereAmong(target, images)
  const refused = new Map<string, GlanceError>()
  if (target !== null && !dryRun) {
    const fresh = images.filter(({ record }) => !there.has(record.id))
    for (const [id, outcome] of await insert(target, fresh, signal)) {
      if (outcome instanceof GlanceError) refused.set(id, outcome)
      else there.set(id, outcome)
    }
  }
  return read.map(({ source, image }) => {
    if (image instanceof GlanceError) return refusal(source, image)
    const error = refused.get(image.record.id)
    if (error !== undefined) return refusal(source, error)
    const other = there.get(image.record.id)
    const fields = other === undefined ? [] : differingFields(image, other)
    const result = other === undefined ? 'imported' : fields.length === 0 ? 'same' : 'different'
    return { ...described(image), result, fields }
  })
}

/** What is read of it, or why it cannot be kept. @throws {GlanceError} `usage`, which is no fault of the image. */
function attempt(source: SourceImage, rules: ImageRules): ReadImage | GlanceError {
  try {
    const image = readImage(source, rules)
    requireImageFits(image.record) // As the target would, which a dry run does not ask.
    image.members.forEach(requireMemberFits)
    return image
  } catch (error) {
    if (isGlanceError(error, 'invalid')) return error
    if (!isGlanceError(error)) throw error
    const message = `image ${labelIn(source.image, 'id')}: ${error.message}`
    throw new GlanceError(error.code, message, { cause: error })
  }
}

/** Those of the images that the target has, deleted or not, as they are there. */
async function thereAmong(
  target: Database | null,
  images: readonly ReadImage[],
): Promise<Map<string, WholeImage>> {
  const there = new Map<string, WholeImage>()
  if (target === null || images.length === 0) return there
  const ids = images.map(({ record }) => record.id)
  const found = await target.images.list({
    ...everything(IMAGE_STATUSES, ids.length),
    conditions: [{ type: 'text', field: 'id', in: ids }],
    deleted: 'listed',
  })
  for (const record of found) there.set(record.id, await withMembers(target, record))
  return there
}

async function withMembers(target: Database, record: WholeImage['record']): Promise<WholeImage> {
  return { record, members: await target.members.list(record.id) }
}

/**
 * Inserts all of them at once, or one by one when one of them cannot be: then, by id, why, or what somebody else has put
 * there meanwhile.
 */
async function insert(
  target: Database,
  images: readonly ReadImage[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, GlanceError | WholeImage>> {
  const failed = new Map<string, GlanceError | WholeImage>()
  if (images.length === 0) return failed
  try {
    await insertWhole(target, images, signal)
    return failed
  } catch (error) {
    if (!isGlanceError(error, 'invalid', 'duplicate')) throw error
  }
  for (const image of images) {
    const { id } = image.record
    try {
      await insertWhole(target, [image], signal)
    } catch (error) {
      if (!isGlanceError(error, 'invalid', 'duplicate')) throw error
      failed.set(id, (await thereAmong(target, [image])).get(id) ?? error)
    }
  }
  return failed
}

/** With their members, all or none. */
async function insertWhole(
  target: Database,
  images: readonly ReadImage[],
  signal: AbortSignal | undefined,
): Promise<void> {
  await target.transaction(
    async tx => {
      await tx.images.insertAll(images.map(({ record }) => record))
      for (const { members } of images) {
        for (const member of members) await tx.members.insert(member)
      }
    },
    { signal },
  )
}

function described({ record: { id, name, status }, members, notes }: ReadImage) {
  const fields = { id, name, status, reason: null, notes, members: members.length }
  return { type: 'image', ...fields } as const
}

function refusal({ image }: SourceImage, { message }: GlanceError): Adopted {
  return {
    type: 'image',
    id: labelIn(image, 'id') ?? '',
    name: labelIn(image, 'name'),
    status: labelIn(image, 'status'),
    result: 'refused',
    fields: [],
    reason: message,
    notes: [],
    members: 0,
  }
}
