import { GlanceError, isGlanceError } from '../../errors.ts'
import type { DataConnections } from '../../http/connections.ts'
import type { Trustee } from '../../keystone/trust.ts'
import type { Bytes } from '../../stream/bytes.ts'
import type { ByteRange } from '../../stream/range.ts'
import { checkImageId } from '../location.ts'
import type {
  Caller,
  Location,
  Readers,
  Store,
  StoreAddition,
  StoreCall,
  StoredData,
  StoreSearch,
} from '../store.ts'
import type { AccessSource } from './access.ts'
import { brief, releasing } from './caller-access.ts'
import { SwiftClient } from './client.ts'
import { TIMEOUT_MS } from './connections.ts'
import { ImageObjects, type Place, removeContainer } from './image-objects.ts'
import { imagesInContainers } from './listing.ts'
import { parseSwiftUrl, SWIFT_SCHEMES, type SwiftLocation, swiftUrl } from './location.ts'
import type { SwiftSettings } from './settings.ts'
import { endpointsIn, inOtherAccounts, storageUrl, type WantedStorage } from './storage-url.ts'
import { TenantAccounts, withoutRight } from './tenant-accounts.ts'
import { KNOWN, TenantRights } from './tenant-rights.ts'

/** A host that there is not (RFC 6761): of a location in nobody's account. */
const NOBODY = 'https://account.invalid'

type Owned = NonNullable<StoreCall['onlyOf']>

/** How an image is deleted. */
interface Deletion {
  /** Whether nothing is that it names elsewhere. Default no. */
  readonly isAlone?: boolean
  /** Whether its container stays where that cannot be. Default no. */
  readonly mayStay?: (error: unknown) => boolean
}

const NOBODY_ELSE: Readers = { everybody: false, projects: [] }

/**
 * Keeps the data of each image in a container of its own, in the account of the project that uploads it, as Glance does
 * with `swift_store_multi_tenant`. Swift is asked with the token of whoever asks us; where that may end before we do, by
 * a trust of theirs; and with our own for images whose owners have deleted them.
 */
export class TenantSwiftStore implements Store {
  readonly id: string
  readonly writable = true
  readonly schemes = SWIFT_SCHEMES
  readonly #settings: SwiftSettings
  /** Those to Swift first. */
  readonly #connections: readonly [DataConnections, ...DataConnections[]]
  readonly #rights: TenantRights
  readonly #objects: ImageObjects

