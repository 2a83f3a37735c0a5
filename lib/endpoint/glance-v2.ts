import { setTimeout as delay } from 'node:timers/promises'
import type { Abortable } from '../abort.ts'
import { withAttempts } from '../attempts.ts'
import { type ErrorCode, GlanceError, isGlanceError, messageOf } from '../errors.ts'
import { DataConnections } from '../http/connections.ts'
import { call, type JsonRequest } from '../http/client.ts'
import { hasData, type Image } from '../image/image.ts'
import { inOrder, mergeById } from '../image/ordered.ts'
import { type TokenSource, withToken } from '../keystone/token-source.ts'
import { changesBetween, type FieldChange } from '../wire/attributes.ts'
import { imageFromV2, imageToV2, SERVER_MADE, type V2Document } from '../wire/v2-image.ts'
import { PATCH_MEDIA_TYPE, patchOf } from '../wire/v2-patch.ts'
import type {
  Endpoint,
  EndpointFeatures,
  ImageData,
  ListOptions,
  RefusedField,
  Written,
} from './endpoint.ts'
import { download, type Expected, upload } from './glance-v2-data.ts'
import { listPages } from './glance-v2-listing.ts'

/** Milliseconds in which a service notices that an upload was broken off. */
const SETTLE_MS = 5000

/** What refuses a request because of what it says, so that another may be taken. */
const REFUSALS = ['forbidden', 'invalid', 'conflict', 'over_limit'] as const

export interface GlanceOptions extends Abortable {
  readonly tokens: TokenSource
  /** Milliseconds without a sign of life after which a request has failed. */
  readonly timeoutMs: number
  /** How often a request that changes nothing is tried in all. */
  readonly attempts: number
  /** How to get there; disposed of with the endpoint. Default: directly, trusting whom Node trusts. */
  readonly connections?: DataConnections | undefined
}

/** A service that speaks the Images API v2. */
export class GlanceV2Endpoint implements Endpoint {
  readonly name: string
  readonly features: EndpointFeatures
  readonly #base: URL
  readonly #options: GlanceOptions
  readonly #connections: DataConnections
  /** Ids of the records that we made or took over, and that have not got what they are to have. */
  readonly #unfinished = new Set<string>()

  private constructor(name: string, base: URL, options: GlanceOptions, isAdmin: boolean) {
    this.name = name
    this.#base = base
    this.#options = options
    this.#connections = options.connections ?? new DataConnections()
    this.features = { ordered: true, ranges: true, ownersCarried: isAdmin, hashes: true }
  }

  /**
   * `base` is what `/v2/images` is appended to. Asks the service once, whether it is there, speaks v2, takes our token
   * and has us as an administrator: listing tasks is for administrators only (glance/policies/tasks.py).
   * @throws {GlanceError} `unavailable`, `unauthenticated`; `unsupported` when it is no Images API v2.
   */
  static async open(name: string, base: URL, options: GlanceOptions): Promise<GlanceV2Endpoint> {
    const asked = new GlanceV2Endpoint(name, base, options, false)
    const isAdmin = await asked.#get('v2/tasks?limit=1', options.signal, ['unavailable']).then(
      () => true,
      (error: unknown) => {
        // Before v2.2 there were no tasks; a proxy may hide them.
        if (isGlanceError(error, 'forbidden', 'not_found')) return false
        throw error
      },
    )
    return new GlanceV2Endpoint(
      name,
      base,
      { ...options, connections: asked.#connections },
      isAdmin,
    )
  }

