import type { Abortable } from '../abort.ts'
import type { GlanceError } from '../errors.ts'
import type { Digest } from '../image/digest.ts'
import type { Image } from '../image/image.ts'
import type { MemberStatus } from '../image/member.ts'
import type { ImageHint } from '../image/query.ts'
import type { Bytes } from '../stream/bytes.ts'
import type { ByteRange } from '../stream/range.ts'
import type { Expressed } from '../wire/loss.ts'

/** What an endpoint can do: asked, not tried. */
export interface EndpointFeatures {
  /** Whether `list` yields in ascending id order. */
  readonly ordered: boolean
  /** Whether opening data at an `offset` spares reading what is before it, as far as the endpoint can tell. */
  readonly ranges: boolean
  /** Whether images added may belong to any project, as far as is known: v1 shows it only by the images it has. */
  readonly ownersCarried: boolean
  /**
   * Whether the endpoint computes the digests of what it is given, so that a copy is proved by comparing its
   * `checksum` or `digest` with the source's. Where it does not, it checks what it is given itself.
   */
  readonly hashes: boolean
  /**
   * Whether what failed while data was on its way can be tried again under the same id. Where it cannot, as in v1,
   * `add` then rejects with `gone`.
   */
  readonly repeatable: boolean
  /** Whether `add` writes anew what is there and cannot be understood, as if it were not. Default false. */
  readonly rewrites?: boolean | undefined
  /** What `withdraw` can do with an image. Default: nothing. */
  readonly withdrawals?: readonly Withdrawal[] | undefined
  /**
   * Whether it is read from its beginning to its end, once: the data of an image has to be read before the next image is
   * asked for, and nothing can be asked for again. Default false.
   */
  readonly sequential?: boolean | undefined
}

/** How an image is taken away from its users: it is not listed any more, or not handed out, or gone with its id. */
export const WITHDRAWALS = ['hide', 'deactivate', 'delete'] as const
export type Withdrawal = (typeof WITHDRAWALS)[number]

export interface OpenOptions extends Abortable {
  /** At which byte to begin. Default 0. */
  readonly offset?: number | undefined
  /**
   * Whether who stores the bytes holds the digests of what was stored against those of the data, so that a check on the way
   * that finds accidents is enough. Default false: an endpoint that checks what it yields does so by the digests.
   */
  readonly isProvedLater?: boolean | undefined
}

/** The bytes of one image, opened on demand so that an attempt can be repeated. */
export interface ImageData {
  /** Bytes; what is opened yields exactly this many or fails with `corrupt`. Null when nobody knows beforehand. */
  readonly size: number | null
  /** Lower-case hex MD5 of the whole data, when known. */
  readonly checksum: string | null
  readonly digest: Digest | null
  /** Where somebody else may have it from, as far as it is known; left out where nobody may. */
  readonly address?: ((options?: Abortable) => Promise<ImageAddress>) | undefined
  /** Whether what was opened and read to its end was what a digest says that is not among these; left out where there is none. */
  readonly isProved?: (() => boolean) | undefined
  /** The bytes anew. */
  open(options?: OpenOptions): Promise<Bytes>
  /**
   * These bytes and no others, several such at once; left out where only all are to be had. Opening or reading rejects
   * with `unsupported` where it turns out that the range is not served, with `corrupt` when the data is other meanwhile.
   */
  openRange?: ((range: ByteRange, options?: Abortable) => Promise<Bytes>) | undefined
}

/** Ways in which a service fetches image data by itself, by Glance's names; `copy-from` is that of v1. */
export const PULL_METHODS = ['glance-download', 'web-download', 'copy-from'] as const
export type PullMethod = (typeof PULL_METHODS)[number]

/** Where the data of an image is, for others. */
export interface ImageAddress {
  /** Where anybody gets it who asks, without credentials in it; null where it is not known. */
  readonly url: string | null
  /** Region of the image service, in the catalogue of its Keystone. */
  readonly region: string | null
  readonly imageId: string
}

/** What is to be fetched, and how. */
export interface PullFrom {
  readonly method: PullMethod
  readonly address: ImageAddress
}

