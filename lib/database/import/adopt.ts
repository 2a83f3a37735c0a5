import type { Abortable } from '../../abort.ts'
import { isGlanceError } from '../../errors.ts'
import type { Database } from '../database.ts'
import { adoptImages } from './adopt-images.ts'
import { adoptMetadefs } from './adopt-metadefs.ts'
import { adoptTasks } from './adopt-tasks.ts'
import { decrypterFor, isUrl } from './decrypt.ts'
import type { ReadDefinition } from './metadefs.ts'
import type { Note } from './note.ts'
import type { GlanceSource } from './source.ts'

/** What became of one thing that the source has. */
export interface Adopted {
  readonly type: 'image' | 'task' | 'namespace'
  /** Of a namespace its name. */
  readonly id: string
  /** Of an image; null for what has none. */
  readonly name: string | null
  readonly status: string | null
  /**
   * `same`: it is there already. `different`: it is there and differs, and is left as it is. `refused`: it cannot be kept.
   */
  readonly result: 'imported' | 'same' | 'different' | 'refused'
  /** In which it differs from what is there, by their API names. */
  readonly fields: readonly string[]
  /** Why it cannot be kept. */
  readonly reason: string | null
  readonly notes: readonly Note[]
  /** How many projects an image is shared with. */
  readonly members: number
}

export interface AdoptOptions extends Abortable {
  /** The `metadata_encryption_key` that the locations of the source are encrypted with; null when they are not. */
  readonly encryptionKey: string | null
  /** Schemes of URLs that stores of the target read. */
  readonly schemes: ReadonlySet<string>
  /** Folders of files that are a store's of the target, as URLs without a slash at their end. */
  readonly folders: ReadonlySet<string>
  readonly readDefinition: ReadDefinition
  /** Whether nothing is to be written, only told what would be. */
  readonly dryRun: boolean
}

/**
 * Takes over what a Glance has, page by page, each in a transaction of its own: stopped at any time, what is there is
 * whole, and the next run goes on. A `target` of null is an empty database.
 * @throws {GlanceError} `usage` for encrypted locations without their key; what the databases give.
 */
export async function* adopt(
  source: GlanceSource,
  target: Database | null,
  { encryptionKey, schemes, folders, readDefinition, dryRun, signal }: AdoptOptions,
): AsyncGenerator<Adopted, void, void> {
  const decrypt = encryptionKey === null ? null : decrypterFor(encryptionKey)
  const plain = (location: string) => {
    if (isUrl(location) || decrypt === null) return location
    try {
      return decrypt(location)
    } catch (error) {
      if (isGlanceError(error)) return null // Told when the image that has it is read.
      throw error
    }
  }
  const oldIds = await source.oldIds(plain, { signal })
  const rules = { decrypt, schemes, folders, oldIds }
  for await (const page of source.images({ signal })) {
    yield* await adoptImages(page, rules, target, { dryRun, signal })
  }
  for await (const page of source.tasks({ signal })) {
    yield* await adoptTasks(page, target, { dryRun, signal })
  }
  yield* adoptMetadefs(source, readDefinition, target, { dryRun, signal })
}
