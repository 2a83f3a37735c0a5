import type { Abortable } from '../abort.ts'
import type { Bytes } from '../stream/bytes.ts'
import type { ByteRange } from '../stream/range.ts'

/** Where a store keeps the data of one image: a URL in the store's own form. */
export interface Location {
  readonly url: string
  /** What is to be remembered of the place besides, in words that other services know; as `add` gives it. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** Keeps image data. Digests, quota and cache happen before the bytes reach it. */
export interface Store extends AsyncDisposable {
  /** The identifier in `stores` and in `X-Image-Meta-Store`. */
  readonly id: string
  /** Whether it keeps data itself. One that does not reads what others keep: it has nothing to locate, add or delete. */
  readonly writable: boolean
  /** The schemes of the URLs that it writes and reads, such as `file`. */
  readonly schemes: readonly string[]
  /** Where the data of `id` is, or where `add(id, …)` would put it; what is remembered besides is left out. */
  locate(id: string): Location
  /** Whether the location is, by its form, one of this very store; another of the same type may read it as well. */
  holds(at: Location): boolean
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
    options?: Abortable,
  ): Promise<{ readonly location: Location; readonly size: number }>
  /**
   * The bytes of `range`, or all of them. Fewer bytes than were stored end in an error, never in a clean end.
   * @throws {GlanceError} `not_found`; `unsatisfiable_range`; while reading, `corrupt`.
   */
  open(at: Location, range?: ByteRange | null, options?: Abortable): Promise<Bytes>
  /** Bytes. @throws {GlanceError} `not_found`. */
  size(at: Location, options?: Abortable): Promise<number>
  /** @throws {GlanceError} `not_found`. */
  delete(at: Location, options?: Abortable): Promise<void>
  /** Removes what writes that were cut off by a crash left behind. To be called while nobody writes. */
  recover(options?: Abortable): Promise<void>
}
