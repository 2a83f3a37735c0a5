import type { Abortable } from '../../abort.ts'
import { GlanceError } from '../../errors.ts'
import type { DataConnections } from '../../http/connections.ts'
import type { Bytes } from '../../stream/bytes.ts'
import type { ByteRange } from '../../stream/range.ts'
import { checkImageId } from '../location.ts'
import type { Location, Store, StoreCall, StoredData } from '../store.ts'
import { accessTo } from './access.ts'
import { SwiftClient } from './client.ts'
import { openConnections, TIMEOUT_MS } from './connections.ts'
import { ImageObjects, type Place } from './image-objects.ts'
import { imagesIn, listContainers } from './listing.ts'
import {
  addressUrl,
  parseSwiftUrl,
  SWIFT_SCHEMES,
  type SwiftLocation,
  swiftUrl,
} from './location.ts'
import { headOf, listObjects, remove } from './objects.ts'
import { DEFAULT_DOMAIN, readAccounts, type SwiftAccount } from './reference.ts'
import type { SwiftSettings } from './settings.ts'

/** Milliseconds: segments that have been without a manifest for so long are of nobody who still writes. */
const ABANDONED_MS = 24 * 3600 * 1000

/** Accounts whose tokens are kept. */
const MOST_CLIENTS = 32

const SEGMENT = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-\d{5,}$/i

/**
 * Keeps the data of images in one account of a Swift, as Glance does: as one object or, when it is big or of unknown
 * size, as segments in the same container with a manifest (a dynamic large object).
 */
export class SwiftStore implements Store {
  readonly id: string
  readonly writable = true
  readonly schemes = SWIFT_SCHEMES
  readonly #settings: SwiftSettings
  readonly #accounts: ReadonlyMap<string, SwiftAccount>
  /** The one that is written to; undefined for a store that only reads. */
  readonly #account: SwiftAccount | undefined
  readonly #connections: DataConnections
  /** By account, the one that was asked last at the end: locations may name any number of accounts. */
  readonly #clients = new Map<string, SwiftClient>()
  readonly #objects: ImageObjects

  /** The accounts are those that it knows by name. */
  constructor(
    id: string,
    settings: SwiftSettings,
    accounts: ReadonlyMap<string, SwiftAccount>,
    connections: DataConnections,
  ) {
    this.id = id
    this.#settings = settings
    this.#accounts = accounts
    this.#account = accounts.get(settings.reference)
    this.#connections = connections
    this.#objects = new ImageObjects(id, settings)
  }

  /**
   * Nothing is asked of Swift before somebody wants something of it. @throws {GlanceError} `usage` for settings by which
   * no account can be written to.
   */
  static async open(id: string, settings: SwiftSettings): Promise<SwiftStore> {
    const { reference, configFile, endpoint, serviceType, region } = settings
    const accounts = await readAccounts(settings)
    const account = accounts.get(reference)
    if (account === undefined) {
      const missing =
        configFile === null
          ? 'swift_store_auth_address, swift_store_user and swift_store_key have to be set, or swift_store_config_file'
          : `default_swift_reference: ${configFile} has no section [${reference}]`
      throw new GlanceError('usage', missing)
    }
    const connections = await openConnections(settings)
    const options = { origin: `store ${id}`, connections, timeoutMs: TIMEOUT_MS }
    // So that what is wrong with them is told now.
    accessTo(account, { ...options, endpoint, serviceType, region, interface: settings.interface })
    return new SwiftStore(id, settings, accounts, connections)
  }

