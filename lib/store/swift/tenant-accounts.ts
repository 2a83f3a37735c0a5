import type { Abortable } from '../../abort.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { CatalogEndpoint } from '../../keystone/grant.ts'
import type { KeystoneSession } from '../../keystone/session.ts'
import type { StoreSearch } from '../store.ts'
import { storageUrl, type WantedStorage } from './storage-url.ts'

export interface TenantAccountsOptions extends WantedStorage {
  /** Of the one account that all images are in; null where each project has its own. */
  readonly endpoint: string | null
}

/** Where the accounts of projects are, by where that of the service itself is. */
export class TenantAccounts {
  readonly #session: KeystoneSession
  readonly #options: TenantAccountsOptions

  constructor(session: KeystoneSession, options: TenantAccountsOptions) {
    this.#session = session
    this.#options = options
  }

  /** The URL of the account of a project; undefined where it cannot be told from ours. */
  async of(project: string, { signal }: Abortable = {}): Promise<string | undefined> {
    const { endpoint } = this.#options
    if (endpoint !== null) return undefined // Whose account it is, nobody says.
    const { catalog, scope } = await this.#session.grant({ signal })
    const [, own] = /^project (.+)$/.exec(scope ?? '') ?? []
    const url = this.#urlIn(catalog)
    if (own === undefined || url?.endsWith(own) !== true) return undefined
    return `${url.slice(0, -own.length)}${encodeURIComponent(project)}`
  }

  /**
   * The accounts of all projects that Keystone tells us of, or else of those that own images and those that we are in.
   * @throws {GlanceError} `unsupported` where accounts cannot be told from ours; what Keystone says.
   */
  async *all({ signal, owners, narrowed }: StoreSearch): AsyncGenerator<string, void> {
    const { endpoint, origin } = this.#options
    if (endpoint !== null) return yield endpoint
    const seen = new Set<string>()
    const told = await this.#session.projects({ signal })
    if (told?.complete !== true) {
      narrowed?.(
        'Keystone does not let the user of the service list all projects: only those that own images are looked at, and its own',
      )
      for await (const owner of owners?.() ?? []) seen.add(owner)
    }
    for (const { id } of told?.projects ?? []) seen.add(id)
    for (const project of seen) {
      signal?.throwIfAborted()
      const url = await this.of(project, { signal })
      if (url === undefined) {
        const message = `${origin}: whose accounts there are is not seen from our own: its URL in the catalogue does not end in the id of its project`
        throw new GlanceError('unsupported', message)
      }
      yield url
    }
  }

  /** What is ours in a catalogue; undefined when it does not say. */
  #urlIn(catalog: readonly CatalogEndpoint[]): string | undefined {
    try {
      return storageUrl(catalog, this.#options)
    } catch (error) {
      if (isGlanceError(error)) return undefined
      throw error
    }
  }
}

/** A refusal, with what the user of the service lacks. */
export function withoutRight(cause: GlanceError, needed: string): GlanceError {
  const message = `${cause.message}: the user of the service needs ${needed}`
  return new GlanceError('forbidden', message, { cause })
}
