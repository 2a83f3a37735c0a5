import { GlanceError } from '../../errors.ts'
import type { ImageLocation } from '../../image/location.ts'
import type { Location, Store } from '../../store/store.ts'

/** A store and what the API tells of it. */
export interface ConfiguredStore {
  readonly store: Store
  /** As it is configured, such as `file`. */
  readonly type: string
  readonly description: string | null
  readonly weight: number
  /** How it is set up, under the names of the API. */
  readonly properties: Readonly<Record<string, unknown>>
  /** Whether it is configured wrongly, so that it takes no data. */
  readonly isDisabled: boolean
}

/** The stores of a service: several with names, or one that nobody names and one that only reads. */
export class Stores {
  readonly all: readonly ConfiguredStore[]
  /** Whether the API tells of stores at all (`enabled_backends`). */
  readonly named: boolean
  /** Where data goes unless somebody chooses. */
  readonly default: Store

  constructor(all: readonly ConfiguredStore[], defaultId: string, named: boolean) {
    this.all = all
    this.named = named
    this.default = this.#find(all, defaultId)
  }

  /** Those that data can be put into, the default one first. */
  get writable(): readonly Store[] {
    const taking = this.all.filter(({ isDisabled, store }) => !isDisabled && store.writable)
    const stores = taking.map(({ store }) => store)
    return stores.toSorted((a, b) => Number(b === this.default) - Number(a === this.default))
  }

  find(id: string): Store | undefined {
    return this.all.find(({ store }) => store.id === id)?.store
  }

  /**
   * The store that reads a location: one that it is of by its form, else any that understands its URL; of several the
   * one that it names. What it names counts no further, since it is a user's to say. Undefined when none does.
   */
  of(location: ImageLocation): Store | undefined {
    const { store: name } = location.metadata
    const named = typeof name === 'string' && this.named ? this.find(name) : undefined
    const stores = this.all.map(({ store }) => store)
    const candidates = named === undefined ? stores : [named, ...stores]
    return (
      candidates.find(store => store.holds(location)) ??
      candidates.find(({ schemes }) => schemes.includes(schemeOf(location.url)))
    )
  }

  /** @throws {GlanceError} `not_found` when no store understands the location. */
  require(location: ImageLocation): Store {
    const store = this.of(location)
    if (store !== undefined) return store
    throw new GlanceError('not_found', `no store reads ${schemeOf(location.url)}: locations`)
  }

  /** How an image remembers where its data is. */
  locationIn(store: Store, { url, metadata }: Location): ImageLocation {
    return { url, metadata: { ...metadata, ...(this.named && { store: store.id }) } }
  }

  /** With the names of the stores filled in, or put right where one was renamed; heaviest first. */
  arranged(locations: readonly ImageLocation[]): readonly ImageLocation[] {
    if (!this.named) return locations
    return locations
      .map(location => ({ location: this.labelled(location), weight: this.#weight(location) }))
      .toSorted((a, b) => b.weight - a.weight)
      .map(({ location }) => location)
  }

  /** As {@link arranged}, but those in `preferred` stores first, in the order of those. */
  preferring(
    preferred: readonly Store[],
    locations: readonly ImageLocation[],
  ): readonly ImageLocation[] {
    const rank = (location: ImageLocation) => {
      const index = preferred.findIndex(store => store === this.of(location))
      return index < 0 ? preferred.length : index
    }
    return this.arranged(locations).toSorted((a, b) => rank(a) - rank(b))
  }

  /** The location with the name of its store, as far as that can be told. */
  labelled(location: ImageLocation): ImageLocation {
    const store = this.named ? this.of(location) : undefined
    if (store === undefined || location.metadata['store'] === store.id) return location
    return { url: location.url, metadata: { ...location.metadata, store: store.id } }
  }

  #weight(location: ImageLocation): number {
    const store = this.of(location)
    return this.all.find(configured => configured.store === store)?.weight ?? 0
  }

  #find(all: readonly ConfiguredStore[], id: string): Store {
    const found = all.find(({ store }) => store.id === id)
    if (found === undefined) throw new TypeError(`there is no store ${id}`)
    return found.store
  }
}

function schemeOf(url: string): string {
  return /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? ''
}
