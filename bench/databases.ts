import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { DatabaseServer } from '../test/real/support/database-server.ts'
import { POSTGRESQL } from '../test/real/support/postgres.ts'

/** Where databases of an engine are to be made. */
export interface Place extends AsyncDisposable {
  readonly engine: 'SQLite' | 'PostgreSQL'
  /** The URL of a new, empty one. */
  create(): Promise<string>
  /** Lets the engine learn what is in one, as it does by itself after a while. */
  analyze(url: string): Promise<void>
}

/** A folder for SQLite; a server of its own for PostgreSQL, which is left out aloud where it is not installed. */
export async function* places(): AsyncGenerator<Place, void, undefined> {
  yield await sqlite()
  if (existsSync('/usr/lib/postgresql')) yield await postgresql()
  else console.log('PostgreSQL is not installed here (apt-get install postgresql): it is left out')
}

async function sqlite(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'glance-replicator-bench-'))
  let made = 0
  return {
    engine: 'SQLite',
    create: async () => {
      made += 1
      return `sqlite:///${join(folder, `${made}.sqlite`)}`
    },
    analyze: async () => {},
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

async function postgresql(): Promise<Place> {
  const server = await DatabaseServer.start(POSTGRESQL)
  return {
    engine: 'PostgreSQL',
    create: () => server.database(),
    analyze: async url => {
      const client = new Client({ connectionString: url })
      await client.connect()
      try {
        await client.query('vacuum analyze')
      } finally {
        await client.end()
      }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
