import type { Abortable } from '../abort.ts'
import { type ErrorCode, isGlanceError } from '../errors.ts'
import { ANY_OWNER, type Image } from '../image/image.ts'
import { inOrder, mergeById } from '../image/ordered.ts'
import { isObject } from '../image/json.ts'
import type { ImageHint } from '../image/query.ts'
import type { FieldChange } from '../wire/attributes.ts'
import { needsOperators, v2Filters } from '../wire/listing-hint.ts'
import { offersResumable, RESUMABLE_UPLOADS, resumablePath } from '../wire/resumable-upload.ts'
import { expressibleByV2Service } from '../wire/loss.ts'
import { imageFromV2, imageToV2, SERVER_MADE, type V2Document } from '../wire/v2-image.ts'
import { PATCH_MEDIA_TYPE, patchOf } from '../wire/v2-patch.ts'
import {
  type AcceptedValues,
  type AddOptions,
  type ImageAddress,
  type ImageData,
  type ListOptions,
  PULL_METHODS,
  type PullFrom,
  type PullMethod,
  type PullOptions,
  type Room,
  WITHDRAWALS,
} from './endpoint.ts'
import { download, downloadRange, type OneVersion, type Sent, upload } from './glance-data.ts'
import { GlanceEndpoint } from './glance-endpoint.ts'
import { importImage } from './glance-import.ts'
import { acceptedValues, quotasOf } from './glance-room.ts'
import { type GlanceOptions, GlanceService } from './glance-service.ts'
import { someOrAll } from './glance-page.ts'
import { listPages } from './glance-v2-listing.ts'
import { isWorthResuming, uploadOn } from './resumable-upload.ts'
import { speaksSince } from './negotiate.ts'

/** A service that speaks the Images API v2. */
export class GlanceV2Endpoint extends GlanceEndpoint {
  readonly expressible = expressibleByV2Service

  /** How it can import, once that was asked. */
  #methods: Promise<readonly PullMethod[]> | undefined
  /** Whether it goes on with uploads, once that was asked. */
  #resumes: Promise<boolean> | undefined

  private constructor(service: GlanceService, isAdmin: boolean) {
    super(service, 2, {
      ordered: true,
      ranges: true,
      ownersCarried: isAdmin,
      hashes: true,
      repeatable: true,
      withdrawals: WITHDRAWALS,
    })
  }

  /** `base` is what `/v2/images` is appended to; otherwise as {@link of}. */
  static async open(name: string, base: URL, options: GlanceOptions): Promise<GlanceV2Endpoint> {
    return await GlanceV2Endpoint.of(new GlanceService(name, base, options))
  }

  /**
   * The service, which is disposed of with the endpoint. Asks it once whether it is there, speaks v2, takes our token
   * and has us as an administrator: listing tasks is for administrators only (glance/policies/tasks.py).
   * @throws {GlanceError} `unavailable`, `unauthenticated`; `unsupported` when it is no Images API v2.
   */
  static async of(service: GlanceService): Promise<GlanceV2Endpoint> {
    const worth: readonly ErrorCode[] = ['unavailable']
    const isAdmin = await service.get('v2/tasks?limit=1', service.options.signal, worth).then(
      () => true,
      (error: unknown) => {
        // Before v2.2 there were no tasks; a proxy may hide them.
        if (isGlanceError(error, 'forbidden', 'not_found')) return false
        throw error
      },
    )
    return new GlanceV2Endpoint(service, isAdmin)
  }

  async *list({ onUnreadable, signal, hint }: ListOptions = {}): AsyncGenerator<Image> {
    const pages = {
      name: this.name,
      onUnreadable,
      get: async (path: string) => await this.service.get(path, signal),
    }
    const all = { visibility: 'all', member_status: 'all' }
    const wanted = hint === undefined ? {} : v2Filters(hint, await this.#knowsOperators(hint))
    const pagesOf = (filter: Readonly<Record<string, string>>) => listPages(filter, pages)
    const listing = (which: Readonly<Record<string, string>>) => {
      const every = pagesOf({ ...all, ...which })
      const isAll = Object.keys(wanted).length === 0
      const images = isAll ? every : someOrAll(pagesOf({ ...all, ...wanted, ...which }), every)
      return inOrder(images, this.name)
    }
    const hidden = { os_hidden: 'true' }
    if (hint?.hidden === true) yield* listing(hidden)
    else if (hint?.hidden === false) yield* listing({})
    else yield* mergeById(listing({}), listing(hidden))
  }

  async #knowsOperators(hint: ImageHint): Promise<boolean> {
    return needsOperators(hint) && (await speaksSince(this.service, 4))
  }

  async data(image: Image): Promise<ImageData> {
    const { size, checksum, digest } = image
    const url = this.service.url(`v2/images/${image.id}/file`)
    const version: OneVersion = {}
    const begun: OneVersion = {}
    return {
      size,
      checksum,
      digest,
      address: async ({ signal } = {}) => await this.#addressOf(image.id, signal),
      openRange: async (range, { signal } = {}) =>
        await this.service.withTransport(
          signal,
          async transport =>
            await downloadRange(url, range, { ...transport, size, checksum }, version),
        ),
      open: async ({ offset = 0, signal } = {}) => {
        return await this.service.withTransport(
          signal,
          async transport =>
            await download(url, {
              ...transport,
              offset,
              size,
              checksum,
              digest,
              version: begun,
            }),
        )
      },
    }
  }

