import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { Client } from 'pg'

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
