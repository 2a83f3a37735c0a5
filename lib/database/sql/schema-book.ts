import type { Kysely } from 'kysely'
import { GlanceError } from '../../errors.ts'
import { Away, awayIn } from './away.ts'
import type { Engine } from './engine.ts'
import { MIGRATIONS, TABLES } from './migrations.ts'
import type { Sql } from './tables.ts'
import type { Access } from './transactions.ts'

const NAMES: readonly string[] = MIGRATIONS.map(([name]) => name)

/** The table of the versions that a database has, as kysely's own migrator keeps it. */
export const BOOK = 'kysely_migration'

/** The version that every database has that may be used: it has a row in {@link BOOK}. */
export const FIRST_VERSION = '0001-images'

/** `timestamp` is when a version was made, or {@link UNDER_WAY}. */
interface BookTables {
  readonly [BOOK]: { readonly name: string; readonly timestamp: string }
}

/** While a version is being made or unmade. Where a change of the schema can be undone, nobody else sees it. */
const UNDER_WAY = ''

/** What stands in the book. */
export interface BookState {
  /** The versions that there are, in order. */
  readonly names: readonly string[]
  /** The one that is being made or unmade, or was when that was cut off. */
  readonly cut: string | undefined
  /** Tables that would be in our way, or are Glance's, while we have none. */
  readonly foreign: readonly string[]
}

/** All tables that are ours if we have any, and those by which a Glance's own database is known. */
const FOREIGN: ReadonlySet<string> = new Set([...TABLES, 'alembic_version', 'migrate_version'])

/** Reads the book, also where there is none; nothing is changed by that. */
export async function readBook({ sql, engine }: Access): Promise<BookState> {
  const tableNames = await tablesOf(sql, engine)
  const rows = tableNames.includes(BOOK)
    ? await bookIn(sql).selectFrom(BOOK).selectAll().orderBy('name').execute()
    : []
  const names = rows.map(({ name }) => name)
  // What is being made stands in the book before the first of its tables is there.
  const foreign = names.length > 0 ? [] : tableNames.filter(name => FOREIGN.has(name)).toSorted()
  const cut = rows.find(({ timestamp }) => timestamp === UNDER_WAY)?.name
  return { names, cut, foreign }
}

async function tablesOf(sql: Sql, { ourPart }: Engine): Promise<readonly string[]> {
  const tables = await sql.introspection.getTables({ withInternalKyselyTables: true })
  if (ourPart === null) return tables.map(({ name }) => name)
  const { part } = await sql.selectNoFrom(ourPart.as('part')).executeTakeFirstOrThrow()
  return tables.flatMap(({ schema, name }) => (schema === part ? [name] : []))
}

export async function makeBook(sql: Sql): Promise<void> {
  const book = sql.schema.createTable(BOOK).ifNotExists()
  await book
    .addColumn('name', 'varchar(255)', column => column.notNull().primaryKey())
    .addColumn('timestamp', 'varchar(255)', column => column.notNull())
    .execute()
}

/** The connection was lost while the book was written: what stands in it is perhaps not so. */
export class Unwritten extends Away {
  /** Writes what is so, on another connection; may be done again and again. */
  readonly mend: (sql: Sql) => Promise<unknown>

  constructor(cause: Away, mend: (sql: Sql) => Promise<unknown>) {
    super(cause.message, { cause })
    this.mend = mend
  }
}

/** Makes a version by `work`, and says so in the book from before it begins. @throws {Unwritten} */
export async function making(sql: Sql, name: string, work: () => Promise<void>): Promise<void> {
  const begun = { name, timestamp: UNDER_WAY }
  await written(sql, sql => bookIn(sql).insertInto(BOOK).values(begun).execute(), remove(name))
  await work()
  await written(sql, writeTime(name, new Date().toISOString()))
}

/** Unmakes it likewise. @throws {Unwritten} */
export async function unmaking(sql: Sql, name: string, work: () => Promise<void>): Promise<void> {
  await written(sql, writeTime(name, UNDER_WAY), writeTime(name, new Date().toISOString()))
  await work()
  await written(sql, remove(name))
}

type Write = (sql: Sql) => Promise<unknown>

async function written(sql: Sql, write: Write, mend: Write = write): Promise<void> {
  try {
    await write(sql)
  } catch (error) {
    const away = awayIn(error)
    throw away === undefined ? error : new Unwritten(away, mend)
  }
}

/**
 * @throws {GlanceError} `unsupported` for what a later program made; `corrupt` for what was cut in half; `conflict` for
 * the database of another program.
 */
export function versionOf({ names, cut, foreign }: BookState): number {
  const later = names.findLast(name => !NAMES.includes(name))
  if (later !== undefined) {
    const known = `${NAMES.length} (${NAMES.at(-1)})`
    const message =
      `the database has version ${Number.parseInt(later, 10)} (${later}) of the schema, and this program knows ` +
      `those up to ${known}: use the later program that made it, or its 'db downgrade ${NAMES.length}'`
    throw new GlanceError('unsupported', message)
  }
  if (cut !== undefined) {
    const message =
      `the way of the database to or from version ${cut} of the schema was cut off half-way: ` +
      `restore a backup, or have everything removed by 'glance-replicator db downgrade 0'`
    throw new GlanceError('corrupt', message)
  }
  if (foreign.length > 0) {
    const message =
      `the database has tables that this program did not make (${foreign.join(', ')}): ` +
      `give it a database of its own`
    throw new GlanceError('conflict', message)
  }
  return names.length
}

function writeTime(name: string, timestamp: string): Write {
  return sql => bookIn(sql).updateTable(BOOK).set({ timestamp }).where('name', '=', name).execute()
}

function remove(name: string): Write {
  return sql => bookIn(sql).deleteFrom(BOOK).where('name', '=', name).execute()
}

function bookIn(sql: Sql): Kysely<BookTables> {
  return sql as unknown as Kysely<BookTables> // The tables that are not for everybody.
}
