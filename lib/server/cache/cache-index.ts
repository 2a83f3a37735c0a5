import { Kysely, type Selectable, sql } from 'kysely'
import { sqliteDialect } from '../../database/sqlite.ts'
import { GlanceError, messageOf } from '../../errors.ts'
import type { CachedImage } from './cache.ts'

/** As Glance's sqlite driver has it (glance/image_cache/drivers/sqlite.py), which never knows a checksum. */
interface CachedImagesTable {
  readonly image_id: string
  /** Seconds since 1970. */
  readonly last_accessed: number
  readonly last_modified: number
  /** Bytes. */
  readonly size: number
  readonly hits: number
  readonly checksum: string | null
}

/** A copy, and what it was proved to be a copy of; null for what nobody has proved. */
export interface IndexedImage extends CachedImage {
  readonly checksum: string | null
}

/** Several processes write, so what is lost by a power cut is no more than how often a copy was read. */
const PRAGMAS = ['pragma journal_mode = wal', 'pragma synchronous = normal']

/** How long to wait for other processes. */
const TIMEOUT_MS = 10_000

/** Which copies there are, in an SQLite file of Glance's form, which several processes may have open. */
export class CacheIndex implements AsyncDisposable {
  readonly #db: Kysely<{ cached_images: CachedImagesTable }>

  private constructor(path: string, Libsql: typeof import('libsql')) {
    const open = () => new Libsql(path)
    const dialect = sqliteDialect({ open, timeoutMs: TIMEOUT_MS, pragmas: PRAGMAS })
    this.#db = new Kysely({ dialect })
  }

  /** Makes the file when it is not there. @throws {GlanceError} `unavailable`. */
  static async open(path: string): Promise<CacheIndex> {
    const { default: Libsql } = await import('libsql')
    const index = new CacheIndex(path, Libsql)
    try {
      await sql`create table if not exists cached_images (
        image_id text primary key, last_accessed real default 0.0, last_modified real default 0.0,
        size integer default 0, hits integer default 0, checksum text)`.execute(index.#db)
    } catch (error) {
      const remedy = 'if it is damaged, remove it: it is made anew from the copies'
      const message = `the index of the image cache, ${path}, cannot be opened: ${messageOf(error)}; ${remedy}`
      throw new GlanceError('unavailable', message, { cause: error })
    }
    return index
  }

  /** By their ids. */
  async list(): Promise<readonly IndexedImage[]> {
    const rows = await this.#db
      .selectFrom('cached_images')
      .selectAll()
      .orderBy('image_id')
      .execute()
    return rows.map(toImage)
  }

  async find(imageId: string): Promise<IndexedImage | undefined> {
    const row = await this.#db
      .selectFrom('cached_images')
      .selectAll()
      .where('image_id', '=', imageId)
      .executeTakeFirst()
    return row === undefined ? undefined : toImage(row)
  }

  /** Replaces what there is of the same image. */
  async put({ imageId, lastAccessed, lastModified, ...rest }: IndexedImage): Promise<void> {
    const row = {
      image_id: imageId,
      last_accessed: lastAccessed.getTime() / 1000,
      last_modified: lastModified.getTime() / 1000,
      ...rest,
    }
    await this.#db.replaceInto('cached_images').values(row).execute()
  }

  async hit(imageId: string, at: Date): Promise<void> {
    await this.#db
      .updateTable('cached_images')
      .set(({ eb }) => ({ hits: eb('hits', '+', 1), last_accessed: at.getTime() / 1000 }))
      .where('image_id', '=', imageId)
      .execute()
  }

  async prove(imageId: string, checksum: string): Promise<void> {
    await this.#db
      .updateTable('cached_images')
      .set({ checksum })
      .where('image_id', '=', imageId)
      .execute()
  }

  /** Resolves to whether there was one. */
  async delete(imageId: string): Promise<boolean> {
    const [result] = await this.#db
      .deleteFrom('cached_images')
      .where('image_id', '=', imageId)
      .execute()
    return (result?.numDeletedRows ?? 0n) > 0n
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#db.destroy()
  }
}

function toImage(row: Selectable<CachedImagesTable>): IndexedImage {
  const { image_id: imageId, last_accessed: accessed, last_modified: modified, ...rest } = row
  const times = {
    lastAccessed: new Date(accessed * 1000),
    lastModified: new Date(modified * 1000),
  }
  return { imageId, ...times, ...rest }
}