  async pulls({ signal }: Abortable = {}): Promise<readonly PullMethod[]> {
    this.#methods ??= this.service.get('v2/info/import', signal).then(
      answer => {
        const found = isObject(answer) ? answer['import-methods'] : undefined
        const value: unknown = isObject(found) ? found['value'] : undefined
        return PULL_METHODS.filter(method => Array.isArray(value) && value.includes(method))
      },
      (error: unknown) => {
        this.#methods = undefined
        if (isGlanceError(error, 'not_found', 'unsupported')) return [] // Before v2.6.
        throw error
      },
    )
    return await this.#methods
  }

  async room(options: Abortable = {}): Promise<Room> {
    return { free: null, isCompressed: false, ...(await quotasOf(this.service, options)) }
  }

  async accepts(options: Abortable = {}): Promise<AcceptedValues> {
    return await acceptedValues(this.service, options)
  }

  protected async fetch(id: string, from: PullFrom, options: PullOptions): Promise<void> {
    await importImage(this.service, id, from, options)
  }

  /** A service that wants no token gives its data to everybody; else there may be a location that does. */
  async #addressOf(imageId: string, signal: AbortSignal | undefined): Promise<ImageAddress> {
    const { region = null, tokens } = this.service.options
    if ((await tokens.token({ signal })) === null) {
      return { url: this.service.url(`v2/images/${imageId}/file`).href, region, imageId }
    }
    const image = await this.service.get(`v2/images/${imageId}`, signal)
    const shown: unknown[] = isObject(image)
      ? [image['direct_url'], image['locations']].flat().map(urlOf)
      : []
    // What signs a URL, or may, is not to be handed on.
    const url = shown.find(url => typeof url === 'string' && isPlain(url))
    return { url: typeof url === 'string' ? url : null, region, imageId }
  }

  protected async show(id: string, signal: AbortSignal | undefined): Promise<Image> {
    return imageFromV2(await this.service.get(`v2/images/${id}`, signal))
  }

  protected async create(image: Image, signal: AbortSignal | undefined): Promise<Image> {
    return await this.#post(creation(image, this.features.ownersCarried), signal)
  }

  protected async createBare(image: Image, signal: AbortSignal | undefined): Promise<Image> {
    return await this.#post(bareCreation(image), signal)
  }

  protected async change(
    { id }: Image,
    changes: readonly FieldChange[],
    signal: AbortSignal | undefined,
  ): Promise<Image> {
    const headers = { 'content-type': PATCH_MEDIA_TYPE }
    const options = { json: patchOf(changes), headers, signal }
    return imageFromV2(await this.service.call('PATCH', `v2/images/${id}`, options))
  }

  protected async send(
    id: string,
    data: ImageData,
    { signal, onContinue }: AddOptions,
  ): Promise<Sent> {
    const plain = this.service.url(`v2/images/${id}/file`)
    const { attempts } = this.service.options
    const isResumable = isWorthResuming(data) && (await this.#goesOn(signal))
    return await this.service.send(data, signal, async (data, transport) => {
      if (!isResumable || !isWorthResuming(data)) return await upload(plain, data, transport)
      const url = this.service.url(resumablePath(id))
      if (await uploadOn(url, data, transport, { attempts, onContinue })) return data
      // Something on the way knows of no such requests; none of them has got through.
      this.#resumes = Promise.resolve(false)
      return await upload(plain, data, transport)
    })
  }

  /** Whether the service goes on with uploads that broke off, which no Glance does. */
  async #goesOn(signal: AbortSignal | undefined): Promise<boolean> {
    this.#resumes ??= this.service.get(RESUMABLE_UPLOADS, signal).then(offersResumable, error => {
      if (isGlanceError(error, 'unavailable', 'unreachable') || !isGlanceError(error)) {
        this.#resumes = undefined
      }
      return false
    })
    return await this.#resumes
  }

  protected async remove(id: string, signal: AbortSignal | undefined): Promise<void> {
    await this.service.call('DELETE', `v2/images/${id}`, { signal })
  }

  protected async deactivate(id: string, signal: AbortSignal | undefined): Promise<void> {
    await this.service.call('POST', `v2/images/${id}/actions/deactivate`, { signal })
  }

  async #post(document: V2Document, signal: AbortSignal | undefined): Promise<Image> {
    return imageFromV2(await this.service.call('POST', 'v2/images', { json: document, signal }))
  }
}

/** The document that creates `image`; what is null is left to the service, as servers before v2.3 want it. */
function creation(image: Image, ownersCarried: boolean): V2Document {
  const made: ReadonlySet<string> = new Set(SERVER_MADE)
  return Object.fromEntries(
    Object.entries(imageToV2(image)).filter(
      ([name, value]) =>
        !made.has(name) &&
        (name === 'owner' ? ownersCarried && value !== ANY_OWNER : value !== null),
    ),
  )
}

/** The least that makes a record which nobody else sees. Before v2.7 images could not be hidden. */
function bareCreation({ id, containerFormat, diskFormat }: Image): V2Document {
  return { id, container_format: containerFormat, disk_format: diskFormat, visibility: 'private' }
}

/** The URL of a location, as `locations` and `direct_url` have it. */
function urlOf(location: unknown): unknown {
  return isObject(location) ? location['url'] : location
}

/** Without user, password, query and fragment: in each of those a secret may be, and nobody knows all that sign by one. */
function isPlain(url: string): boolean {
  return /^https?:[^?#@]*$/.test(url) && URL.canParse(url)
}
