import { setTimeout as delay } from 'node:timers/promises'
import type { Abortable } from '../abort.ts'
import { withAttempts } from '../attempts.ts'
import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import { ANY_OWNER, hasData, type Image } from '../image/image.ts'
import { changesBetween, type FieldChange } from '../wire/attributes.ts'
import type { Expressed } from '../wire/loss.ts'
import type {
  AddOptions,
  AnswerObserver,
  Endpoint,
  EndpointFeatures,
  ImageData,
  ListOptions,
  MemberAccess,
  PullFrom,
  PullMethod,
  PullOptions,
  RefusedField,
  Withdrawal,
  Written,
} from './endpoint.ts'
import { difference, type Expected, provedAtOnce, type Sent } from './glance-data.ts'
import { GlanceMembers } from './glance-members.ts'
import type { ApiVersion } from './negotiate.ts'
import type { GlanceService } from './glance-service.ts'

/** Milliseconds in which a service notices that an upload was broken off. */
const SETTLE_MS = 5000
/** The last pause in milliseconds, each twice the one before, in which a v1 service makes up its mind. */
const UNDECIDED_MS = 300

/** What refuses a request because of what it says, so that another may be taken. */
const REFUSALS = ['forbidden', 'invalid', 'conflict', 'over_limit'] as const

/** What is to be fetched, and how many bytes that is, where it is known. */
export type SizedPull = PullFrom & { readonly size: number | null }

/**
 * A Glance service, as far as every version of its API is alike: a record first, then its data, which is proved by what
 * the service says of it, then what makes it everybody's. The versions say how each of these is spelled.
 */
export abstract class GlanceEndpoint implements Endpoint {
  readonly name: string
  readonly address: string
  readonly members: MemberAccess
  protected readonly service: GlanceService
  /** Ids of the records that we made or took over, and that have not got what they are to have. */
  readonly #unfinished = new Set<string>()
  #features: EndpointFeatures

  protected constructor(service: GlanceService, version: ApiVersion, features: EndpointFeatures) {
    this.service = service
    this.name = service.name
    this.address = service.url('').href.replace(/\/+$/, '')
    this.#features = features
    this.members = new GlanceMembers(service, version, features.ownersCarried)
  }

  async scope(options: Abortable = {}): Promise<string | null> {
    return (await this.service.options.tokens.scope?.(options)) ?? null
  }

  /** As far as is known by now: see {@link leaveOwners}. */
  get features(): EndpointFeatures {
    return this.#features
  }

  abstract list(options?: ListOptions): AsyncIterable<Image>
  abstract data(image: Image, options?: Abortable): Promise<ImageData>
  abstract expressible(image: Image): Expressed

  /** The image as the service has it. @throws {GlanceError} `not_found`. */
  protected abstract show(id: string, signal: AbortSignal | undefined): Promise<Image>
  /** Creates a record without data. @throws {GlanceError} `conflict` when the id is taken. */
  protected abstract create(image: Image, signal: AbortSignal | undefined): Promise<Image>
  /** Creates the least of a record that nobody else sees. */
  protected abstract createBare(image: Image, signal: AbortSignal | undefined): Promise<Image>
  /** Makes these changes to `present`, all or none. */
  protected abstract change(
    present: Image,
    changes: readonly FieldChange[],
    signal: AbortSignal | undefined,
  ): Promise<Image>
  /** Sends the data of a record that has none, and resolves to what the service should then have. */
  protected abstract send(id: string, data: ImageData, options: AddOptions): Promise<Sent>
  /** Has the data of a record that has none fetched, and waits for that. */
  protected abstract fetch(id: string, from: SizedPull, options: PullOptions): Promise<void>
  protected abstract remove(id: string, signal: AbortSignal | undefined): Promise<void>
  /** Has the service hand its data out to nobody but administrators; only where `features.withdrawals` has it. */
  protected abstract deactivate(id: string, signal: AbortSignal | undefined): Promise<void>

  async get(id: string, { signal }: Abortable = {}): Promise<Image> {
    return await this.show(id, signal)
  }

  /** From here on owners are the service's to say: it turned out that we are no administrator. */
  protected leaveOwners(): void {
    this.#features = { ...this.#features, ownersCarried: false }
  }

  abstract pulls(options?: Abortable): Promise<readonly PullMethod[]>

  async add(image: Image, data: ImageData | null, options: AddOptions = {}): Promise<Written> {
    const send = async (data: ImageData) => await this.#upload(image.id, data, options)
    return await this.#add(image, data, send, options.signal)
  }

