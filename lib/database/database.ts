import type { Abortable } from '../abort.ts'
import type { Image } from '../image/image.ts'
import type { ImageLocation, RemovedLocation } from '../image/location.ts'
import type { Member } from '../image/member.ts'
import type {
  MetadefNamespace,
  MetadefObject,
  MetadefProperty,
  MetadefTag,
  NamespacePart,
  NamespaceQuery,
  ResourceType,
  ResourceTypeAssociation,
} from '../image/metadef.ts'
import type { ImageQuery } from '../image/query.ts'
import type { ImageStatus } from '../image/status.ts'
import type { Task, TaskQuery, TaskStatus } from '../image/task.ts'

/** An image as it is kept: what the API shows of it, and where its data is. */
export interface ImageRecord extends Image {
  /** In order of preference. */
  readonly locations: readonly ImageLocation[]
  /** Places that it is no longer at, and whose data is to be deleted later; of one that was deleted too. */
  readonly removedLocations: readonly RemovedLocation[]
  /**
   * When it was deleted, or began to wait for that (`pending_delete`). The row stays, so that its id is never given
   * out again.
   */
  readonly deletedAt: Date | null
}

/** Some columns of an image to be set, and when that was. Tags, properties and locations are replaced whole. */
export type ImageChange = Partial<Omit<ImageRecord, 'id' | 'createdAt' | 'updatedAt'>> & {
  readonly updatedAt: Date
}

/** What the images of a project take up. */
export interface ImageUsage {
  /** Of data in stores; what is there twice counts twice. */
  readonly storedBytes: number
  /** Of data that waits for its import, or is on its way to further stores. */
  readonly stagedBytes: number
  /** How many there are. */
  readonly images: number
  /** How many of them are getting data. */
  readonly uploading: number
}

/**
 * One database, whatever the engine. Times are kept to the second, as the API shows them, or finer. What has a name, such
 * as an image, a project, a tag, a property or a user, has one of 255 characters (code points) at most, formats and
 * algorithms one of 64: what is longer is `invalid`, and so is more than 2^31 - 1 for min_disk and min_ram. Other text may be of any length, and
 * other numbers are exact to 2^53.
 */
export interface Database extends AsyncDisposable {
  readonly images: ImageTable
  readonly members: MemberTable
  readonly tasks: TaskTable
  readonly metadefs: MetadefTables
  /** Left out by a driver whose rows have one form only, such as one in memory, and in a transaction. */
  readonly schema?: Schema | undefined
  /**
   * Makes the database ready for use, from nothing or from an earlier version of its schema; several processes may call
   * it at once. @throws {GlanceError} as {@link Schema.migrate}.
   */
  migrate(options?: Abortable): Promise<void>
  /**
   * Atomic: all of it, or nothing when `work` rejects. Serial: what `work` has read is still so when it is done, so
   * that it may decide upon it. `work` is run again when it got in the way of another transaction or lost its
   * connection, so it does nothing outside of `tx` that may not be done twice. Does not nest.
   * @throws {GlanceError} `unavailable` when that does not help, and when it is not known whether it was done.
   */
  transaction<T>(work: (tx: Database) => Promise<T>, options?: Abortable): Promise<T>
  /**
   * Keeps the database for one service, or for a command that needs it at rest: until what this resolves to is disposed
   * of nobody else is given it, in this process or another. That is all that it does, and everybody may read and write
   * as before. The end of the process lets go of it as well, however it ends. Left out by a driver whose data nobody
   * else can get at or that does not tell its users apart, and in a transaction.
   * @throws {GlanceError} `unavailable`, naming who has it.
   */
  hold?(options?: HoldOptions): Promise<AsyncDisposable>
}

export interface HoldOptions extends Abortable {
  /**
   * Told when the database was taken by somebody else, since it was out of reach for a while: it is held no more then,
   * until that one lets go of it.
   */
  readonly report?: ((error: unknown) => void) | undefined
}

