import { GlanceError, isGlanceError } from '../errors.ts'
import type { Abortable } from '../abort.ts'
import { ANY_OWNER, hasData, type Image, isHollow, type Properties } from '../image/image.ts'
import { inOrder } from '../image/ordered.ts'
import { isGone } from '../image/status.ts'
import { attributesOf, type FieldChange } from '../wire/attributes.ts'
import { v1Filters } from '../wire/listing-hint.ts'
import { expressibleInV1 } from '../wire/loss.ts'
import {
  type HeaderValue,
  isV1HeaderText,
  isV1PropertyName,
  toV1Headers,
} from '../wire/v1-headers.ts'
import { imageFromV1, imageFromV1Headers } from '../wire/v1-image.ts'
import { isObject } from '../image/json.ts'
import { isBaseAttribute, isReservedProperty } from '../wire/v2-image.ts'
import type { AddOptions, ImageData, ListOptions, PullMethod, PullOptions } from './endpoint.ts'
import { begin, download, type Expected, type OneVersion, upload } from './glance-data.ts'
import { GlanceEndpoint, type SizedPull } from './glance-endpoint.ts'
import { untilChanged } from './glance-import.ts'
import { type PageSource, someOrAll } from './glance-page.ts'
import { type GlanceOptions, GlanceService } from './glance-service.ts'
import { listV1Pages, seesAll, sortsById } from './glance-v1-listing.ts'

/** A body of any other type has the image killed, and none does no harm. */
const OCTETS = { 'content-type': 'application/octet-stream' }
/** Without a body it has to be said: what is sent in chunks counts as data, also when there is none. */
const NO_BODY = { ...OCTETS, 'content-length': '0' }

/**
 * A service that speaks the Images API v1. Images whose upload fails are `killed` for ever, so that an image's record
 * comes first and its data after that, once it has begun to come from where it is: what fails until then can be repeated.
 */
export class GlanceV1Endpoint extends GlanceEndpoint {
  readonly expressible = expressibleInV1

  private constructor(service: GlanceService, ordered: boolean, isAdmin: boolean) {
    super(service, 1, {
      ordered,
      ranges: false,
      ownersCarried: isAdmin,
      hashes: true,
      repeatable: false,
      withdrawals: ['delete'],
    })
  }

  /** `base` is what `/v1/images` is appended to; otherwise as {@link of}. */
  static async open(name: string, base: URL, options: GlanceOptions): Promise<GlanceV1Endpoint> {
    return await GlanceV1Endpoint.of(new GlanceService(name, base, options))
  }

  /**
   * The service, which is disposed of with the endpoint. Asks it whether it is there, takes our token, sorts by id and
   * has us as an administrator. @throws {GlanceError} `unavailable`, `unauthenticated`; `unsupported` when it is no
   * Images API v1.
   */
  static async of(service: GlanceService): Promise<GlanceV1Endpoint> {
    const pages: PageSource = {
      name: service.name,
      get: async path => await service.get(path, service.options.signal, ['unavailable']),
    }
    return new GlanceV1Endpoint(service, await sortsById(pages), await seesAll(pages))
  }

  async *list({ onUnreadable, signal, hint }: ListOptions = {}): AsyncGenerator<Image> {
    const { name, service } = this
    const { ordered } = this.features
    const get: PageSource['get'] = async path => await service.get(path, signal)
    const pagesOf = (filter: Readonly<Record<string, string>>) =>
      listV1Pages(ordered, filter, { name, onUnreadable, get })
    const images =
      hint === undefined ? pagesOf({}) : someOrAll(pagesOf(v1Filters(hint)), pagesOf({}))
    yield* ordered ? inOrder(images, name) : images
  }

  async data(image: Image): Promise<ImageData> {
    const { id, size, checksum, digest } = image
    const version: OneVersion = {}
    return {
      size,
      checksum,
      digest,
      address: async ({ signal } = {}) => {
        const { region = null, tokens } = this.service.options
        const isOpen = (await tokens.token({ signal })) === null
        const url = isOpen ? this.service.url(`v1/images/${id}`).href : null
        return { url, region, imageId: id }
      },
      open: async ({ offset = 0, signal } = {}) => {
        const url = this.service.url(`v1/images/${id}`)
        try {
          return await this.service.withTransport(
            signal,
            async transport =>
              await download(url, { ...transport, offset, size, checksum, digest, version }),
          )
        } catch (error) {
          if (!isGlanceError(error, 'not_found')) throw error
          // That is also what v1 says of an image without data.
          const present = await this.show(id, signal).catch(() => undefined)
          if (present === undefined || hasData(present)) throw error
          throw new GlanceError('conflict', `image ${id}: there is no data`, { cause: error })
        }
      },
    }
  }

  override async get(id: string, { signal }: Abortable = {}): Promise<Image> {
    const image = await this.show(id, signal)
    // To administrators v1 shows deleted images as well (glance/registry/api/v1/images.py).
    if (!isGone(image.status)) return image
    throw new GlanceError('not_found', `image ${id}: ${this.name} has deleted it`)
  }

  /** Whether we may is nothing that can be asked. */
  async pulls(): Promise<readonly PullMethod[]> {
    return ['copy-from']
  }

