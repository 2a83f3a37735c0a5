import type { Abortable } from '../abort.ts'
import type { Bytes } from '../stream/bytes.ts'
import type { ByteRange } from '../stream/range.ts'

/** Where a store keeps the data of one image: a URL in the store's own form. */
export interface Location {
  readonly url: string
  /** What is to be remembered of the place besides, in words that other services know; as `add` gives it. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** In whose name a store is asked. Only stores that keep data in the accounts of its owners need to know. */
export interface Caller {
  /** Null for somebody without one. */
  readonly token: string | null
  /** Keystone's list of services, in the form of its API v2. */
  readonly catalog: unknown
}

/** What is said of each thing that a store is asked for. */
export interface StoreCall extends Abortable {
  /** Not set where the service asks in nobody's name. */
  readonly caller?: Caller | undefined
  /** An image whose owner does not ask any more: the service does, by its own right, for data of this image alone. */
  readonly onlyOf?: { readonly id: string; readonly owner: string | null } | undefined
  /** Told, with `onlyOf`, of data that is never the store's to delete, and so as good as not there. */
  readonly letBe?: ((reason: string) => void) | undefined
  /** Whether the location is a user's own words: it is asked by the secrets in it, and by none of ours in their place. */
  readonly asGiven?: boolean | undefined
}

/** What is said of data that is to be stored. */
export interface StoreAddition extends StoreCall {
  /** Who may read it as soon as it is there, of a store with `admit`. Default nobody else. */
  readonly readers?: Readers | undefined
}

/** What is said to a store that is looked through. */
export interface StoreSearch extends StoreCall {
  /** The projects that own images, for a store in their accounts that is not told of all there are. */
  readonly owners?: (() => AsyncIterable<string>) | undefined
  /** Told why not everything is looked at where images may be. */
  readonly narrowed?: ((reason: string) => void) | undefined
}

/** Who may read data besides the project that owns it. */
export interface Readers {
  readonly everybody: boolean
  /** Ids. */
  readonly projects: readonly string[]
}

/** What there is under the id of one image, whole or left behind by a write that was cut off or is under way. */
export interface StoredData {
  /** By which it is named, in lower case. */
  readonly id: string
  /** What `delete` takes to remove all of it. */
  readonly location: Location
  /** Bytes that it takes up, as far as the store says. */
  readonly size: number
  /** When it was last written to, by the store's clock, or when that was begun where nothing later is known. */
  readonly modifiedAt: Date
  /** Whether it can be read; else it is what there is of a write that has not come to its end. */
  readonly isWhole: boolean
}

/** Keeps image data. Digests, quota and cache happen before the bytes reach it. */
export interface Store extends AsyncDisposable {
  /** The identifier in `stores` and in `X-Image-Meta-Store`. */
  readonly id: string
  /** Whether it keeps data itself. One that does not reads what others keep: it has nothing to locate, add or delete. */
  readonly writable: boolean
  /** The schemes of the URLs that it writes and reads, such as `file`. */
  readonly schemes: readonly string[]
  /**
   * Where the data of `id` is, or where `add(id, …)` would put it; what is remembered besides is left out. Of a store
   * that puts it into the account of whoever adds it, a place of this form in nobody's account.
   */
  locate(id: string): Location
  /** Whether the location is, by its form, one of this very store; another of the same type may read it as well. */
  holds(at: Location): boolean
  /**
   * Whether two locations that it `holds` are two places for sure, whatever else they may be spelled like. Only of stores that keep
   * data in several accounts; of others, what is alike in the name of the image is taken for one place.
   */
  areApart?(one: Location, other: Location): boolean
  /**
   * Stores the stream whole or not at all, durably: when it resolves, the bytes survive a power cut. `size` in
   * bytes, null when unknown; a stream of another length than `size` is refused.
   * @throws {GlanceError} `duplicate` when there is data for `id`; `corrupt` for another length; `over_limit` when
   * full; `unavailable` when it cannot be written to. What the stream throws is thrown on.
   */
  add(
    id: string,
    data: Bytes,
    size: number | null,
    options?: StoreAddition,
  ): Promise<{ readonly location: Location; readonly size: number }>
  /**
   * As {@link add}, of the bytes of a file on this machine, which are on its disk and which nobody changes any more: without
   * copying them. Resolves to undefined, with nothing stored, where they have to be copied all the same. Only of stores
   * whose data is files. @throws {GlanceError} as `add`.
   */
  adopt?(
    id: string,
    file: string,
    options?: StoreAddition,
  ): Promise<{ readonly location: Location; readonly size: number } | undefined>
  /**
   * The bytes of `range`, or all of them. Fewer bytes than were stored end in an error, never in a clean end.
   * @throws {GlanceError} `not_found`; `unsatisfiable_range`; while reading, `corrupt`.
   */
  open(at: Location, range?: ByteRange | null, options?: StoreCall): Promise<Bytes>
  /** Bytes. @throws {GlanceError} `not_found`. */
  size(at: Location, options?: StoreCall): Promise<number>
  /**
   * Removes what is there, and what a write that was cut off left there, of which it says `not_found` when it was all.
   * @throws {GlanceError} `not_found`; `conflict` while the data is used where it is, by clones of it.
   */
  delete(at: Location, options?: StoreCall): Promise<void>
  /**
   * Rejects when `delete` would, because the data is used where it is. Only of stores whose data can be.
   * @throws {GlanceError} `conflict`; `not_found`.
   */
  requireUnused?(at: Location, options?: StoreCall): Promise<void>
  /**
   * All that is named as this store names what it keeps, whoever put it there, in whatever order and never all in memory;
   * what has another name is not told of. Parts that make one image together are told of once, as is what a write left
   * behind without an image; that may be under the same location as the image, or one of its own that `holds` knows.
   * What comes or goes meanwhile may be told of or not. Only of stores that can be looked through: one that keeps
   * volumes tells of those whose names are ids, and counts their snapshots to them. What is in accounts of others may
   * take `onlyOf` to be deleted.
   */
  list?(options?: StoreSearch): AsyncIterable<StoredData>
  /** Removes what writes that were cut off by a crash left behind. To be called while nobody writes. */
  recover(options?: Abortable): Promise<void>
  /**
   * Removes what a write that was cut off by a crash left of one image, while others may be written: nobody writes this
   * one. Only of stores whose `delete` of the place of an image does not do so.
   */
  recoverImage?(id: string): Promise<void>
  /**
   * Says who may read the data from now on. Only of stores whose data can be got at without us; of others, it is ours
   * alone to give. @throws {GlanceError} `not_found`, `forbidden`.
   */
  admit?(at: Location, readers: Readers, options?: StoreCall): Promise<void>
}
