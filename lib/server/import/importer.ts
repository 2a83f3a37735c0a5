import type { Abortable } from '../../abort.ts'
import type { ImportRequest, ImportRules } from '../../image/import.ts'
import type { Task } from '../../image/task.ts'
import type { Store } from '../../store/store.ts'
import type { Bytes } from '../../stream/bytes.ts'
import type { OnBehalf, RequestContext } from '../domain/context.ts'
import type { Service } from '../domain/service.ts'

/** Data on another server. */
interface Remote {
  /** Bytes; null when the server does not say. More or fewer end in an error. */
  readonly size: number | null
  readonly data: Bytes
}

/** A URL that a user gave is fetched only by this, which refuses those that must not be. */
export interface Fetcher {
  /** @throws {GlanceError} `invalid`. */
  check(url: string): Promise<void>
  /** @throws {GlanceError} `invalid`, `not_found`, `unavailable`. */
  open(
    url: string,
    options: Abortable & { readonly headers?: Readonly<Record<string, string>> },
  ): Promise<Remote>
}

/** What imports work with. */
export interface Importer extends ImportRules {
  readonly service: Service
  readonly fetcher: Fetcher
}

/** An import that has its task, and the lock on its image. */
export interface ImportJob {
  readonly task: Task
  readonly imageId: string
  readonly request: Pick<ImportRequest, 'method' | 'allStoresMustSucceed'>
  /** Where the data goes. */
  readonly stores: readonly Store[]
  readonly context: Pick<RequestContext, 'roles'>
  readonly credentials: OnBehalf
}
