import type { Bytes } from '../../stream/bytes.ts'

/** What clients have said of the whole of which a part is the beginning. */
export interface Whole {
  /** Bytes; null while nobody has said it. */
  readonly length: number | null
  /** Lower-case hex by algorithm, in Glance's names. */
  readonly digests: Readonly<Record<string, string>>
}

/** The beginning of an image's data, which goes on where it broke off. */
export interface Part extends Whole {
  readonly imageId: string
  /** Bytes that survive a power cut. */
  readonly offset: number
  /** Whose bytes they are. */
  readonly project: string | null
  /** When bytes were put into it last. */
  readonly touchedAt: Date
}

/** A part that is appended to, by one at a time. */
export interface OpenPart extends AsyncDisposable {
  /** Of its file. */
  readonly path: string
  /** Bytes that there are, also those that are not yet on the disk. */
  readonly size: number
  /** All that was said of the whole, by any request. */
  readonly digests: Whole['digests']
  /**
   * Has it count as so many bytes of its project, which are to come, until the next claim or the end of {@link append}.
   * To be called while no byte is on its way into it. @throws {GlanceError} `unavailable`.
   */
  claim(size: number): Promise<void>
  /**
   * Puts the bytes at its end. What has come is on the disk when this resolves, and also when it rejects, as far as it
   * could be written. @throws {GlanceError} `over_limit` when the disk is full, `unavailable`; what `data` throws.
   */
  append(data: Bytes): Promise<void>
  /** All bytes from the first on, up to the end of {@link append}, which is under way. Chunks are lent. */
  follow(): Bytes
}

/** Where parts are kept, across restarts and for all processes. */
export interface Parts {
  /** How long what nobody goes on with is kept. Milliseconds. */
  readonly maxAgeMs: number
  /** Undefined also for one that is kept no longer. */
  find(imageId: string): Promise<Part | undefined>
  /** All that there are, also those that are kept no longer, of which `isExpired` says so. */
  list(): AsyncIterable<Part & { readonly isExpired: boolean }>
  /** Bytes of a project's parts, those that come in just now too and those that are claimed, but for that of one image, and what is kept no longer. */
  heldBy(project: string | null, exceptImageId: string): Promise<number>
  /** Opens the part, which is begun when there is none, or one of no bytes. To be called by one at a time. */
  open(imageId: string, said: Whole & Pick<Part, 'project'>): Promise<OpenPart>
  /** Removes what a crash left of which nobody knows what it is. To be called while nobody appends. */
  recover(): Promise<void>
  /** Removes what there may be. */
  remove(imageId: string): Promise<void>
  /** @throws {GlanceError} `over_limit` when the disk has no room for so many bytes. */
  requireSpace(bytes: number): Promise<void>
}