  /**
   * All connections are closed at the end; the first are those to Swift. Without a trustee nobody's token is outlasted,
   * and the service deletes nothing by its own right.
   */
  constructor(
    id: string,
    settings: SwiftSettings,
    connections: readonly [DataConnections, ...DataConnections[]],
    trustee: Trustee | null = null,
  ) {
    this.id = id
    this.#settings = settings
    this.#connections = connections
    this.#rights = new TenantRights(id, settings, trustee)
    this.#objects = new ImageObjects(id, settings)
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

  areApart(one: Location, other: Location): boolean {
    return inOtherAccounts(this.#accountIn(one), this.#accountIn(other))
  }

  /** @throws {GlanceError} as a store, and `unavailable` for a caller whose catalogue has no Swift. */
  async add(
    id: string,
    data: Bytes,
    size: number | null,
    { signal, caller, readers = NOBODY_ELSE }: StoreAddition = {},
  ) {
    checkImageId(id)
    signal?.throwIfAborted()
    const location = { url: swiftUrl(this.#location(id, this.#accountOf(caller))) }
    const { container, url } = this.#parsed(location)
    const isLong = size === null || size >= this.#settings.largeObjectSize
    await using access = isLong
      ? this.#rights.lasting(url, caller)
      : brief(this.#rights.brief(url, caller))
    const place = this.#place(location, access)
    const { client } = place
    let isNew = false
    const prepare = async () => {
      const path = container
      const asked = { method: 'HEAD', path, accepted: [404], signal } as const
      isNew = (await client.ask(asked)).status === 404
      // One that is there, of an upload that was cut off, only gets the lists.
      await client.ask({ method: 'PUT', path, headers: this.#lists(readers), signal })
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
    const { url } = this.#parsed(at)
    const place = this.#place(at, this.#rights.brief(url, caller))
    // What is read at once needs no token later on.
    if (this.#settings.retryGetCount === 0) return await this.#objects.open(place, range, signal)
    const access = this.#rights.lasting(url, caller)
    const data = await this.#objects.open(place, range, signal, this.#place(at, access))
    return releasing(data, access)
  }

  async size(at: Location, { signal, caller, onlyOf }: StoreCall = {}): Promise<number> {
    const { url } = this.#parsed(at)
    const access = onlyOf === undefined ? this.#rights.brief(url, caller) : this.#ours(at, onlyOf)
    return await this.#objects.size(this.#place(at, access), signal)
  }

  /** With its container. Of nobody's place the service looks into the account of the owner, where it may. */
  async delete(at: Location, { signal, caller, onlyOf, letBe }: StoreCall = {}): Promise<void> {
    if (onlyOf !== undefined) return await this.#deleteOurs(at, onlyOf, { signal, letBe })
    const { url } = this.#parsed(at)
    await this.#deleteAt(this.#place(at, this.#rights.brief(url, caller)), signal)
  }

  /**
   * By the right of the service, in the accounts of projects. @throws {GlanceError} `forbidden` without that right,
   * `unavailable` where the service is nobody; `unsupported` where it is not seen which accounts there are.
   */
  async *list(search: StoreSearch = {}): AsyncGenerator<StoredData, void> {
    const { signal } = search
    signal?.throwIfAborted()
    try {
      for await (const account of this.#accounts.all(search)) {
        const client = this.#clientBy(this.#rights.own(account, `the account ${account}`))
        for await (const image of imagesInContainers(client, this.#prefix, { signal })) {
          const { name, ...found } = image
          const location = { url: swiftUrl(this.#location(name, account)) }
          yield { id: name.toLowerCase(), location, ...found }
        }
      }
    } catch (error) {
      if (!isGlanceError(error, 'forbidden')) throw error
      throw withoutRight(error, "Swift's role ResellerAdmin to look through the accounts")
    }
  }

  /** Nothing: what a crash left is in accounts of owners, to be deleted for each image. */
  async recover(): Promise<void> {}

  async admit(at: Location, readers: Readers, { signal, caller }: StoreCall = {}): Promise<void> {
    const { url } = this.#parsed(at)
    const { client, container: path } = this.#place(at, this.#rights.brief(url, caller))
    const headers = this.#lists(readers)
    const asked = { method: 'POST', path, headers, accepted: [404], signal } as const
    if ((await client.ask(asked)).status === 404) throw this.#absent(path)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connections of this.#connections) connections[Symbol.dispose]()
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
    return `${this.#prefix}${id}`
  }

  get #prefix(): string {
    return `${this.#settings.container}_`
  }

  #location(id: string, storageUrl: string): SwiftLocation {
    checkImageId(id)
    return { type: 'storage', storageUrl, container: this.#containerOf(id), object: id }
  }

  /** The URL of the account of a location that `holds` knows. */
  #accountIn({ url }: Location): string {
    const found = parseSwiftUrl(url)
    return found.type === 'storage' ? found.storageUrl : NOBODY
  }

  /** The URL of the caller's account. */
  #accountOf(caller: Caller | undefined): string {
    const { endpoint } = this.#settings
    if (endpoint !== null) return endpoint
    try {
      return storageUrl(endpointsIn(caller?.catalog), this.#wanted)
    } catch (error) {
      if (!isGlanceError(error)) throw error
      throw new GlanceError('unavailable', error.message, { cause: error })
    }
  }

  async #deleteAt(
    place: Place,
    signal: AbortSignal | undefined,
    { isAlone = false, mayStay }: Deletion = {},
  ): Promise<void> {
    const work = isAlone
      ? this.#objects.deleteAlone(place, signal)
      : this.#objects.delete(place, signal)
    const missing = await work.catch((error: unknown) => {
      if (isGlanceError(error, 'not_found')) return error
      throw error
    })
    // A container that holds something else as well is not ours to remove.
    if (place.container === this.#containerOf(place.object)) {
      await removeContainer(place, signal).catch((error: unknown) => {
        if (mayStay?.(error) !== true) throw error
      })
    }
    if (missing !== undefined) throw missing
  }

  async #deleteOurs(at: Location, image: Owned, { signal, letBe }: StoreCall): Promise<void> {
    const isNobodys = at.url === this.locate(image.id).url
    const found = isNobodys ? await this.#locateOf(image, signal) : at
    // What a user says is there, and we never put there, is not ours to delete: nothing is left to be done.
    await this.#checkOurs(found, image, signal).catch((error: unknown) => {
      if (isGlanceError(error, 'not_found')) letBe?.(error.message)
      throw error
    })
    const place = this.#place(found, this.#ours(found, image))
    // Projects of administrators may empty containers, and not remove them.
    const mayStay = (error: unknown) => isGlanceError(error, 'forbidden')
    await this.#deleteAt(place, signal, { isAlone: true, mayStay }).catch((error: unknown) => {
      if (!isGlanceError(error, 'forbidden')) throw error
      throw isNobodys ? this.#absent(place.path) : withoutRight(error, ROLE_OR_PROJECT)
    })
  }

  /** @throws {GlanceError} `not_found` for a place that is not ours, or in another Swift where ours is known. */
  async #checkOurs(at: Location, image: Owned, signal: AbortSignal | undefined): Promise<void> {
    if (!this.#isOf(at, image)) throw this.#notOurs('not_found', at, image)
    const { path, url } = this.#parsed(at)
    if (await this.#rights.mayBeOurs(url, { signal })) return
    const message = `store ${this.id} did not put an image at ${path} of ${new URL(url).host}: that is no Swift of ${KNOWN}`
    throw new GlanceError('not_found', message)
  }

  /** Where the image is in the account of its owner. @throws {GlanceError} `not_found` where we cannot tell. */
  async #locateOf({ id, owner }: Owned, signal: AbortSignal | undefined): Promise<Location> {
    const nowhere = { url: swiftUrl(this.#location(id, NOBODY)) }
    if (!this.#rights.isSomebody || owner === null) return nowhere
    const account = await this.#accounts.of(owner, { signal })
    return account === undefined ? nowhere : { url: swiftUrl(this.#location(id, account)) }
  }

  /** @throws {GlanceError} `unavailable` where the service is nobody. */
  get #accounts(): TenantAccounts {
    const { endpoint } = this.#settings
    return new TenantAccounts(this.#rights.service('whatever is there').session, {
      ...this.#wanted,
      endpoint,
    })
  }

  get #wanted(): WantedStorage {
    const { serviceType, region, interface: side } = this.#settings
    return { origin: `store ${this.id}`, serviceType, region, interface: side }
  }

  /** @throws {GlanceError} `unavailable` for a location that is not of a caller's account; `not_found` for nobody's. */
  #parsed({ url }: Location) {
    const { container, object, ...found } = parseSwiftUrl(url)
    const path = `${container}/${object}`
    if (found.type !== 'storage') {
      const message = `store ${this.id} reads no locations with credentials: it has swift_store_multi_tenant`
      throw new GlanceError('unavailable', message)
    }
    if (found.storageUrl === NOBODY) throw this.#absent(path)
    return { container, object, path, url: found.storageUrl }
  }

  #place(at: Location, access: AccessSource): Place {
    const { container, object, path } = this.#parsed(at)
    return { client: this.#clientBy(access), container, object, path }
  }

  #clientBy(access: AccessSource): SwiftClient {
    const [connections] = this.#connections
    return new SwiftClient(access, { name: this.id, connections, timeoutMs: TIMEOUT_MS })
  }

  /**
   * By our own right, where this is the place at which we put that image. @throws {GlanceError} `forbidden` elsewhere:
   * users may name places that are not theirs; `unavailable`.
   */
  #ours(at: Location, image: Owned): AccessSource {
    const { path, url } = this.#parsed(at)
    if (!this.#isOf(at, image)) throw this.#notOurs('forbidden', at, image)
    return this.#rights.own(url, `the account that ${path} is in`)
  }

  /** Whether this is the place at which we put that image, in whatever account. */
  #isOf(at: Location, { id }: Owned): boolean {
    return this.#parsed(at).object === id && this.holds(at)
  }

  #notOurs(code: 'forbidden' | 'not_found', at: Location, { id }: Owned): GlanceError {
    const { path } = this.#parsed(at)
    const message = `store ${this.id} did not put image ${id} at ${path}: only who may write there can delete it`
    return new GlanceError(code, message)
  }

  #absent(path: string): GlanceError {
    return new GlanceError('not_found', `store ${this.id} has no object ${path}`)
  }
}

/** What deletes. */
const ROLE_OR_PROJECT =
  "Swift's role ResellerAdmin, or its project to be among swift_store_admin_tenants"