  protected async fetch(
    id: string,
    { address, size }: SizedPull,
    { signal }: PullOptions,
  ): Promise<void> {
    await this.#write('PUT', `v1/images/${id}`, signal, {
      'x-glance-api-copy-from': address.url ?? '',
      'x-glance-registry-purge-props': 'False',
      // Without it the service asks for it by HEAD, which a v2 service answers with 405 (glance/api/v1/images.py: _get_size).
      ...(size === null ? {} : { 'x-image-meta-size': String(size) }),
    })
    await untilChanged(signal, async () => {
      const { status } = await this.show(id, signal)
      if (status === 'active') return undefined
      if (status === 'queued' || status === 'saving') return status
      const message = `image ${id}: ${this.name} could not fetch it by copy-from: it is ${status} now`
      throw new GlanceError('gone', message)
    })
  }

  protected async show(id: string, signal: AbortSignal | undefined): Promise<Image> {
    return imageFromV1Headers(await this.service.head(`v1/images/${id}`, signal))
  }

  protected async create(image: Image, signal: AbortSignal | undefined): Promise<Image> {
    const { name, owner, minDisk, minRam } = image
    const headers = toV1Headers(
      [
        ...leastOf(image),
        ['name', name],
        ['is_public', image.visibility === 'public'],
        ['protected', image.protected],
        ['min_disk', minDisk],
        ['min_ram', minRam],
        ...(this.features.ownersCarried && owner !== ANY_OWNER ? [['owner', owner] as const] : []),
      ],
      propertiesOf(image.properties, []),
    )
    const made = await this.#write('POST', 'v1/images', signal, headers)
    // Of anybody else v1 takes no owner, and says nothing of it.
    const isOwned = owner !== null && owner !== ANY_OWNER
    if (isOwned && made.owner !== owner) this.leaveOwners()
    return made
  }

  protected async createBare(image: Image, signal: AbortSignal | undefined): Promise<Image> {
    const headers = toV1Headers([...leastOf(image), ['is_public', false]], new Map())
    return await this.#write('POST', 'v1/images', signal, headers)
  }

  /** Properties that stay are sent only where others go: then those that are not sent go too. */
  protected async change(
    present: Image,
    changes: readonly FieldChange[],
    signal: AbortSignal | undefined,
  ): Promise<Image> {
    const attributes = changes.filter(({ field }) => isBaseAttribute(field)).map(headerOf)
    const purging = changes.some(({ to }) => to === undefined)
    const properties = propertiesOf(purging ? present.properties : new Map(), changes)
    const path = `v1/images/${present.id}`
    const changed = await this.#write('PUT', path, signal, {
      ...toV1Headers(attributes, properties, { nulls: true }),
      'x-glance-registry-purge-props': purging ? 'True' : 'False',
    })
    const now = attributesOf(changed)
    const isIgnored = ({ field, to }: FieldChange) => now.get(field) !== to // No lists: v1 has no tags.
    const isOwner = ({ field, to }: FieldChange) => field === 'owner' && to !== null
    if (changes.some(change => isOwner(change) && isIgnored(change))) this.leaveOwners()
    const ignored = changes.filter(change => isIgnored(change) && !isOwner(change))
    if (ignored.length === 0) return changed
    const names = ignored.map(({ field }) => field).join(', ')
    const message = `${this.name} says that it was done, and leaves ${names} as it was`
    throw new GlanceError('forbidden', message)
  }

  protected async send(id: string, data: ImageData, { signal }: AddOptions): Promise<Expected> {
    // In an upload that announces no bytes v1 sees none, but in one by chunks that are none it does.
    const size = data.size === 0 ? null : data.size
    // Some stores of its time want to know the size beforehand.
    const announced = size === null ? {} : { 'x-image-meta-size': String(size) }
    const url = this.service.url(`v1/images/${id}`)
    return await this.service.send({ ...data, size }, signal, async (sized, transport) => {
      await using begun = await begin(sized, { signal, isProvedLater: true })
      const headers = { ...transport.headers, ...announced }
      return { ...(await upload(url, begun, { ...transport, headers })), size: data.size }
    })
  }

  protected async remove(id: string, signal: AbortSignal | undefined): Promise<void> {
    await this.service.call('DELETE', `v1/images/${id}`, { signal })
  }

  protected async deactivate(id: string): Promise<void> {
    throw new GlanceError('unsupported', `image ${id}: v1 deactivates no images`)
  }

  async #write(
    method: 'POST' | 'PUT',
    path: string,
    signal: AbortSignal | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<Image> {
    const answer = await this.service.call(method, path, {
      headers: { ...NO_BODY, ...headers },
      signal,
    })
    if (isObject(answer)) return imageFromV1(answer['image'])
    throw new GlanceError(
      'unsupported',
      `${this.name}: no Images API v1: it answers without an image`,
    )
  }
}

/** What an image needs before its data can come; one that has none is active by its size alone. */
function leastOf(image: Image): [string, HeaderValue][] {
  const { id, diskFormat, containerFormat } = image
  return [
    ...(isHollow(image) ? [['size', 0] as [string, HeaderValue]] : []),
    ['id', id],
    ['disk_format', diskFormat],
    ['container_format', containerFormat],
  ]
}

/** A change of an attribute that v1 has, in its names. */
function headerOf({ field, to }: FieldChange): [string, HeaderValue] {
  if (field === 'visibility') return ['is_public', to === 'public']
  return [field, typeof to === 'object' ? null : (to ?? null)] // v1 has no lists.
}

/** Those of `properties` that v1 can say, and that are not the service's own, after the changes. */
function propertiesOf(properties: Properties, changes: readonly FieldChange[]): Properties {
  const after = new Map(
    [...properties].filter(
      ([name, value]) =>
        isV1PropertyName(name) &&
        !isReservedProperty(name) &&
        (value === null || isV1HeaderText(value)),
    ),
  )
  for (const { field, to } of changes) {
    if (isBaseAttribute(field)) continue
    if (typeof to === 'string') after.set(field, to)
    else after.delete(field)
  }
  return after
}
