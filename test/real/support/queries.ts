import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { Client } from 'pg'
import { TABLES } from '../../../lib/database/sql/migrations.ts'

/** A connection to a database past the driver. */
interface Connected extends AsyncDisposable {
  query(sql: string): Promise<readonly object[]>
}

export async function connect(url: string): Promise<Connected> {
  if (url.startsWith('postgresql:')) {
    const client = new Client(url)
    await client.connect()
    return {
      query: async sql => (await client.query<object>(sql)).rows,
      [Symbol.asyncDispose]: () => client.end(),
    }
  }
  const connection = await createConnection(url)
  return {
    query: async sql => (await connection.query<RowDataPacket[]>(sql))[0],
    [Symbol.asyncDispose]: () => connection.end(),
  }
}

/** How many connections a database has besides the one that asks. */
export async function connectionsIn(url: string): Promise<number> {
  await using client = await connect(url)
  const query = url.startsWith('postgresql:')
    ? `select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
    : `select id from information_schema.processlist where db = database() and id <> connection_id()`
  return (await client.query(query)).length
}

/** Empties all tables but the book of their versions. */
export async function empty(url: string): Promise<void> {
  await using client = await connect(url)
  const part = url.startsWith('postgresql:') ? 'current_schema()' : 'database()'
  const found = await client.query(
    `select table_name as name from information_schema.tables where table_schema = ${part}`,
  )
  const there = new Set(found.map(row => ('name' in row ? row.name : undefined)))
  for (const table of TABLES) {
    if (there.has(table)) await client.query(`delete from ${table}`)
  }
}

/** What tables there are, with their columns, keys and indexes, but for the book of their versions. */
export async function descriptionOf(url: string): Promise<readonly object[]> {
  await using client = await connect(url)
  if (url.startsWith('postgresql:')) {
    const columns = await client.query(
      `select table_name, column_name, data_type, character_maximum_length, is_nullable,
          column_default, collation_name
        from information_schema.columns
        where table_schema = 'public' and table_name not like 'kysely%' order by 1, 2`,
    )
    const indexes = await client.query(
      `select tablename, indexname, indexdef from pg_indexes
        where schemaname = 'public' and tablename not like 'kysely%' order by 1, 2`,
    )
    const keys = await client.query(
      `select conrelid::regclass::text as name, contype, pg_get_constraintdef(oid) as definition
        from pg_constraint where connamespace = 'public'::regnamespace and contype <> 'n'
          and conrelid::regclass::text not like 'kysely%' order by 1, 2, 3`,
    )
    return [...columns, ...indexes, ...keys]
  }
  const columns = await client.query(
    `select table_name, column_name, column_type, is_nullable, column_default, collation_name
      from information_schema.columns
      where table_schema = database() and table_name not like 'kysely%' order by 1, 2`,
  )
  const indexes = await client.query(
    `select table_name, index_name, seq_in_index, column_name, sub_part, non_unique
      from information_schema.statistics
      where table_schema = database() and table_name not like 'kysely%' order by 1, 2, 3`,
  )
  const keys = await client.query(
    `select table_name, column_name, referenced_table_name, referenced_column_name
      from information_schema.key_column_usage
      where table_schema = database() and referenced_table_name is not null order by 1, 2`,
  )
  return [...columns, ...indexes, ...keys]
}
