import { sql } from 'kysely'
import type { Abortable } from '../../abort.ts'
import type { SourceImage } from './images.ts'
import { isOldId, NAMING_IMAGES, type OldIds, OldIdSearch } from './old-ids.ts'
import { type GlanceSchema, recognise } from './schema.ts'
import { Snapshot } from './snapshot.ts'
import { type Row, textIn } from './values.ts'

/** How many images, or rows of another kind, are read at a time. */
const PAGE = 250

/** What a Glance's database has, as of one moment, a page at a time. */
export class GlanceSource implements AsyncDisposable {
  readonly schema: GlanceSchema
  /** What Glance's own migrations call it, such as `15` or `wallaby_contract01`; null when they say nothing. */
  readonly version: string | null
  readonly #snapshot: Snapshot

  private constructor(snapshot: Snapshot, schema: GlanceSchema, version: string | null) {
    this.#snapshot = snapshot
    this.schema = schema
    this.version = version
  }

  /**
   * Opens what a SQLAlchemy URL names, only to be read. @throws {GlanceError} `usage`, `unavailable`, `corrupt`;
   * `unsupported` for what is no Glance's.
   */
  static async open(url: string): Promise<GlanceSource> {
    const snapshot = await Snapshot.open(url)
    try {
      const version = await versionOf(snapshot)
      return new GlanceSource(snapshot, recognise(snapshot.columns), version)
    } catch (error) {
      await snapshot[Symbol.asyncDispose]()
      throw error
    }
  }

  /** What it is called in messages, such as `the SQLite database glance.sqlite`. */
  get name(): string {
    return this.#snapshot.name
  }

  /** Every image, in pages by ascending id, deleted ones too. */
  async *images({ signal }: Abortable = {}): AsyncGenerator<readonly SourceImage[]> {
    for await (const images of this.#pages('images', IMAGE_COLUMNS, signal)) {
      const ids = images.map(image => textIn(image, 'id') ?? '')
      const properties = await this.#belonging('image_properties', ['name', 'value'], ids)
      const tags = await this.#belonging('image_tags', ['value'], ids)
      const members = await this.#belonging('image_members', MEMBER_COLUMNS, ids)
      const locations = await this.#belonging('image_locations', LOCATION_COLUMNS, ids)
      yield images.map((image, i) => {
        const id = ids[i] ?? ''
        const parts = { properties: properties(id), tags: tags(id), members: members(id) }
        return { image, ...parts, locations: locations(id) }
      })
    }
  }