export interface PullOptions extends Abortable {
  /** Told how many bytes have been fetched, as far as that is known. */
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/** One field of an image, in the API's names, that the endpoint would not take. */
export interface RefusedField {
  readonly field: string
  /** Why, in the endpoint's words. */
  readonly reason: string
}

/** What became of a write: the image as the endpoint now has it, and what it would not take of it. */
export interface Written {
  readonly image: Image
  readonly refused: readonly RefusedField[]
  /** How the endpoint fetched the data by itself. */
  readonly via?: PullMethod | undefined
}

/** Limits of projects that a service may tell of, by the names that Glance registers in Keystone. */
export const QUOTA_NAMES = [
  'image_size_total',
  'image_count_total',
  'image_count_uploading',
] as const
export type QuotaName = (typeof QUOTA_NAMES)[number]

/** What our project has and may have: bytes for `image_size_total`, else images. */
export interface Quota {
  readonly name: QuotaName
  readonly usage: number
  readonly limit: number
}

/** How much can be written, as far as that is known. */
export interface Room {
  /** Bytes that fit on the disk; null where that is not known. */
  readonly free: number | null
  /** Whether what is written takes less of it than its size. */
  readonly isCompressed: boolean
  readonly quotas: readonly Quota[]
  /** Why nobody knows whether there are quotas, for people; left out where that is known. */
  readonly unknown?: string | undefined
}

/** The values that attributes may have, by the API's names; what is not in it may have any, as far as is known. */
export type AcceptedValues = ReadonlyMap<string, ReadonlySet<string>>

/** One image as it is found where what should be there is known. */
export interface Audited {
  readonly id: string
  /** Null also when it cannot be known. */
  readonly name: string | null
  /**
   * `whole`: as far as can be told without reading the data, which `image` says what it should be; `corrupt`: another
   * than was written; `missing`: some of it is not there; `extra`: nobody wrote down that it should be there; `unreadable`:
   * it cannot be told.
   */
  readonly state: 'whole' | 'corrupt' | 'missing' | 'extra' | 'unreadable'
  readonly image: Image | null
  /** What is wrong, with all but those that are whole. */
  readonly error: GlanceError | null
}

export interface ListOptions extends Abortable {
  /**
   * Told of each image that is there and cannot be understood, which is then left out; without it the listing
   * rejects with the error. `id` is the best name there is for the image.
   */
  readonly onUnreadable?: ((id: string, error: unknown) => void) | undefined
  /**
   * What is wanted. The endpoint may leave out images that are not, where its service can tell and that saves time; it
   * need not, so that who lists looks at each image as well.
   */
  readonly hint?: ImageHint | undefined
}

export interface FinishOptions extends Abortable {
  /** Whether all has been added that was to be, and nothing failed or was left. Default true. */
  readonly isWhole?: boolean | undefined
}

/** A project that an image is shared with. */
export interface Membership {
  readonly project: string
  /** Null where nobody says: v1 knows of none. */
  readonly status: MemberStatus | null
  /** Whether it may share the image further; null where nobody says: v2 knows of no such thing. */
  readonly canShare: boolean | null
}

/** Whom images are shared with. Each of these asks about one image. */
export interface MemberAccess {
  /** Whether `set` may say what members say to that, of which else only they decide. */
  readonly states: boolean
  /** Whether it is written down too that an image has none. Default false: that goes without saying. */
  readonly notesNone?: boolean | undefined
  /** Whether we see the members of everybody's images. Default true. */
  readonly seesAll?: boolean | undefined
  /** Whether `list` has all members of this image, and not just ourselves. Default: that of every image. */
  isWhole?(image: Image, options?: Abortable): Promise<boolean>
  /**
   * All that we may see; none for an image that is not shared. Undefined where nobody wrote them down.
   * @throws {GlanceError} `forbidden` for a shared image whose members are nobody's to see.
   */
  list(image: Image, options?: Abortable): Promise<readonly Membership[] | undefined>
  /** Makes these the members, and resolves to what is not taken of that. */
  set(
    image: Image,
    members: readonly Membership[],
    options?: Abortable,
  ): Promise<readonly RefusedField[]>
}

export interface AddOptions extends Abortable {
  /** Whom `members.set` is going to be told of: for who has to know it before the data. */
  readonly members?: readonly Membership[] | undefined
  /**
   * Told when the data before this byte is there already, so that it is not sent: from before, or, with the error, since the
   * sending broke off and goes on.
   */
  readonly onContinue?: ((offset: number, error?: unknown) => void) | undefined
}

/** Told how a service keeps up with what it is asked. */
export interface AnswerObserver {
  /** A small request that changes something was answered after so many milliseconds. */
  answered(ms: number): void
  /** A request was refused, or not answered, because it is too much at the moment. */
  busy(): void
}

/** Somewhere images live: a Glance service, a directory of files. */
export interface Endpoint extends AsyncDisposable {
  /** What the user typed, without credentials; for messages. */
  readonly name: string
  /** Where it is, however it was named: a URL without credentials, or an absolute path; where that is known. */
  readonly address?: string | undefined
  readonly features: EndpointFeatures
  /** Undefined where members are not kept. */
  readonly members?: MemberAccess | undefined
  /**
   * What of it we see, as far as that is known: the project, or whatever else our token is good for; null where nobody
   * says it. Left out where there is all to see.
   */
  scope?(options?: Abortable): Promise<string | null>
  /**
   * What becomes of an image that is written here and read again, and what is lost of it. Of an image that was read here
   * nothing is. What is written with its losses is written as the image without them.
   */
  expressible(image: Image): Expressed
  /**
   * Every image that may be seen, each once, whatever its visibility and also when hidden; a page at a time, in
   * ascending id order when `features.ordered`. @throws {GlanceError} `unavailable`, `unauthenticated`, `forbidden`;
   * `unsupported` when nobody there speaks the protocol; `corrupt` for what cannot be understood.
   */
  list(options?: ListOptions): AsyncIterable<Image>
  /** @throws {GlanceError} `not_found`, also when we may not see it; `conflict` when there is no data. */
  data(image: Image, options?: Abortable): Promise<ImageData>
  /**
   * Creates the image under its own id, with its data unless `data` is null. An image of the same id that has no
   * data yet is filled, so that a failed attempt can be repeated: a Glance never gives a deleted id out again.
   * Until its data is verified the image is private and hidden. When it rejects, no data stays behind: wrong data
   * is removed together with its image, and what has no data is still private and hidden.
   * @throws {GlanceError} `duplicate`, `forbidden`, `over_limit`, `corrupt`, `conflict`; `gone` as `features.repeatable` says.
   */
  add(image: Image, data: ImageData | null, options?: AddOptions): Promise<Written>
  /** How much can be written; left out where nothing is known of that. @throws as `list`. */
  room?(options?: Abortable): Promise<Room>
  /** What it takes, asked once; left out where nothing is known of that. @throws as `list`. */
  accepts?(options?: Abortable): Promise<AcceptedValues>
  /** How it can fetch data by itself; left out where it never does. */
  pulls?(options?: Abortable): Promise<readonly PullMethod[]>
  /**
   * As {@link add}, with data that the endpoint fetches by itself, proved as ever. @throws {GlanceError} as `add`;
   * `unavailable` when that failed and what is there still has no data.
   */
  pull?(image: Image, data: ImageData, from: PullFrom, options?: PullOptions): Promise<Written>
  /**
   * Brings the metadata from `present` to that of `image`, never the data.
   * Tries again by itself where that may help. @throws {GlanceError} `not_found`, `forbidden` when nothing at all is taken.
   */
  update(present: Image, image: Image, options?: Abortable): Promise<Written>
  /** Told of an image that is there and as it should be; only where there is something to be kept of that. @throws as `update`. */
  confirm?(image: Image, options?: Abortable): Promise<void>
  /**
   * The image as it is now; only where one can be asked for by its id. @throws {GlanceError} `not_found`, also when we
   * may not see it; else as `list`.
   */
  get?(id: string, options?: Abortable): Promise<Image>
  /**
   * Does that with the image, which is as `image` says; one of `features.withdrawals`. What is gone already is deleted.
   * Tries again by itself where that may help. @throws {GlanceError} `not_found`, `forbidden`, `conflict`.
   */
  withdraw?(image: Image, how: Withdrawal, options?: Abortable): Promise<void>
  /** Removes the record without data that a failed `add` of ours left, if any. @throws {GlanceError} `forbidden`. */
  discard(id: string, options?: Abortable): Promise<void>
  /** From now on `observer` is told, until disposal; only where there is a service that may be busy. */
  observe?(observer: AnswerObserver): Disposable
  /**
   * Told when all has been added that was to be; only where that makes a difference: what is disposed of without is broken
   * off. Resolves to what is to be told of where it is. @throws as `add`.
   */
  finish?(options?: FinishOptions): Promise<string | undefined>
  /**
   * Each image that is there or should be, in id order; only where that is known apart from the images themselves.
   * @throws as `list`.
   */
  audit?(options?: Abortable): AsyncIterable<Audited>
}
