import { withAttempts } from '../../attempts.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { DataConnections } from '../../http/connections.ts'
import { fieldsOf, listOf, textOf } from '../../keystone/documents.ts'
import type { CatalogEndpoint } from '../../keystone/grant.ts'
import type { Bytes } from '../../stream/bytes.ts'
import type { ByteRange } from '../../stream/range.ts'
import { checkImageId } from '../location.ts'
import type { Caller, Location, Readers, Store, StoreCall } from '../store.ts'
import { SwiftClient } from './client.ts'
import { openConnections, TIMEOUT_MS } from './connections.ts'
import { ImageObjects, type Place } from './image-objects.ts'
import { parseSwiftUrl, SWIFT_SCHEMES, type SwiftLocation, swiftUrl } from './location.ts'
import type { SwiftSettings } from './settings.ts'
import { storageUrl } from './storage-url.ts'

/** A host that there is not (RFC 6761): of a location in nobody's account. */
const NOBODY = 'https://account.invalid'

/**
 * Keeps the data of each image in a container of its own, in the account of the project that uploads it, as Glance does
 * with `swift_store_multi_tenant`. Swift is asked with the token of whoever asks us.
 */
export class TenantSwiftStore implements Store {
  readonly id: string
  readonly writable = true
  readonly schemes = SWIFT_SCHEMES
  readonly #settings: SwiftSettings
  readonly #connections: DataConnections
  readonly #objects: ImageObjects

  private constructor(id: string, settings: SwiftSettings, connections: DataConnections) {
    this.id = id
    this.#settings = settings
    this.#connections = connections
    this.#objects = new ImageObjects(id, settings)
  }

  /** @throws {GlanceError} `usage` for a file of authorities that is none. */
  static async open(id: string, settings: SwiftSettings): Promise<TenantSwiftStore> {
    return new TenantSwiftStore(id, settings, await openConnections(settings))
  }

