import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GlanceError, isGlanceError, messageOf } from '../../errors.ts'
import type { WantedNamespace } from '../../image/metadef-request.ts'
import type { Command } from '../command.ts'
import { EXIT_STATUS } from '../exit-status.ts'
import { type CommonOptions, SERVICE, type ServiceOptions } from '../options.ts'
import { serviceConfig, serviceDatabase } from '../service-database.ts'

export interface LoadMetadefsOptions extends CommonOptions, ServiceOptions {
  readonly dir: string
}

export interface LoadMetadefsRow {
  /** Its name in the directory. */
  readonly file: string
  readonly namespace: string
  /** `present`: there was one of that name, which is left as it is. */
  readonly status: 'loaded' | 'present'
}

export interface LoadMetadefsSummary {
  readonly totals: { readonly loaded: number; readonly present: number }
}

export const dbLoadMetadefs: Command<LoadMetadefsOptions, LoadMetadefsRow, LoadMetadefsSummary> = {
  name: 'db load-metadefs',
  summary: 'Load metadata definitions from the JSON files in a directory',
  positionals: { dir: { type: 'string', describe: 'A directory such as /etc/glance/metadefs' } },
  options: SERVICE,
  rows: 'namespaces',

  async *run({ dir, ...options }, { signal }) {
    const [{ wantedNamespace }, { loadNamespace }, { readyDatabase }] = await Promise.all([
      import('../../wire/schema/metadefs/requests.ts'),
      import('../../server/domain/metadefs/load.ts'),
      import('../../server/ready-database.ts'),
    ])
    // All are read before any is loaded, so that a mistake in one leaves nothing half done.
    const files = await readFiles(dir, wantedNamespace)
    const config = await serviceConfig(options)
    await using database = await serviceDatabase(config, { wanted: config.dbAutoCreate, signal })
    await readyDatabase(database, config.dbAutoCreate, { signal })
    const rows = await database.transaction(
      async tables => {
        const rows: LoadMetadefsRow[] = []
        for (const { file, wanted } of files) {
          const isNew = await naming(
            join(dir, file),
            loadNamespace(tables, wanted, new Date()),
            isDuplicate,
          )
          const status = isNew ? 'loaded' : 'present'
          rows.push({ file, namespace: wanted.namespace, status })
        }
        return rows
      },
      { signal },
    )
    yield* rows
    const loaded = rows.filter(({ status }) => status === 'loaded').length
    return { totals: { loaded, present: rows.length - loaded } }
  },

  exitStatus: () => EXIT_STATUS.done,

  views: {
    row: ({ file, namespace, status }) =>
      status === 'loaded'
        ? `${namespace} loaded from ${file}`
        : `${namespace} is there already, ${file} is passed over`,
    summary: ({ totals: { loaded, present } }) =>
      `${loaded} namespaces loaded, ${present} were there already`,
  },
}

interface MetadefFile {
  readonly file: string
  readonly wanted: WantedNamespace
}

/** The JSON files of a directory, by name. @throws {GlanceError} `usage`, naming the file and what is wrong with it. */
async function readFiles(
  dir: string,
  parse: (document: unknown) => WantedNamespace,
): Promise<readonly MetadefFile[]> {
  const names = await naming(dir, readdir(dir))
  const files: MetadefFile[] = []
  for (const file of names.filter(name => name.endsWith('.json')).toSorted()) {
    const read = async () => parse(JSON.parse(await readFile(join(dir, file), 'utf8')))
    files.push({ file, wanted: await naming(join(dir, file), read()) })
  }
  if (files.length === 0) throw new GlanceError('usage', `${dir}: there are no .json files`)
  return files
}

/** Of two things of a name in one file; what else goes wrong while they are loaded is not for the file. */
const isDuplicate = (error: unknown) => isGlanceError(error, 'duplicate')

/** Says which file or folder is wrong. @throws {GlanceError} `usage`; what is not wrong with it as it is. */
async function naming<T>(
  path: string,
  work: Promise<T>,
  isWrong: (error: unknown) => boolean = () => true,
): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!isWrong(error)) throw error
    throw new GlanceError('usage', `${path}: ${messageOf(error)}`, { cause: error })
  }
}
