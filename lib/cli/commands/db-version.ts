import type { Command } from '../command.ts'
import { EXIT_STATUS } from '../exit-status.ts'
import { type CommonOptions, SERVICE, type ServiceOptions } from '../options.ts'
import {
  type SchemaSummary,
  schemaSummary,
  serviceConfig,
  serviceDatabase,
  summaryText,
  type VersionRow,
  versionRow,
} from '../service-database.ts'

type DbVersionOptions = CommonOptions & ServiceOptions

export const dbVersion: Command<DbVersionOptions, never, SchemaSummary> = {
  name: 'db version',
  summary: 'Tell which version of the schema the database has',
  positionals: {},
  options: SERVICE,
  rows: 'versions',

  // oxlint-disable-next-line require-yield
  async *run(options, { signal }) {
    await using database = await serviceDatabase(await serviceConfig(options), {
      wanted: false,
      signal,
    })
    return await schemaSummary(database)
  },

  exitStatus: () => EXIT_STATUS.done,

  views: {
    row: () => undefined,
    summary: summaryText,
  },
}

export const dbCheck: Command<DbVersionOptions, VersionRow, SchemaSummary> = {
  name: 'db check',
  summary: 'Tell whether the database has the tables that this program uses',
  positionals: {},
  options: SERVICE,
  rows: 'versions',

  async *run(options, { signal }) {
    await using database = await serviceDatabase(await serviceConfig(options), {
      wanted: false,
      signal,
    })
    const summary = await schemaSummary(database)
    const { schema } = database
    if (schema === undefined) return summary
    for (let version = 1; version <= schema.versions.length; version += 1) {
      if (version > (summary.version ?? 0)) yield versionRow(version, schema)
    }
    return summary
  },

  exitStatus: ({ version, latest }) =>
    version === latest ? EXIT_STATUS.done : EXIT_STATUS.differences,

  views: {
    row: ({ version, name }) => `version ${version} (${name}) is outstanding`,
    summary: summary =>
      summary.version === summary.latest
        ? `${summaryText(summary)}: it is up to date`
        : `${summaryText(summary)}: 'glance-replicator db sync' brings it there`,
  },
}
