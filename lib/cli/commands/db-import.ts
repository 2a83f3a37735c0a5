import type { Adopted } from '../../database/import/adopt.ts'
import type { ReadDefinition } from '../../database/import/metadefs.ts'
import type { Command } from '../command.ts'
import { EXIT_STATUS } from '../exit-status.ts'
import { describeAdopted, describeTotals, ImportTally, type ImportTotals } from '../import-rows.ts'
import { importSource } from '../import-source.ts'
import { placesOf, requireOther } from '../import-target.ts'
import { type CommonOptions, SERVICE, type ServiceOptions, TRANSFER } from '../options.ts'
import { serviceConfig, serviceDatabase } from '../service-database.ts'

export interface ImportOptions extends CommonOptions, ServiceOptions {
  readonly database: string
  readonly dryRun: boolean
  readonly encryptionKeyFile: string | undefined
}

export interface ImportSummary {
  /** What was found. */
  readonly source: {
    /** As it is called in messages. */
    readonly name: string
    readonly release: string
    readonly version: string | null
  }
  readonly totals: ImportTotals
}

export const dbImport: Command<ImportOptions, Adopted, ImportSummary> = {
  name: 'db import',
  summary: 'Take over the database of a Glance',
  positionals: {
    database: {
      type: 'string',
      describe:
        'Its SQLAlchemy URL, - to read that from standard input, or a file such as /etc/glance/glance-api.conf',
    },
  },
  options: {
    ...SERVICE,
    'dry-run': TRANSFER['dry-run'],
    'encryption-key-file': {
      type: 'string',
      requiresArg: true,
      describe: "Read the source's metadata_encryption_key from FILE",
    },
  },
  rows: 'records',

  async *run(options, { log, streams, signal }) {
    const { database, dryRun, encryptionKeyFile } = options
    const [{ GlanceSource }, { adopt }, { readyDatabase }] = await Promise.all([
      import('../../database/import/source.ts'),
      import('../../database/import/adopt.ts'),
      import('../../server/ready-database.ts'),
    ])
    const { url, encryptionKey, exposed } = await importSource(
      database,
      encryptionKeyFile,
      streams.input,
    )
    if (exposed) {
      process.title = 'glance-replicator db import' // From here on for whoever lists processes.
      log.warning('a password on the command line can be seen by others: name a file, or -')
    }
    const config = await serviceConfig(options)
    await requireOther(url, config)
    await using source = await GlanceSource.open(url)
    const {
      name,
      version,
      schema: { release },
    } = source
    const called = version === null ? '' : `, version ${version} of its migrations`
    log.notice(`${name} is of a Glance: ${release}${called}`)
    const makes = config.dbAutoCreate && !dryRun
    await using target = await serviceDatabase(config, { wanted: makes, signal })
    const isEmpty = dryRun && (await target.schema?.version()) === 0
    if (!isEmpty) await readyDatabase(target, makes, { signal })
    const tally = new ImportTally()
    const rows = adopt(source, isEmpty ? null : target, {
      encryptionKey,
      ...(await placesOf(config)),
      readDefinition: await definitionReader(),
      dryRun,
      signal,
    })
    for await (const row of rows) {
      tally.count(row)
      yield row
    }
    return { source: { name, release, version }, totals: tally.totals }
  },

  exitStatus: ({ totals: { images, tasks, namespaces } }) =>
    [images, tasks, namespaces].every(({ different, refused }) => different + refused === 0)
      ? EXIT_STATUS.done
      : EXIT_STATUS.differences,

  views: {
    row: (row, { dryRun }) => describeAdopted(row, dryRun),
    summary: ({ totals }, { dryRun }) => describeTotals(totals, dryRun),
  },
}

/** Holds definitions to what the API takes, but for what Glance keeps of things that nobody said. */
async function definitionReader(): Promise<ReadDefinition> {
  const { wantedNamespace } = await import('../../wire/schema/metadefs/requests.ts')
  return document => {
    const said = Object.entries(document).filter(
      ([key, value]) => value !== null || key === 'default',
    )
    const properties = { property: Object.fromEntries(said) }
    const definition = wantedNamespace({ namespace: 'n', properties }).properties?.get('property')
    if (definition === undefined)
      throw new TypeError('a namespace has the properties that it is given')
    return definition
  }
}