  async pull(
    image: Image,
    data: ImageData,
    from: PullFrom,
    options: PullOptions = {},
  ): Promise<Written> {
    const fetch = async () => {
      await this.fetch(image.id, { ...from, size: data.size }, options)
      return data
    }
    return { ...(await this.#add(image, data, fetch, options.signal)), via: from.method }
  }

  async #add(
    given: Image,
    data: ImageData | null,
    fill: (data: ImageData) => Promise<Sent>,
    signal: AbortSignal | undefined,
  ): Promise<Written> {
    const { image } = this.expressible(given)
    const begun: Image =
      data === null ? { ...image, status: 'queued' } : this.expressible(unpublished(image)).image
    let record = await this.#record(begun, signal)
    this.#unfinished.add(image.id)
    if (data !== null) {
      if (record.status === 'queued') {
        // What the service made of it by itself is in it then.
        const sent = await fill(data)
        const proved = provedAtOnce(record, sent)
        // What is changed is answered with the whole image.
        const isChanged = proved !== undefined && changesBetween(proved, image).length > 0
        record = isChanged ? proved : await this.#prove(image.id, sent, signal)
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

  async update(present: Image, given: Image, { signal }: Abortable = {}): Promise<Written> {
    const { image } = this.expressible(given)
    const { attempts } = this.service.options
    const written = await withAttempts(
      async attempt => {
        // An attempt that got no answer may have done its work.
        const now = attempt === 1 ? present : await this.show(image.id, signal)
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

  async withdraw(image: Image, how: Withdrawal, { signal }: Abortable = {}): Promise<void> {
    if (how === 'hide') {
      await this.update(image, { ...image, hidden: true }, { signal })
      return
    }
    const { attempts } = this.service.options
    await withAttempts(
      async () => {
        if (how === 'deactivate') return await this.deactivate(image.id, signal)
        await this.remove(image.id, signal).catch((error: unknown) => {
          // Also when an attempt that got no answer has done its work.
          if (!isGlanceError(error, 'not_found')) throw error
        })
      },
      { attempts, signal },
    )
  }

  async discard(id: string, { signal }: Abortable = {}): Promise<void> {
    if (!this.#unfinished.delete(id)) return
    const { status } = await this.show(id, signal)
    if (status === 'queued' || status === 'killed') await this.remove(id, signal)
  }

  observe(observer: AnswerObserver): Disposable {
    return this.service.observe(observer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.service[Symbol.dispose]()
  }

  /** Creates the record, or takes over the one that an attempt before left without data. */
  async #record(image: Image, signal: AbortSignal | undefined): Promise<Image> {
    try {
      return await this.create(image, signal)
    } catch (error) {
      if (isGlanceError(error, 'conflict')) return await this.#takeOver(image, signal, error)
      if (!isGlanceError(error, ...REFUSALS)) throw error
      // Where our project may have no more images, that is said before it is seen that this one is there already.
      if (error.code === 'over_limit' && (await this.#isThere(image.id, signal))) {
        return await this.#takeOver(image, signal, error)
      }
      // Something in it is refused. The least that can be created shows what, once it is brought to the rest.
      const bare = await this.createBare(image, signal)
      const { image: record } = await this.#bring(bare, { ...bare, hidden: image.hidden }, signal)
      return record
    }
  }

  async #isThere(id: string, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      await this.show(id, signal)
      return true
    } catch (error) {
      if (isGlanceError(error, 'not_found')) return false
      throw error
    }
  }

  /** `refusal` is what creating it failed with. */
  async #takeOver(
    image: Image,
    signal: AbortSignal | undefined,
    refusal: GlanceError,
  ): Promise<Image> {
    const present = await this.show(image.id, signal).catch((error: unknown) => {
      if (!isGlanceError(error, 'not_found')) throw error
      throw taken(
        image.id,
        this.name,
        'deleted or out of our sight; a Glance gives no id out twice',
      )
    })
    if (present.status !== 'queued') return this.#withData(present, refusal)
    const { image: record } = await this.#bring(present, image, signal)
    // Meanwhile the service may have found out what became of the upload before.
    return record.status === 'queued' ? record : this.#withData(record, refusal)
  }

  /** The record, when it has data. @throws {GlanceError} `unavailable` while data is sent; `duplicate`. */
  #withData(record: Image, refusal: GlanceError): Image {
    const { id, status } = record
    if (hasData(record)) return record
    if (status !== 'saving' && status !== 'importing') {
      throw taken(id, this.name, `and its status is ${status}${WHY[status] ?? ''}`)
    }
    throw this.#busy(id, refusal)
  }

  /** Worth another attempt, after which the data may be there, or not come any more; the service has answered. */
  #busy(id: string, refusal: GlanceError): GlanceError {
    const who = 'by another run, or by an upload that broke off and is not given up yet'
    const message = `image ${id}: ${this.name} is still being sent its data, ${who}: run again when that has ended`
    return new GlanceError('unavailable', message, { cause: refusal })
  }

  /**
   * Sends the data; when that fails, waits until the service has noticed and keeps none of it. Where it has the same by
   * then from somebody else, nothing has failed.
   */
  async #upload(id: string, data: ImageData, options: AddOptions): Promise<Sent> {
    try {
      return await this.send(id, data, options)
    } catch (error) {
      const status = await this.#settled(id).catch(() => undefined) // What failed first is what counts.
      if (isGlanceError(error, 'conflict')) {
        if (status === 'saving' || status === 'importing') throw this.#busy(id, error)
        // Another run, or an import that was not waited for to its end, was faster.
        const stored =
          status === 'active'
            ? await this.show(id, options.signal).catch(() => undefined)
            : undefined
        if (stored !== undefined && difference(stored, data) === undefined) return data
      }
      if (status !== 'killed' || !isGlanceError(error)) throw error
      throw new GlanceError(
        'gone',
        `${error.message}; ${this.name} has killed the image, ${USED_UP}`,
        { cause: error },
      )
    }
  }

  /** What the status is once no data is on its way, or after a while all the same. */
  async #settled(id: string): Promise<Image['status']> {
    const patience = AbortSignal.timeout(SETTLE_MS)
    for (let pause = 20; ; pause *= 2) {
      const { status } = await this.show(id, patience)
      // It may not have begun to look at what was broken off, and kill the image for it only then.
      const isUndecided = status === 'queued' && !this.features.repeatable && pause < UNDECIDED_MS
      if (status !== 'saving' && !isUndecided) return status
      await delay(pause, undefined, { signal: patience }).catch(() => {})
      if (patience.aborted) return status
    }
  }

  /**
   * Compares what the service says of the data with what the source said, and resolves to the image. Wrong data is removed with its image, since
   * data cannot be replaced.
   */
  async #prove(id: string, data: Expected, signal: AbortSignal | undefined): Promise<Image> {
    const stored = await this.show(id, signal)
    const wrong = difference(stored, data)
    if (wrong === undefined) return stored
    await this.remove(id, signal)
    throw new GlanceError(
      'corrupt',
      `image ${id}: ${this.name} stored ${wrong}; the copy was removed`,
    )
  }

  /** Changes `present` until it is `image`: all at once or, when that is refused, field by field. */
  async #bring(present: Image, image: Image, signal: AbortSignal | undefined): Promise<Written> {
    const isOwned = this.features.ownersCarried && image.owner !== ANY_OWNER
    const wanted = isOwned ? image : { ...image, owner: present.owner }
    // What the service has and its API cannot say is nobody's to change.
    const changes = changesBetween(this.expressible(present).image, wanted)
    if (changes.length === 0) return { image: present, refused: [] }
    try {
      return { image: await this.change(present, changes, signal), refused: [] }
    } catch (error) {
      if (!isGlanceError(error, ...REFUSALS)) throw error
      if (changes.length === 1) return { image: present, refused: [refusal(changes, error)] }
    }
    let brought = present
    const refused: RefusedField[] = []
    for (const change of changes) {
      try {
        brought = await this.change(brought, [change], signal)
      } catch (error) {
        if (!isGlanceError(error, ...REFUSALS)) throw error
        refused.push(refusal([change], error))
      }
    }
    return { image: brought, refused }
  }
}

/** What v1 does with an image whose upload fails (glance/api/v1/upload_utils.py), and v2 never. */
const USED_UP =
  'and gives its id out again only when the record is deleted and purged from its database'

const WHY: Partial<Record<Image['status'], string>> = {
  killed: `: an upload of it failed, after which v1 takes no other, ${USED_UP}`,
  deleted: `, ${USED_UP.slice('and '.length)}`,
}

/** The image while nobody may boot it, nor be kept from removing it. */
function unpublished(image: Image): Image {
  return { ...image, visibility: 'private', hidden: true, protected: false }
}

function taken(id: string, name: string, how: string): GlanceError {
  return new GlanceError('duplicate', `image ${id}: ${name} has it already, ${how}`)
}

function refusal(changes: readonly FieldChange[], error: GlanceError): RefusedField {
  return { field: changes.map(({ field }) => field).join(', '), reason: messageOf(error) }
}
