import { GlanceError } from '../../errors.ts'
import type { Command } from '../command.ts'
import { EXIT_STATUS } from '../exit-status.ts'
import { type CommonOptions, SERVICE, type ServiceOptions } from '../options.ts'
import {
  type SchemaSummary,
  schemaSummary,
  serviceConfig,
  serviceDatabase,
  summaryText,
  versionNamed,
  type VersionRow,
  versionRow,
} from '../service-database.ts'

export interface DbSyncOptions extends CommonOptions, ServiceOptions {
  readonly schemaVersion: string | undefined
}

const TARGET = {
  'schema-version': {
    type: 'string',
    demandOption: false,
    describe: 'A version of the schema, by number or name (default: the last)',
  },
} as const

/** The way up; `makes` says whether it begins where there is nothing. */
function goingUp(
  name: string,
  summary: string,
  makes: boolean,
): Command<DbSyncOptions, VersionRow, SchemaSummary> {
  return {
    name,
    summary,
    positionals: TARGET,
    options: SERVICE,
    rows: 'versions',

    async *run(options, { log, signal }) {
      const notice = (message: string) => log.notice(message)
      const config = await serviceConfig(options)
      await using database = await serviceDatabase(config, { wanted: makes, signal, notice })
      const { schema } = database
      if (schema === undefined) {
        await database.migrate({ signal })
        return await schemaSummary(database)
      }
      const wanted = options.schemaVersion
      const to = wanted === undefined ? schema.versions.length : versionNamed(wanted, schema)
      const from = await schema.version()
      if (from === 0 && !makes) {
        const message = "the database is empty: 'glance-replicator db sync' makes its tables"
        throw new GlanceError('conflict', message)
      }
      if (from > to) {
        const message = `the database has version ${from} of the schema already: 'glance-replicator db downgrade ${to}' goes down`
        throw new GlanceError('usage', message)
      }
      for (const version of await schema.migrate(to, { signal })) yield versionRow(version, schema)
      return await schemaSummary(database)
    },

    exitStatus: () => EXIT_STATUS.done,

    views: {
      row: ({ version, name }) => `upgraded to version ${version} (${name})`,
      summary: summaryText,
    },
  }
}

export const dbSync = goingUp(
  'db sync',
  'Make the tables of the database, or bring them up to date',
  true,
)

export const dbUpgrade = goingUp(
  'db upgrade',
  'Bring the tables of the database up to date, where there are any',
  false,
)
