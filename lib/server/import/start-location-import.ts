import type { ImageRecord } from '../../database/database.ts'
import { GlanceError } from '../../errors.ts'
import type { Digest } from '../../image/digest.ts'
import { findVisible, requireAllowedOn, requireMayWrite } from '../domain/access.ts'
import type { RequestContext } from '../domain/context.ts'
import { bringing } from '../domain/deletion.ts'
import { isHexOf } from '../domain/location-digests.ts'
import { newTask } from '../domain/tasks.ts'
import { enforceQuota } from '../quota/limits.ts'
import type { Importer } from './importer.ts'
import { runLocationImport } from './location-flow.ts'
import { lockImage } from './lock.ts'

/** A location that somebody registers for an image without data. */
export interface RegisteredLocation {
  readonly url: string
  readonly digest: Digest | null
  readonly document: Readonly<Record<string, unknown>>
}

/**
 * Begins to make the image active with the data at a URL, which goes on in the background.
 * @throws {GlanceError} `not_found`; `forbidden`, also for a URL that only services may register; `conflict`;
 * `over_limit`; `invalid`.
 */
export async function startLocationImport(
  context: RequestContext,
  importer: Importer,
  id: string,
  { url, digest, document }: RegisteredLocation,
): Promise<void> {
  requireMayWrite(context)
  const { service, fetcher } = importer
  const image = await findVisible(context, service.database, id)
  await requireAllowedOn(context, 'add_image_location', image)
  requireQueued(image)
  enforceQuota('locations', image.locations.length + 1, service.limits.locations)
  const store = service.stores.of({ url, metadata: {} })
  const isHttp = /^https?:/i.test(url)
  if (!isFromService(context) && (!isHttp || store === undefined)) {
    throw new GlanceError('forbidden', 'only http(s) locations may be added by users')
  }
  if (digest !== null && !isHexOf(digest.algorithm, digest.value)) {
    throw new GlanceError('invalid', `os_hash_value is no digest by ${digest.algorithm}`)
  }
  if (isHttp) await fetcher.check(url)
  const backend = [service.stores.named ? (store?.id ?? null) : null]
  const input = {
    image_id: id,
    loc_url: url,
    validation_data: document['validation_data'],
    backend,
  }
  const task = newTask(context, service, 'location_import', id, input)
  await lockImage(service, task, id, { admit: requireQueued })
  const job = { task, imageId: id, url, digest, caller: context.onBehalf }
  service.background.start(signal =>
    bringing(service, id, async () => await runLocationImport(importer, job, signal)),
  )
}

function requireQueued({ status }: Pick<ImageRecord, 'status'>): void {
  if (status === 'queued') return
  throw new GlanceError('conflict', 'only images with status queued can have locations added')
}

/**
 * As Glance (`add_location` in glance/api/v2/images.py): a service is believed what it says of its own stores, also
 * when it acts for a user, by a service token. That lends the user nothing else, lest a service be sent to fetch or
 * change what its user may not. What Glance tells only services (`fetch_image_location`, `stores_info_detail`) goes by
 * the rule `service_api`, which is `role:service or role:admin` (glance/policies/base.py), and `role` looks at the
 * roles of the caller's own token: oslo.context has those of a service token in `service_roles`, which no default
 * asks for. Only where Glance protects properties does it add them to the caller's by mistake
 * (`check_property_rules` in glance/common/property_utils.py), which is not done here.
 */
function isFromService({ roles, serviceRoles }: RequestContext): boolean {
  return roles.includes('service') || serviceRoles.includes('service')
}
