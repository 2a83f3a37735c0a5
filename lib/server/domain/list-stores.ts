import { GlanceError } from '../../errors.ts'
import { requireAllowed } from './access.ts'
import type { RequestContext } from './context.ts'
import type { Service } from './service.ts'
import type { ConfiguredStore } from './stores.ts'

/** The stores, for everybody. @throws {GlanceError} `not_found` when they have no names. */
export function listStores({ stores }: Service): readonly ConfiguredStore[] {
  if (stores.named) return stores.all
  throw new GlanceError('not_found', 'multi backend is not supported at this site.')
}

/** The stores with how they are set up. @throws {GlanceError} `not_found` when they have no names; `forbidden`. */
export async function listStoresInDetail(
  context: RequestContext,
  service: Service,
): Promise<readonly ConfiguredStore[]> {
  const stores = listStores(service)
  await requireAllowed(context, 'stores_info_detail')
  return stores
}