/** The versions of the form in which a database has its rows. 0 is a database in which there is nothing. */
export interface Schema {
  /** Their names, the first of which is version 1; the last is the one that can be used. */
  readonly versions: readonly string[]
  /**
   * The one that the database has; to find out changes nothing. @throws {GlanceError} `unsupported` when a later version
   * of the driver made it; `corrupt` when it is between two versions; `conflict` when it has tables of another program.
   */
  version(): Promise<number>
  /** What the way down to version `to` would lose; all other rows are there again after the way up. */
  losses(to: number): Promise<readonly SchemaLoss[]>
  /**
   * Goes from version to version, up or down, until `to`, and resolves to those that it went to, in order. Several
   * processes may do so at once: one does it, and the others wait. All of it is done or nothing, where the engine can
   * undo such a change; else {@link version} tells of a change that was cut off, until `migrate(0)` removes everything.
   * @throws {GlanceError} as {@link version}; `usage` for a version that there is not.
   */
  migrate(to: number, options?: Abortable): Promise<readonly number[]>
}

/** So many rows, called `what` in the plural, such as `tasks`. */
export interface SchemaLoss {
  readonly what: string
  readonly rows: number
}

export interface ImageTable {
  /**
   * Undefined when absent, and when deleted or pending deletion unless `deleted` is true: here absence is an answer, not
   * an error.
   */
  find(id: string, options?: { readonly deleted?: boolean }): Promise<ImageRecord | undefined>
  /**
   * The page, in the order that was asked for. Images that are deleted, pending deletion or killed are left out unless
   * asked for. @throws {GlanceError} `not_found` when the marker is absent, or deleted or pending deletion unless the
   * query allows that.
   */
  list(query: ImageQuery): Promise<readonly ImageRecord[]>
  /** The image with all that it had, while its status is `pending_delete`. */
  findPending(id: string): Promise<ImageRecord | undefined>
  /** In ascending id order: images that are pending deletion, and others with data to be deleted. */
  listPending(query: PendingQuery): Promise<readonly ImageRecord[]>
  /** @throws {GlanceError} `duplicate`, also for the id of a deleted image. */
  insert(image: ImageRecord): Promise<void>
  /**
   * Inserts images as they come, however many, a batch of a bounded size at a time, of which memory holds one. Each batch
   * is inserted whole or not at all. When this rejects, also because the source does, the batches before have been
   * inserted, unless this is in a transaction that fails as well; so what is there are the first images of the source.
   * Nothing is locked while the source is waited for, but in a transaction. @throws {GlanceError} `duplicate`, which
   * names an id that is taken.
   */
  insertAll(images: AsyncIterable<ImageRecord> | Iterable<ImageRecord>): Promise<void>
  /**
   * Applies only while the stored status is in `from`, so that of two uploads one wins. Resolves to the image as
   * it then is. A status of `deleted` hides the image from then on, and drops its tags, properties, locations and
   * members; removed locations are those of the change, or none. One of `pending_delete` hides it and drops nothing, so that it can be made `active` again. It is then
   * `deletedAt` the time of the change, unless that says when. Of an image that is deleted only the removed locations
   * can be set. @throws {GlanceError} `conflict`; `not_found`, also for an image that is pending deletion or deleted,
   * unless that is in `from`.
   */
  update(id: string, change: ImageChange, from: readonly ImageStatus[]): Promise<ImageRecord>
  /**
   * What the images of a project take up, those of nobody for null; without the image `except`, and without those that
   * are pending deletion. Data at removed locations counts until it is deleted.
   */
  usage(owner: string | null, options?: { readonly except?: string }): Promise<ImageUsage>
  /**
   * Forgets the images that were deleted before then, and resolves to how many: their ids may be used again. Those that
   * are pending deletion are not among them, nor are those with data to be deleted. When it rejects, some may be forgotten.
   */
  purge(before: Date, options?: PurgeOptions): Promise<number>
}

export interface PurgeOptions extends Abortable {
  /** How many at most; by default all. */
  readonly limit?: number
}

/** Images of which something has waited to be deleted for a time. */
export interface PendingQuery {
  /** Only what has waited since then or longer. */
  readonly until: Date
  readonly limit: number
  /** The id after which the page begins. */
  readonly marker: string | null
}

