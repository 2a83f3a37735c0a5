import type { Abortable } from '../../abort.ts'
import { GlanceError } from '../../errors.ts'
import type { CatalogEndpoint } from '../../keystone/grant.ts'
import type { Trustee } from '../../keystone/trust.ts'
import type { Caller } from '../store.ts'
import type { AccessSource } from './access.ts'
import { brief, callerAccess, LastingAccess } from './caller-access.ts'
import type { SwiftSettings } from './settings.ts'
import { endpointsIn, isInSwift } from './storage-url.ts'

/** By whose right accounts of projects are asked; and that no token goes to what is no Swift that is known. */
export class TenantRights {
  readonly #origin: string
  readonly #settings: SwiftSettings
  readonly #trustee: Trustee | null

  /** Without a trustee nobody's token is outlasted, and the service has no right of its own. */
  constructor(id: string, settings: SwiftSettings, trustee: Trustee | null) {
    this.#origin = `store ${id}`
    this.#settings = settings
    this.#trustee = trustee
  }

  /** Whether the service has a user. */
  get isSomebody(): boolean {
    return this.#trustee !== null
  }

  /** The caller's, for as long as their token holds; with none for a place that somebody may have named to be sent one. */
  brief(url: string, caller: Caller | undefined): AccessSource {
    const token = caller?.token ?? null
    if (token === null || this.#isInSwift(url, endpointsIn(caller?.catalog))) {
      return callerAccess(token, url)
    }
    return { ...callerAccess(null, url), advice: `a token is sent to no Swift but ${KNOWN}` }
  }

  /** The caller's, which outlasts their token where that can be. */
  lasting(url: string, caller: Caller | undefined): AccessSource & AsyncDisposable {
    const token = caller?.token ?? null
    const isKnown = this.#isInSwift(url, endpointsIn(caller?.catalog))
    if (token === null || !isKnown || !this.#settings.useTrusts) {
      return brief(this.brief(url, caller))
    }
    if (this.#trustee !== null) return new LastingAccess(token, url, this.#trustee)
    const advice = `nothing outlasts the caller's token: ${NO_USER}`
    return brief({ ...callerAccess(token, url), advice })
  }

  /** The service's own, to `what`. @throws {GlanceError} `unavailable` where it is nobody. */
  own(url: string, what: string): AccessSource {
    const { session } = this.service(what)
    return {
      access: async options => {
        const { token, catalog } = await session.grant(options)
        if (this.#isInSwift(url, catalog)) return { token, url }
        // It is a user's to say where an image is, and not to whom our token goes.
        const message = `${this.#origin}: ${what} is in no Swift of ${KNOWN}`
        throw new GlanceError('usage', message)
      },
      invalidate: async token => await session.invalidate(token),
    }
  }

  /** Whether an account is in a Swift that we know, or nothing is known of ours. */
  async mayBeOurs(url: string, { signal }: Abortable = {}): Promise<boolean> {
    if (this.#trustee === null) return true
    const { catalog } = await this.#trustee.session.grant({ signal })
    const { endpoint, serviceType } = this.#settings
    const isTold = endpoint !== null || catalog.some(({ type }) => type === serviceType)
    return !isTold || this.#isInSwift(url, catalog)
  }

  /** Who the service is, for `what`. @throws {GlanceError} `unavailable` where it is nobody. */
  service(what: string): Trustee {
    if (this.#trustee !== null) return this.#trustee
    const message = `${this.#origin} has no token for ${what}: ${NO_USER}`
    throw new GlanceError('unavailable', message)
  }

  #isInSwift(url: string, catalog: readonly CatalogEndpoint[]): boolean {
    return isInSwift(url, catalog, this.#settings)
  }
}

/** Which places are believed to be Swift. */
export const KNOWN =
  'the catalogue or swift_store_endpoint, with swift_store_service_type object-store unless set'

/** What to do about it that the service is nobody. */
const NO_USER =
  'the service has no user at Keystone; see [keystone_authtoken], or swift_store_user with swift_store_auth_version 3'