  async *list({ onUnreadable, signal }: ListOptions = {}): AsyncGenerator<Image> {
    const listing = (filter: Readonly<Record<string, string>>) =>
      inOrder(
        listPages(filter, { name: this.name, onUnreadable, get: path => this.#get(path, signal) }),
        this.name,
      )
    const all = { visibility: 'all', member_status: 'all' }
    yield* mergeById(listing(all), listing({ ...all, os_hidden: 'true' }))
  }

  async data(image: Image): Promise<ImageData> {
    const { size, checksum, digest } = image
    return {
      size,
      checksum,
      digest,
      open: async ({ offset = 0, signal } = {}) =>
        await withToken(
          this.#options.tokens,
          async token => {
            const url = this.#url(`v2/images/${image.id}/file`)
            return await download(url, { ...this.#transport(token, signal), offset, size })
          },
          { signal },
        ),
    }
  }

  async add(image: Image, data: ImageData | null, { signal }: Abortable = {}): Promise<Written> {
    const record = await this.#create(data === null ? image : unpublished(image), signal)
    this.#unfinished.add(image.id)
    if (data !== null) {
      if (record.status === 'queued') {
        await this.#prove(image.id, await this.#upload(image.id, data, signal), signal)
      } else {
        // The attempt before got as far as this, or somebody else was faster.
        const wrong = difference(record, data)
        if (wrong !== undefined) throw taken(image.id, this.name, `and it holds ${wrong}`)
      }
    }
    const written = await this.#bring(record, image, signal)
    this.#unfinished.delete(image.id)
    return written
  }

  async update(present: Image, image: Image, { signal }: Abortable = {}): Promise<Written> {
    const { attempts } = this.#options
    const written = await withAttempts(
      async attempt => {
        // An attempt that got no answer may have done its work.
        const now = attempt === 1 ? present : await this.#show(image.id, signal)
        return await this.#bring(now, image, signal)
      },
      { attempts, signal },
    )
    const { refused } = written
    if (refused.length > 0 && changesBetween(present, written.image).length === 0) {
      const reasons = refused.map(({ field, reason }) => `${field} was refused: ${reason}`)
      throw new GlanceError('forbidden', `image ${image.id}: ${reasons.join('; ')}`)
    }
    return written
  }

  async discard(id: string, { signal }: Abortable = {}): Promise<void> {
    if (!this.#unfinished.delete(id)) return
    const found = await this.#show(id, signal)
    if (found.status === 'queued') await this.#call('DELETE', `v2/images/${id}`, { signal })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connections[Symbol.dispose]()
  }

  /** Creates the record, or takes over the one that an attempt before left without data. */
  async #create(image: Image, signal: AbortSignal | undefined): Promise<Image> {
    try {
      return await this.#post(creation(image, this.features.ownersCarried), signal)
    } catch (error) {
      if (isGlanceError(error, 'conflict')) return await this.#takeOver(image, signal)
      if (!isGlanceError(error, ...REFUSALS)) throw error
      // Something in it is refused. The least that can be created shows what, once it is brought to the rest.
      const bare = await this.#post(bareCreation(image), signal)
      const { image: record } = await this.#bring(bare, { ...bare, hidden: image.hidden }, signal)
      return record
    }
  }

  async #takeOver(image: Image, signal: AbortSignal | undefined): Promise<Image> {
    const present = await this.#show(image.id, signal).catch((error: unknown) => {
      if (!isGlanceError(error, 'not_found')) throw error
      throw taken(
        image.id,
        this.name,
        'deleted or out of our sight; a Glance gives no id out twice',
      )
    })
    if (present.status !== 'queued') {
      if (hasData(present)) return present
      if (present.status === 'saving') {
        throw new GlanceError(
          'unavailable',
          `image ${image.id}: ${this.name} is still being sent its data`,
        )
      }
      throw taken(image.id, this.name, `and its status is ${present.status}`)
    }
    const { image: record } = await this.#bring(present, image, signal)
    return record
  }

  /** Sends the data; when that fails, waits until the service has noticed and keeps none of it. */
  async #upload(id: string, data: ImageData, signal: AbortSignal | undefined): Promise<Expected> {
    let isOfSource = false
    const watched: ImageData = {
      ...data,
      open: async options => {
        try {
          return await data.open(options)
        } catch (error) {
          isOfSource = true
          throw error
        }
      },
    }
    const url = this.#url(`v2/images/${id}/file`)
    try {
      return await withToken(
        this.#options.tokens,
        async token => await upload(url, watched, this.#transport(token, signal)),
        { signal, isRefusal: () => !isOfSource },
      )
    } catch (error) {
      await this.#settled(id).catch(() => {}) // What failed first is what counts.
      throw error
    }
  }

  async #settled(id: string): Promise<void> {
    const patience = AbortSignal.timeout(SETTLE_MS)
    for (let pause = 20; ; pause *= 2) {
      const present = imageFromV2(await this.#call('GET', `v2/images/${id}`, { signal: patience }))
      if (present.status !== 'saving') return
      await delay(pause, undefined, { signal: patience })
    }
  }

  /**
   * Compares what the service says of the data with what the source said. Wrong data is removed with its image, since
   * data cannot be replaced.
   */
  async #prove(id: string, data: Expected, signal: AbortSignal | undefined): Promise<void> {
    const stored = await this.#show(id, signal)
    const wrong = difference(stored, data)
    if (wrong === undefined) return
    await this.#call('DELETE', `v2/images/${id}`, { signal })
    throw new GlanceError(
      'corrupt',
      `image ${id}: ${this.name} stored ${wrong}; the copy was removed`,
    )
  }

