import { GlanceError } from '../errors.ts'
import { type Fields, fieldsOf, listOf, textOf } from './documents.ts'
import type { ServiceUser } from './service-user.ts'

/** What Keystone says that projects may use of one endpoint of a service. */
export class UnifiedLimits {
  readonly #user: ServiceUser
  readonly #endpointId: string
  #place: Promise<Readonly<Record<string, string>>> | undefined

  /** The user has to be one who may read endpoints and limits of others, as a reader of the system may. */
  constructor(user: ServiceUser, endpointId: string) {
    this.#user = user
    this.#endpointId = endpointId
  }

  /**
   * The limits of a project by name: its own, or else those registered for all. What has none may not be used.
   * @throws {GlanceError} when Keystone cannot be asked, or knows no such endpoint.
   */
  async find(
    project: string | null,
    names: readonly string[],
  ): Promise<ReadonlyMap<string, number>> {
    const place = await this.#where()
    const [own, registered] = await Promise.all([
      project === null ? [] : this.#list('limits', { ...place, project_id: project }),
      this.#list('registered_limits', place),
    ])
    const limit = (name: string) => {
      const isNamed = (limit: Fields) => limit['resource_name'] === name
      return own.find(isNamed)?.['resource_limit'] ?? registered.find(isNamed)?.['default_limit']
    }
    return new Map(names.map(name => [name, Number(limit(name) ?? 0)]))
  }

  async #list(what: string, query: Readonly<Record<string, string>>): Promise<readonly Fields[]> {
    return listOf(fieldsOf(await this.#user.get({ path: what, query }))[what])
  }

  /** The service and the region of the endpoint, which stay what they are. */
  async #where(): Promise<Readonly<Record<string, string>>> {
    this.#place ??= this.#askWhere().catch((error: unknown) => {
      this.#place = undefined
      throw error
    })
    return await this.#place
  }

  async #askWhere(): Promise<Readonly<Record<string, string>>> {
    const path = `endpoints/${encodeURIComponent(this.#endpointId)}`
    const endpoint = fieldsOf(fieldsOf(await this.#user.get({ path }))['endpoint'])
    const service = textOf(endpoint['service_id'])
    if (service === null) {
      throw new GlanceError(
        'unsupported',
        `Keystone tells no service of endpoint ${this.#endpointId}`,
      )
    }
    const region = textOf(endpoint['region_id'])
    return { service_id: service, ...(region !== null && { region_id: region }) }
  }
}