  /** Every task that is not deleted, in pages by ascending id; none where there are no tasks yet. */
  async *tasks({ signal }: Abortable = {}): AsyncGenerator<readonly Row[]> {
    if (!this.#snapshot.columns.has('tasks')) return
    for await (const tasks of this.#pages('tasks', TASK_COLUMNS, signal)) {
      const ids = tasks.map(task => textIn(task, 'id') ?? '')
      const infos = await this.#having('task_info', 'task_id', TASK_TEXTS, ids)
      const info = new Map(infos.map(row => [textIn(row, 'task_id'), row]))
      yield tasks.map(task => ({ ...task, ...info.get(textIn(task, 'id')) }))
    }
  }

  /** All rows of a table in the order in which they were added; none when it is not there. */
  async all(table: string, columns: readonly string[], order = 'id'): Promise<readonly Row[]> {
    const there = this.#snapshot.columns.get(table)
    if (there === undefined) return []
    const from = this.#snapshot.from(table, columns)
    return await this.#snapshot.rows(sql`${from} order by ${sql.ref(order)}`)
  }

  /** Which images had the ids of before UUIDs that properties still name. `plain` makes a URL of a location. */
  async oldIds(
    plain: (location: string) => string | null,
    { signal }: Abortable = {},
  ): Promise<OldIds> {
    const wanted = await this.#oldIdsInUse(signal)
    const search = new OldIdSearch(wanted)
    if (wanted.size === 0) return search.oldIds
    for (const [table, imageId, column] of [
      ['images', 'id', 'location'],
      ['image_locations', 'image_id', 'value'],
    ] as const) {
      if (!this.#snapshot.columns.get(table)?.has(column)) continue
      for await (const rows of this.#pages(table, ['id', imageId, column], signal)) {
        for (const row of rows) {
          const url = plain(textIn(row, column) ?? '')
          if (url !== null) search.see(textIn(row, imageId) ?? '', url)
        }
      }
    }
    return search.oldIds
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#snapshot[Symbol.asyncDispose]()
  }

  async #oldIdsInUse(signal: AbortSignal | undefined): Promise<ReadonlySet<string>> {
    const wanted = new Set<string>()
    const filter = sql`name in (${sql.join(NAMING_IMAGES)}) and length(value) < 20`
    const columns = ['id', 'value', 'deleted']
    for await (const rows of this.#pages('image_properties', columns, signal, filter)) {
      for (const row of rows) {
        const value = textIn(row, 'value') ?? ''
        if (isOldId(value)) wanted.add(value)
      }
    }
    return wanted
  }

  /** By keyset, so that the last page costs no more than the first. */
  async *#pages(
    table: string,
    columns: readonly string[],
    signal: AbortSignal | undefined,
    filter = sql`1 = 1`,
  ): AsyncGenerator<readonly Row[]> {
    const from = this.#snapshot.from(table, columns)
    let after: unknown
    for (;;) {
      signal?.throwIfAborted()
      const isNext = after === undefined ? sql`1 = 1` : sql`id > ${after}`
      const page = sql<Row>`${from} where ${isNext} and ${filter} order by id limit ${sql.lit(PAGE)}`
      const rows = await this.#snapshot.rows(page)
      if (rows.length > 0) yield rows
      if (rows.length < PAGE) return
      after = rows.at(-1)?.['id']
    }
  }

  async #belonging(
    table: string,
    columns: readonly string[],
    ids: readonly string[],
  ): Promise<(id: string) => readonly Row[]> {
    const rows = await this.#having(
      table,
      'image_id',
      [...columns, 'deleted', 'deleted_at'],
      ids,
      'id',
    )
    const found = new Map<string, Row[]>()
    for (const row of rows) {
      const id = textIn(row, 'image_id') ?? ''
      const others = found.get(id)
      if (others === undefined) found.set(id, [row])
      else others.push(row)
    }
    return id => found.get(id) ?? []
  }

  async #having(
    table: string,
    key: string,
    columns: readonly string[],
    ids: readonly string[],
    order = key,
  ): Promise<readonly Row[]> {
    if (!this.#snapshot.columns.has(table)) return []
    const from = this.#snapshot.from(table, [key, ...columns])
    const isWanted = sql`${sql.ref(key)} in (${sql.join(ids)})`
    return await this.#snapshot.rows(sql`${from} where ${isWanted} order by ${sql.ref(order)}`)
  }
}

const IMAGE_COLUMNS = [
  'id',
  'name',
  'disk_format',
  'container_format',
  'size',
  'virtual_size',
  'status',
  'is_public',
  'visibility',
  'location',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'min_disk',
  'min_ram',
  'owner',
  'protected',
  'os_hidden',
  'created_at',
  'updated_at',
  'deleted_at',
  'deleted',
]

const MEMBER_COLUMNS = ['member', 'can_share', 'status', 'created_at', 'updated_at']

const LOCATION_COLUMNS = ['value', 'meta_data', 'status']

const TASK_TEXTS = ['input', 'result', 'message']

const TASK_COLUMNS = [
  'id',
  'type',
  'status',
  'owner',
  'expires_at',
  'created_at',
  'updated_at',
  'deleted',
  'image_id',
  'request_id',
  'user_id',
  ...TASK_TEXTS,
]

async function versionOf(snapshot: Snapshot): Promise<string | null> {
  for (const [table, column] of [
    ['alembic_version', 'version_num'],
    ['migrate_version', 'version'],
  ] as const) {
    if (!snapshot.columns.get(table)?.has(column)) continue
    const rows = await snapshot.rows(snapshot.from(table, [column]))
    const versions = rows.map(row => textIn(row, column)).filter(version => version !== null)
    if (versions.length > 0) return versions.join(', ')
  }
  return null
}