export interface MemberTable {
  /** The members of an image, in the order in which they were added. */
  list(imageId: string): Promise<readonly Member[]>
  find(imageId: string, memberId: string): Promise<Member | undefined>
  /**
   * The memberships of a project in images that `find` finds, by ascending id of those; with `imagesOf` only in images of
   * that project.
   */
  memberships(
    memberId: string,
    options?: { readonly imagesOf?: string },
  ): Promise<readonly Member[]>
  /** @throws {GlanceError} `duplicate`, `not_found` (the image). A membership that was removed may be added again. */
  insert(member: Member): Promise<void>
  /** @throws {GlanceError} `not_found`. */
  update(imageId: string, memberId: string, change: MemberChange): Promise<Member>
  /** @throws {GlanceError} `not_found`. */
  delete(imageId: string, memberId: string): Promise<void>
}

/** Some columns of a membership to be set, and when that was. */
export type MemberChange = Partial<Pick<Member, 'status' | 'canShare'>> & {
  readonly updatedAt: Date
}

/** Some columns of a task to be set, and when that was. */
export type TaskChange = Partial<
  Pick<Task, 'status' | 'imageId' | 'message' | 'result' | 'expiresAt'>
> & { readonly updatedAt: Date }

/** Tasks, which know their images by id only and may outlive them. */
export interface TaskTable {
  find(id: string): Promise<Task | undefined>
  /** @throws {GlanceError} `not_found` when the marker is absent. */
  list(query: TaskQuery): Promise<readonly Task[]>
  /** @throws {GlanceError} `duplicate`. */
  insert(task: Task): Promise<void>
  /** Applies only while the stored status is in `from`. @throws {GlanceError} `conflict`, `not_found`. */
  update(id: string, change: TaskChange, from: readonly TaskStatus[]): Promise<Task>
  /** Forgets the tasks that expired before `now`, and resolves to how many. When it rejects, some may be forgotten. */
  deleteExpired(now: Date, options?: PurgeOptions): Promise<number>
}

/** Metadata definitions. */
export interface MetadefTables {
  readonly namespaces: NamespaceTable
  readonly properties: PartTable<MetadefProperty>
  readonly objects: PartTable<MetadefObject>
  readonly tags: PartTable<MetadefTag>
  readonly associations: PartTable<ResourceTypeAssociation>
  readonly resourceTypes: ResourceTypeTable
}

export interface NamespaceTable {
  find(namespace: string): Promise<MetadefNamespace | undefined>
  /** The page, in the order that was asked for. @throws {GlanceError} `not_found` when the marker is absent. */
  list(query: NamespaceQuery): Promise<readonly MetadefNamespace[]>
  /** @throws {GlanceError} `duplicate`. */
  insert(namespace: MetadefNamespace): Promise<void>
  /**
   * Puts another in its place, perhaps with another name, which has all that was in it.
   * @throws {GlanceError} `not_found`; `duplicate` when another has that name.
   */
  replace(namespace: string, by: MetadefNamespace): Promise<void>
  /** With all that is in it. @throws {GlanceError} `not_found`. */
  delete(namespace: string): Promise<void>
}

/** What is in namespaces, of one kind. */
export interface PartTable<T extends NamespacePart> {
  /** All in the namespace, in the order in which they were added. Nothing for a namespace that is absent. */
  list(namespace: string): Promise<readonly T[]>
  /** All in these namespaces, by namespace; a namespace in which there is none may be left out. */
  listEach(namespaces: readonly string[]): Promise<ReadonlyMap<string, readonly T[]>>
  find(namespace: string, name: string): Promise<T | undefined>
  /** @throws {GlanceError} `duplicate`, `not_found` (the namespace). */
  insert(namespace: string, part: T): Promise<void>
  /** Inserts these in this order, all or none. @throws {GlanceError} as {@link insert}. */
  insertAll(namespace: string, parts: readonly T[]): Promise<void>
  /**
   * Puts another in its place, perhaps with another name.
   * @throws {GlanceError} `not_found`; `duplicate` when another has that name.
   */
  replace(namespace: string, name: string, by: T): Promise<void>
  /** @throws {GlanceError} `not_found`. */
  delete(namespace: string, name: string): Promise<void>
  /** Deletes all in the namespace. */
  clear(namespace: string): Promise<void>
}

export interface ResourceTypeTable {
  /** All, in the order in which they were added. */
  list(): Promise<readonly ResourceType[]>
  find(name: string): Promise<ResourceType | undefined>
  /** @throws {GlanceError} `duplicate`. */
  insert(type: ResourceType): Promise<void>
}