  locate(id: string): Location {
    return { url: swiftUrl(this.#location(id, NOBODY)) }
  }

  holds({ url }: Location): boolean {
    try {
      const found = parseSwiftUrl(url)
      const { container, object } = found
      return found.type === 'storage' && container === this.#containerOf(object)
    } catch {
      return false
    }
  }

  /** @throws {GlanceError} as a store, and `unavailable` for a caller whose catalogue has no Swift. */
  async add(id: string, data: Bytes, size: number | null, { signal, caller }: StoreCall = {}) {
    checkImageId(id)
    signal?.throwIfAborted()
    const location = { url: swiftUrl(this.#location(id, this.#accountOf(caller))) }
    const place = this.#place(location, caller)
    const { client, container } = place
    let isNew = false
    const prepare = async () => {
      const path = container
      const asked = { method: 'HEAD', path, accepted: [404], signal } as const
      isNew = (await client.ask(asked)).status === 404
      const headers = this.#lists({ everybody: false, projects: [] })
      if (isNew) await client.ask({ method: 'PUT', path, headers, signal })
    }
    try {
      const added = await this.#objects.add(place, id, { data, size, prepare, signal })
      return { location, size: added }
    } catch (error) {
      if (isNew) await removeContainer(place).catch(() => {})
      throw error
    }
  }

  async open(
    at: Location,
    range: ByteRange | null = null,
    { signal, caller }: StoreCall = {},
  ): Promise<Bytes> {
    signal?.throwIfAborted()
    return await this.#objects.open(this.#place(at, caller), range, signal)
  }

  async size(at: Location, { signal, caller }: StoreCall = {}): Promise<number> {
    return await this.#objects.size(this.#place(at, caller), signal)
  }

  /** With its container. */
  async delete(at: Location, { signal, caller }: StoreCall = {}): Promise<void> {
    const place = this.#place(at, caller)
    await this.#objects.delete(place, signal)
    // A container that holds something else as well is not ours to remove.
    if (place.container === this.#containerOf(place.object)) await removeContainer(place, signal)
  }

  /** Nothing: what a crash left is in accounts that only its owners get at. */
  async recover(): Promise<void> {}

  async admit(at: Location, readers: Readers, { signal, caller }: StoreCall = {}): Promise<void> {
    const { client, container: path } = this.#place(at, caller)
    const headers = this.#lists(readers)
    const asked = { method: 'POST', path, headers, accepted: [404], signal } as const
    if ((await client.ask(asked)).status === 404) throw this.#absent(path)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connections[Symbol.dispose]()
  }

  /** As Glance writes them today; that the projects of administrators may read is what its manual says of them. */
  #lists({ everybody, projects }: Readers) {
    const { adminTenants } = this.#settings
    const usersOf = (ids: readonly string[]) => [...new Set(ids)].map(id => `${id}:*`).join(',')
    return {
      'x-container-read': everybody ? '*:*' : usersOf([...projects, ...adminTenants]),
      'x-container-write': usersOf(adminTenants),
    }
  }

  #containerOf(id: string): string {
    return `${this.#settings.container}_${id}`
  }

  #location(id: string, storageUrl: string): SwiftLocation {
    checkImageId(id)
    return { type: 'storage', storageUrl, container: this.#containerOf(id), object: id }
  }

  /** The URL of the caller's account. */
  #accountOf(caller: Caller | undefined): string {
    const { endpoint, serviceType, region, interface: side } = this.#settings
    if (endpoint !== null) return endpoint
    const wanted = { origin: `store ${this.id}`, serviceType, region, interface: side }
    try {
      return storageUrl(endpointsIn(caller?.catalog), wanted)
    } catch (error) {
      if (!isGlanceError(error)) throw error
      throw new GlanceError('unavailable', error.message, { cause: error })
    }
  }

  #place({ url }: Location, caller: Caller | undefined): Place {
    const found = parseSwiftUrl(url)
    const { container, object } = found
    const path = `${container}/${object}`
    if (found.type !== 'storage') {
      const message = `store ${this.id} reads no locations with credentials: it has swift_store_multi_tenant`
      throw new GlanceError('unavailable', message)
    }
    if (found.storageUrl === NOBODY) throw this.#absent(path)
    const token = caller?.token ?? null
    const access = { token, url: found.storageUrl }
    const source = { access: async () => access, invalidate: async () => false }
    const transport = { connections: this.#connections, timeoutMs: TIMEOUT_MS }
    return {
      client: new SwiftClient(source, { name: this.id, ...transport }),
      container,
      object,
      path,
    }
  }

  #absent(path: string): GlanceError {
    return new GlanceError('not_found', `store ${this.id} has no object ${path}`)
  }
}

/** Swift may take a moment to see that a container is empty. */
async function removeContainer({ client, container }: Place, signal?: AbortSignal): Promise<void> {
  const remove = async () => {
    const asked = { method: 'DELETE', path: container, accepted: [404, 409], signal } as const
    const { status } = await client.ask(asked)
    if (status !== 409) return
    throw new GlanceError('unavailable', `Swift says that the container ${container} is not empty`)
  }
  await withAttempts(remove, { signal })
}

/** Of a catalogue in the form of the Identity API v2, or of v3. */
function endpointsIn(catalog: unknown): readonly CatalogEndpoint[] {
  return listOf(catalog).flatMap(service =>
    listOf(service['endpoints']).flatMap(endpoint => {
      const of = (side: string, url: unknown) => ({
        type: textOf(service['type']) ?? '',
        name: textOf(service['name']) ?? '',
        region: textOf(endpoint['region']) ?? textOf(endpoint['region_id']),
        interface: side,
        url: textOf(url) ?? '',
      })
      const v3 = textOf(endpoint['interface'])
      if (v3 !== null) return [of(v3, endpoint['url'])]
      const fields = fieldsOf(endpoint)
      return ['public', 'internal', 'admin']
        .filter(side => textOf(fields[`${side}URL`]) !== null)
        .map(side => of(side, fields[`${side}URL`]))
    }),
  )
}