  /** Patches `present` until it is `image`: all at once or, when that is refused, field by field. */
  async #bring(present: Image, image: Image, signal: AbortSignal | undefined): Promise<Written> {
    const wanted = this.features.ownersCarried ? image : { ...image, owner: present.owner }
    const changes = changesBetween(present, wanted)
    if (changes.length === 0) return { image: present, refused: [] }
    try {
      return { image: await this.#patch(image.id, changes, signal), refused: [] }
    } catch (error) {
      if (!isGlanceError(error, ...REFUSALS)) throw error
      if (changes.length === 1) return { image: present, refused: [refusal(changes, error)] }
    }
    let brought = present
    const refused: RefusedField[] = []
    for (const change of changes) {
      try {
        brought = await this.#patch(image.id, [change], signal)
      } catch (error) {
        if (!isGlanceError(error, ...REFUSALS)) throw error
        refused.push(refusal([change], error))
      }
    }
    return { image: brought, refused }
  }

  async #show(id: string, signal: AbortSignal | undefined): Promise<Image> {
    return imageFromV2(await this.#get(`v2/images/${id}`, signal))
  }

  async #post(document: V2Document, signal: AbortSignal | undefined): Promise<Image> {
    return imageFromV2(await this.#call('POST', 'v2/images', { json: document, signal }))
  }

  async #patch(
    id: string,
    changes: readonly FieldChange[],
    signal: AbortSignal | undefined,
  ): Promise<Image> {
    const headers = { 'content-type': PATCH_MEDIA_TYPE }
    return imageFromV2(
      await this.#call('PATCH', `v2/images/${id}`, { json: patchOf(changes), headers, signal }),
    )
  }

  /** Asks again where `worth` says that it may help. */
  async #get(
    path: string,
    signal: AbortSignal | undefined,
    worth: readonly ErrorCode[] = ['unavailable', 'unreachable'],
  ): Promise<unknown> {
    const { attempts } = this.#options
    return await withAttempts(async () => await this.#call('GET', path, { signal }), {
      attempts,
      worth,
      signal,
    })
  }

  async #call(
    method: JsonRequest['method'],
    path: string,
    { headers, ...rest }: Partial<Pick<JsonRequest, 'json' | 'headers' | 'signal'>> = {},
  ): Promise<unknown> {
    const { tokens, timeoutMs } = this.#options
    return await withToken(
      tokens,
      async token =>
        await call({
          method,
          url: this.#url(path),
          timeoutMs,
          ...rest,
          connections: this.#connections,
          headers: { ...credentials(token), ...headers },
        }),
      rest,
    )
  }

  #transport(token: string | null, signal: AbortSignal | undefined) {
    const { timeoutMs } = this.#options
    return { headers: credentials(token), timeoutMs, connections: this.#connections, signal }
  }

  #url(path: string): URL {
    return new URL(`${this.#base.pathname.replace(/\/+$/, '')}/${path}`, this.#base)
  }
}

function credentials(token: string | null): Record<string, string> {
  return token === null ? {} : { 'x-auth-token': token }
}

/** The image while nobody may boot it, nor be kept from removing it. */
function unpublished(image: Image): Image {
  return { ...image, visibility: 'private', hidden: true, protected: false }
}

/** The document that creates `image`; what is null is left to the service, as servers before v2.3 want it. */
function creation(image: Image, ownersCarried: boolean): V2Document {
  const made: ReadonlySet<string> = new Set(SERVER_MADE)
  return Object.fromEntries(
    Object.entries(imageToV2(image)).filter(
      ([name, value]) => !made.has(name) && (name === 'owner' ? ownersCarried : value !== null),
    ),
  )
}

/** The least that makes a record which nobody else sees. Before v2.7 images could not be hidden. */
function bareCreation({ id, containerFormat, diskFormat }: Image): V2Document {
  return { id, container_format: containerFormat, disk_format: diskFormat, visibility: 'private' }
}

function taken(id: string, name: string, how: string): GlanceError {
  return new GlanceError('duplicate', `image ${id}: ${name} has it already, ${how}`)
}

/** In which way the stored data is not what was sent; undefined when it is proved to be the same. */
function difference(stored: Image, sent: Expected): string | undefined {
  if (stored.status !== 'active') return `nothing: its status is ${stored.status}`
  if (sent.size !== null && stored.size !== sent.size) return `${stored.size} of ${sent.size} bytes`
  if (sent.digest !== null && stored.digest?.algorithm === sent.digest.algorithm) {
    const { algorithm, value } = sent.digest
    return stored.digest.value === value ? undefined : `data of another ${algorithm}`
  }
  if (sent.checksum !== null && stored.checksum !== null) {
    return stored.checksum === sent.checksum ? undefined : 'data of another MD5'
  }
  return 'data that nothing proves: the two sides have no digest in common'
}

function refusal(changes: readonly FieldChange[], error: GlanceError): RefusedField {
  return { field: changes.map(({ field }) => field).join(', '), reason: messageOf(error) }
}
