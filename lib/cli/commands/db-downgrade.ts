import type { SchemaLoss } from '../../database/database.ts'
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

export interface DbDowngradeOptions extends CommonOptions, ServiceOptions {
  readonly schemaVersion: string
  readonly yes: boolean
}

export interface DbDowngradeSummary extends SchemaSummary {
  readonly lost: readonly SchemaLoss[]
  /** Whether somebody at the terminal said no, so that nothing was done. */
  readonly declined: boolean
}

export const dbDowngrade: Command<DbDowngradeOptions, VersionRow, DbDowngradeSummary> = {
  name: 'db downgrade',
  summary: 'Take the tables of the database back to an earlier version',
  positionals: {
    'schema-version': {
      type: 'string',
      describe: 'A version of the schema, by number or name; 0 for an empty database',
    },
  },
  options: {
    ...SERVICE,
    yes: { type: 'boolean', default: false, describe: 'Lose what the version has no place for' },
  },
  rows: 'versions',

  async *run(options, { signal, confirm }) {
    const config = await serviceConfig(options)
    await using database = await serviceDatabase(config, { wanted: false, signal })
    const { schema } = database
    if (schema === undefined) {
      throw new GlanceError('usage', 'the schema of this database has no versions')
    }
    const to = versionNamed(options.schemaVersion, schema)
    await using _ = await database.hold?.({ signal })
    const lost = await schema.losses(to)
    if (lost.length > 0 && !options.yes) {
      const wouldLose = `going down to version ${to} of the schema loses ${lossesText(lost)}`
      const answer = await confirm(`${wouldLose}. Go on?`)
      if (answer === null)
        throw new GlanceError('usage', `${wouldLose}; --yes does it all the same`)
      if (!answer) return { ...(await schemaSummary(database)), lost: [], declined: true }
    }
    if (lost.length === 0 && to > (await schema.version())) {
      const message = `the database has no version ${to} yet: 'glance-replicator db upgrade ${to}' goes up`
      throw new GlanceError('usage', message)
    }
    for (const version of await schema.migrate(to, { signal })) yield versionRow(version, schema)
    return { ...(await schemaSummary(database)), lost, declined: false }
  },

  exitStatus: ({ declined }) => (declined ? EXIT_STATUS.differences : EXIT_STATUS.done),

  views: {
    row: ({ version, name }) => `downgraded to version ${version} (${name ?? 'empty'})`,
    summary: summary =>
      summary.lost.length === 0
        ? summaryText(summary)
        : `${summaryText(summary)}; lost: ${lossesText(summary.lost)}`,
  },
}

/** Such as `tasks (3), images (1)`. */
function lossesText(losses: readonly SchemaLoss[]): string {
  return losses.map(({ what, rows }) => `${what} (${rows})`).join(', ')
}