  locate(id: string): Location {
    checkImageId(id)
    return { url: swiftUrl(this.#location(id)) }
  }

  holds({ url }: Location): boolean {
    const found = this.#parsed(url)
    if (found === undefined || found.type === 'storage') return false
    const { container, containersSeed } = this.#settings
    const isOurs =
      found.container === container ||
      (containersSeed > 0 && found.container.startsWith(`${container}_`))
    if (!isOurs) return false
    if (found.type === 'reference') return this.#accounts.has(found.reference)
    return this.#named(found) !== undefined
  }

  async add(id: string, data: Bytes, size: number | null, { signal }: Abortable = {}) {
    const location = this.locate(id)
    signal?.throwIfAborted()
    const place = this.#place(location)
    const prepare = async () => await this.#prepare(place, signal)
    return { location, size: await this.#objects.add(place, id, { data, size, prepare, signal }) }
  }

  async open(
    at: Location,
    range: ByteRange | null = null,
    { signal }: Abortable = {},
  ): Promise<Bytes> {
    signal?.throwIfAborted()
    return await this.#objects.open(this.#place(at), range, signal)
  }

  async size(at: Location, { signal, asGiven = false }: StoreCall = {}): Promise<number> {
    return await this.#objects.size(this.#place(at, asGiven), signal)
  }

  /** Also removes what a write that was cut off left of the image. */
  async delete(at: Location, { signal }: Abortable = {}): Promise<void> {
    await this.#objects.delete(this.#place(at), signal)
  }

  /** Of the account that it writes to, in the containers that it has images in by its settings. */
  async *list({ signal }: Abortable = {}): AsyncGenerator<StoredData, void> {
    const { container: first, containersSeed } = this.#settings
    const { client } = this.#place({ url: swiftUrl(this.#location(NO_IMAGE)) })
    const containers =
      containersSeed === 0 ? [first] : listContainers(client, `${first}_`, { signal })
    for await (const container of containers) {
      for await (const image of imagesIn(listObjects(client, container, '', { signal }))) {
        const { name, ...found } = image
        if (this.#containerOf(name) !== container) continue
        yield { id: name.toLowerCase(), location: this.locate(name), ...found }
      }
    }
  }

  /**
   * Removes segments without a manifest, but for those of the last day: others may write to the same container, now or
   * with this very account. What is left of one image, {@link delete} removes at once.
   */
  async recover({ signal }: Abortable = {}): Promise<void> {
    const { container, containersSeed } = this.#settings
    if (containersSeed > 0) return // Up to 16^32 of them: by image only.
    const { client } = this.#place({ url: swiftUrl(this.#location(NO_IMAGE)) })
    let whole: string | undefined // Its segments come right after it in the listing.
    for await (const { name, modifiedAt } of listObjects(client, container, '', { signal })) {
      const [, image] = SEGMENT.exec(name) ?? []
      if (image === undefined) whole = name
      else if (image !== whole && Date.now() - modifiedAt.getTime() > ABANDONED_MS) {
        const isThere = (await headOf(client, `${container}/${image}`, { signal })) !== undefined
        if (isThere) whole = image
        else await remove(client, `${container}/${name}`, signal)
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connections[Symbol.dispose]()
  }

  #location(id: string): SwiftLocation {
    const { reference, configFile } = this.#settings
    const place = { container: this.#containerOf(id), object: id }
    if (configFile !== null || this.#account === undefined) {
      return { type: 'reference', reference, ...place }
    }
    const { authAddress, user, key } = this.#account
    return { type: 'account', authUrl: addressUrl(authAddress), user, key, ...place }
  }

  /** As Glance: dashes of the id are in the name, and do not count as digits. */
  #containerOf(id: string): string {
    const { container, containersSeed } = this.#settings
    if (containersSeed === 0) return container
    const lower = id.toLowerCase()
    const dashes = lower.slice(0, containersSeed).split('-').length - 1
    return `${container}_${lower.slice(0, containersSeed + dashes)}`
  }

  /** Makes sure that there is a container. */
  async #prepare({ client, container }: Place, signal: AbortSignal | undefined): Promise<void> {
    const asked = { method: 'HEAD', path: container, accepted: [404], signal } as const
    if ((await client.ask(asked)).status !== 404) return
    if (!this.#settings.createContainer) {
      const message = `store ${this.id}: Swift has no container ${container}: make it, or set swift_store_create_container_on_put`
      throw new GlanceError('unavailable', message)
    }
    await client.ask({ method: 'PUT', path: container, signal })
  }

  /** @throws {GlanceError} `invalid`; `not_found` for an account that has no name any more. */
  #place({ url }: Location, asGiven = false): Place {
    const found = parseSwiftUrl(url)
    const { container, object } = found
    return {
      client: this.#clientOf(found, asGiven),
      container,
      object,
      path: `${container}/${object}`,
    }
  }

  #clientOf(found: SwiftLocation, asGiven: boolean): SwiftClient {
    const account = this.#accountOf(found, asGiven)
    const key = JSON.stringify(account)
    const client = this.#clients.get(key) ?? this.#newClient(account)
    this.#clients.delete(key)
    this.#clients.set(key, client)
    const [oldest] = this.#clients.keys()
    if (this.#clients.size > MOST_CLIENTS && oldest !== undefined) this.#clients.delete(oldest)
    return client
  }

  #newClient(account: SwiftAccount): SwiftClient {
    const { endpoint, serviceType, region, interface: side } = this.#settings
    const transport = { connections: this.#connections, timeoutMs: TIMEOUT_MS }
    const wanted = { origin: `store ${this.id}`, serviceType, region, interface: side }
    const source = accessTo(account, { ...transport, ...wanted, endpoint })
    return new SwiftClient(source, { name: this.id, ...transport })
  }

  #accountOf(found: SwiftLocation, asGiven: boolean): SwiftAccount {
    switch (found.type) {
      case 'reference': {
        const account = this.#accounts.get(found.reference)
        if (account !== undefined) return account
        const message = `store ${this.id} knows no account '${found.reference}': is it in swift_store_config_file?`
        throw new GlanceError('not_found', message)
      }
      case 'account': {
        const { authUrl, user, key } = found
        // Of an account of ours the key may be another by now.
        const [userDomain, projectDomain] = [DEFAULT_DOMAIN, DEFAULT_DOMAIN]
        const { authVersion } = this.#account ?? this.#settings
        const foreign = { authVersion, authAddress: authUrl, user, key, userDomain, projectDomain }
        const named = this.#named(found)
        // Who does not know the key is not to be lent it.
        return named === undefined || (asGiven && named.key !== key) ? foreign : named
      }
      case 'storage': {
        const message = `store ${this.id} does not read locations without credentials: they are of a store with swift_store_multi_tenant`
        throw new GlanceError('unavailable', message)
      }
    }
  }

  /** The account of ours that has this user. */
  #named({ authUrl, user }: { authUrl: string; user: string }): SwiftAccount | undefined {
    return [...this.#accounts.values()].find(
      account => account.user === user && addressUrl(account.authAddress) === addressUrl(authUrl),
    )
  }

  #parsed(url: string): SwiftLocation | undefined {
    try {
      return parseSwiftUrl(url)
    } catch {
      return undefined
    }
  }
}

/** An id that no image has. */
const NO_IMAGE = '00000000-0000-0000-0000-000000000000'
