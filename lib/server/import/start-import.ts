import type { ImageRecord } from '../../database/database.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { ImportRequest } from '../../image/import.ts'
import type { Store } from '../../store/store.ts'
import { findVisible, requireAllowedOn, requireMayWrite, requireOwner } from '../domain/access.ts'
import type { RequestContext } from '../domain/context.ts'
import { bringing } from '../domain/deletion.ts'
import { requireWithinLimits } from '../domain/project-limits.ts'
import type { Service } from '../domain/service.ts'
import { newTask } from '../domain/tasks.ts'
import { runImport } from './flow.ts'
import { requireImportable } from './importable.ts'
import type { Importer } from './importer.ts'
import { lockImage, requireNoTask } from './lock.ts'

/**
 * Begins an import, which goes on in the background; `header` is the store that the request's headers name.
 * @throws {GlanceError} `not_found`, `forbidden`, `conflict`, `invalid`.
 */
export async function startImport(
  context: RequestContext,
  importer: Importer,
  id: string,
  request: ImportRequest,
  header: string | null,
): Promise<void> {
  requireMayWrite(context)
  const { service } = importer
  await requireWithinLimits(context, service, { image_size_total: 0 })
  const image = await findVisible(context, service.database, id)
  const { method } = request
  requireImportable(image, request)
  if (method.name === 'glance-download' && method.source instanceof GlanceError) throw method.source
  if (method.name === 'copy-image') await requireAllowedOn(context, 'copy_image', image)
  else {
    await requireAllowedOn(context, 'modify_image', image)
    requireOwner(context, image)
  }
  await requireNoTask(service, image)
  const stores = storesFor(service, image, request, header)
  if (stores.length === 0) return
  if (!request.allStoresMustSucceed && !service.stores.named) {
    throw new GlanceError(
      'invalid',
      'all_stores_must_succeed can only be set with enabled_backends',
    )
  }
  if (method.name === 'web-download') await requireFetchable(importer, method.uri)
  const backend = stores.map(store => (service.stores.named ? store.id : null))
  const input = { image_id: id, import_req: request.document, backend }
  const task = newTask(context, service, 'api_image_import', id, input)
  await lockImage(service, task, id, {
    admit: current => {
      requireImportable(current, request)
      requireWithout(service, current, method.name === 'copy-image' ? stores : [])
    },
    refusal: `new operation on image '${id}' is not permitted as prior operation is still in progress`,
  })
  const { roles, onBehalf: credentials } = context
  const job = { task, imageId: id, request, stores, context: { roles }, credentials }
  service.background.start(signal =>
    bringing(service, id, async () => await runImport(importer, job, signal)),
  )
}

/** @throws {GlanceError} `invalid` when one of the stores has the image already. */
function requireWithout({ stores }: Service, image: ImageRecord, wanted: readonly Store[]): void {
  const holding = new Set(image.locations.map(location => stores.of(location)))
  const present = wanted.find(store => holding.has(store))
  if (present === undefined) return
  throw new GlanceError('invalid', `image is already present at store '${present.id}'`)
}

/** None when every store has the image already. @throws {GlanceError} `conflict` for an unknown store; `invalid`. */
function storesFor(
  service: Service,
  image: ImageRecord,
  request: ImportRequest,
  header: string | null,
): readonly Store[] {
  const { stores } = service
  const isCopying = request.method.name === 'copy-image'
  if (!stores.named) {
    if (!isCopying) return [stores.default]
    throw new GlanceError('invalid', 'images are copied only where stores have names')
  }
  if (request.allStores) {
    if (request.stores !== null || header !== null) {
      throw new GlanceError(
        'invalid',
        "All_stores parameter can't be used with x-image-meta-store header or stores parameter",
      )
    }
    const taking = new Set(stores.writable)
    const all = stores.all.map(({ store }) => store).filter(store => taking.has(store))
    const holding = new Set(image.locations.map(location => stores.of(location)))
    return isCopying ? all.filter(store => !holding.has(store)) : all
  }
  if (request.stores !== null && header !== null) {
    throw new GlanceError(
      'invalid',
      "stores parameter and x-image-meta-store header can't be both specified",
    )
  }
  const names = request.stores ?? [header ?? stores.default.id]
  const chosen = names.map(name => {
    const store = stores.find(name)
    if (store !== undefined) return store
    throw new GlanceError('conflict', `store for identifier ${name} not found`)
  })
  if (isCopying) requireWithout(service, image, chosen)
  return chosen
}

async function requireFetchable({ fetcher }: Importer, uri: string): Promise<void> {
  try {
    await fetcher.check(uri)
  } catch (error) {
    if (!isGlanceError(error)) throw error
    const message = `URI for web-download does not pass filtering: ${uri}`
    throw new GlanceError('invalid', message, { cause: error })
  }
}
