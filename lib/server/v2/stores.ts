import type { FastifyInstance, FastifyRequest } from 'fastify'
import { GlanceError } from '../../errors.ts'
import type { Store } from '../../store/store.ts'
import { listStores, listStoresInDetail } from '../domain/list-stores.ts'
import { deleteFromStore } from '../domain/locations.ts'
import type { Service } from '../domain/service.ts'
import type { ConfiguredStore } from '../domain/stores.ts'
import { BODILESS } from '../http/app.ts'
import { contextOf } from '../http/context.ts'
import { queryOf } from '../http/query.ts'

/** A path with a store and an image in it. */
interface StorePath {
  readonly Params: { readonly store: string; readonly id: string }
}

/** Which stores there are, and taking the data of an image out of one. */
export function storeRoutes(app: FastifyInstance, service: Service): void {
  app.get('/info/stores', BODILESS, async () => {
    return { stores: listStores(service).map(store => describe(service, store)) }
  })

  app.get('/info/stores/detail', BODILESS, async request => {
    const all = await listStoresInDetail(contextOf(request), service)
    const stores = all.map(store => {
      const { type, weight, properties } = store
      return { ...describe(service, store), type, weight, properties }
    })
    return { stores }
  })

  app.delete<StorePath>('/stores/:store/:id', BODILESS, async (request, reply) => {
    const { store, id } = request.params
    await deleteFromStore(contextOf(request), service, store, id)
    return reply.code(204).send()
  })
}

/** The store that a request asks for by `X-Image-Meta-Store`. @throws {GlanceError} `invalid` when there is none such. */
export function chosenStore({ headers }: FastifyRequest, { stores }: Service): Store {
  const asked = headers['x-image-meta-store']
  if (!stores.named || asked === undefined) return stores.default
  const store = typeof asked === 'string' ? stores.find(asked) : undefined
  if (store !== undefined) return store
  throw new GlanceError('invalid', `store for identifier ${String(asked)} not found`)
}

/**
 * The stores that a download prefers (`?prefer=a,b`), in order.
 * @throws {GlanceError} `invalid` for stores that there are not, and while stores have no names.
 */
export function preferredStores(request: FastifyRequest, { stores }: Service): readonly Store[] {
  const prefer = queryOf(request).get('prefer')
  if (prefer === null) return []
  if (!stores.named) {
    throw new GlanceError('invalid', 'a store can only be preferred where stores have names')
  }
  return prefer.split(',').map(id => {
    const store = stores.find(id.trim())
    if (store !== undefined) return store
    throw new GlanceError('invalid', `the preferred store ${id} is not available on this node.`)
  })
}

/** As Glance, which says yes by a text and no by silence. */
function describe(
  { stores }: Service,
  { store, description }: ConfiguredStore,
): Readonly<Record<string, string>> {
  return {
    id: store.id,
    ...(description !== null && { description }),
    ...(store === stores.default && { default: 'true' }),
    ...(!store.writable && { 'read-only': 'true' }),
  }
}
