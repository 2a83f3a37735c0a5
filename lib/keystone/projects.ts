import { isGlanceError } from '../errors.ts'
import { exchange, type JsonRequest } from '../http/client.ts'
import { fieldsOf, listOf, textOf } from './documents.ts'

/** A project of a cloud. */
export interface Project {
  readonly id: string
  readonly name: string
  readonly domainId: string
  /** Null where we are not told. */
  readonly domainName: string | null
}

export interface ProjectList {
  readonly projects: readonly Project[]
  /** Whether there are no others; only an administrator is told of all. */
  readonly complete: boolean
}

type Asked = Pick<JsonRequest, 'timeoutMs' | 'connections' | 'signal'>

/** The projects of the Keystone v3 at `base`: all of them or, where that is refused, those in which we have a role. */
export async function listProjects(base: URL, token: string, asked: Asked): Promise<ProjectList> {
  const list = async (path: string, name: string) => {
    const url = new URL(`${base.href.replace(/\/+$/, '')}/${path}`)
    const request = { method: 'GET', url, headers: { 'x-auth-token': token }, ...asked } as const
    const document = fieldsOf((await exchange(request)).json)
    return { rows: listOf(document[name]), complete: document['truncated'] !== true }
  }
  /** What we may know of all there are, else of ours. */
  const known = async (name: 'projects' | 'domains') => {
    try {
      return await list(name, name)
    } catch (error) {
      if (!isGlanceError(error, 'forbidden')) throw error
      return { ...(await list(`auth/${name}`, name)), complete: false }
    }
  }
  const domains = await known('domains').catch((error: unknown) => {
    if (!isGlanceError(error, 'forbidden', 'not_found')) throw error
    return { rows: [] } // They are then known by their ids.
  })
  const names = new Map(domains.rows.map(({ id, name }) => [textOf(id), textOf(name)] as const))
  const { rows, complete } = await known('projects')
  const projects = rows.flatMap(row => {
    const [id, name, domainId] = [textOf(row['id']), textOf(row['name']), textOf(row['domain_id'])]
    if (id === null || name === null) return []
    return [{ id, name, domainId: domainId ?? '', domainName: names.get(domainId) ?? null }]
  })
  return { projects, complete }
}
