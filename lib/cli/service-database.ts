import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Database, Schema } from '../database/database.ts'
import type { OpenOptions } from '../database/settings.ts'
import { GlanceError } from '../errors.ts'
import type { ServerConfig } from '../server/config.ts'
import { configFiles } from './config-files.ts'
import type { ServiceOptions } from './options.ts'

/** What a service would be configured with that is given these options. @throws {GlanceError} `usage`. */
export async function serviceConfig(options: ServiceOptions): Promise<ServerConfig> {
  const { completeConfig, readConfig } = await import('../server/config.ts')
  const { dataDir } = options
  return completeConfig({
    ...(await readConfig(await configFiles(options))),
    ...(dataDir === undefined ? {} : { dataDir }),
  })
}

/**
 * Opens the database of such a service, as it is. A file that is not there is only made when it is `wanted`; else it is as
 * a database with nothing in it. @throws {GlanceError} `usage` for one that is gone with its service.
 */
export async function serviceDatabase(
  config: ServerConfig,
  { wanted, ...options }: OpenOptions & { readonly wanted: boolean },
): Promise<Database> {
  const { openDatabaseOf } = await import('../server/assembly/open-database.ts')
  const file = await fileOf(config)
  if (wanted || file === null || existsSync(file)) return await openDatabaseOf(config, options)
  return await openDatabaseOf({ ...config, connection: 'sqlite://' })
}

/** Where the database is, when it is in a file. @throws {GlanceError} `usage` for one in memory. */
async function fileOf({ dataApi, connection, dataDir }: ServerConfig): Promise<string | null> {
  const gone = 'such a database is only in the memory of its service'
  if (dataApi === 'simple') throw new GlanceError('usage', `data_api is simple: ${gone}`)
  if (dataApi !== null && dataApi !== 'sqlite') return null
  if (connection === null) return join(resolve(dataDir), 'glance.sqlite')
  const { IN_MEMORY, parseConnection } = await import('../database/connection.ts')
  const place = parseConnection(connection)
  if (place.engine !== 'sqlite') return null
  if (place.path === IN_MEMORY) throw new GlanceError('usage', `connection names no file: ${gone}`)
  return place.path
}

/** A version of the schema that a command line names, by its number or its name. @throws {GlanceError} `usage`. */
export function versionNamed(text: string, { versions }: Pick<Schema, 'versions'>): number {
  const version = /^\d+$/.test(text) ? Number(text) : versions.indexOf(text) + 1
  if (version <= versions.length && (version > 0 || /^0+$/.test(text))) return version
  const all = ['', ...versions].map((_, version) => versionText(version, { versions }))
  const message = `there is no version ${text} of the schema: there are ${all.join(', ')}`
  throw new GlanceError('usage', message)
}

/** A version as people are told of it. */
function versionText(version: number, { versions }: Pick<Schema, 'versions'>): string {
  return `${version} (${versions[version - 1] ?? 'empty'})`
}

/** What commands say of where the schema is, and where it might be. */
export interface SchemaSummary {
  /** Null for a database whose schema has no versions. */
  readonly version: number | null
  /** Of that version; null for an empty database. */
  readonly name: string | null
  /** The version that this program uses. */
  readonly latest: number | null
}

export async function schemaSummary({ schema }: Database): Promise<SchemaSummary> {
  if (schema === undefined) return { version: null, name: null, latest: null }
  const version = await schema.version()
  const { versions } = schema
  return { version, name: versions[version - 1] ?? null, latest: versions.length }
}

/** A version on the way. */
export interface VersionRow {
  readonly version: number
  /** Null for version 0. */
  readonly name: string | null
}

export function versionRow(version: number, { versions }: Pick<Schema, 'versions'>): VersionRow {
  return { version, name: versions[version - 1] ?? null }
}

/** Both as people are told of them. */
export function summaryText({ version, name, latest }: SchemaSummary): string {
  if (version === null) return 'the schema of this database has no versions'
  if (version === 0) return `the database is empty; version ${latest} of the schema is used`
  const text = `the database has version ${version} (${name ?? 'empty'}) of the schema`
  return version === latest ? text : `${text}; ${latest} is used`
}
