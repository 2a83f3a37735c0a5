import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import { PASSWORD, type ServerKind, USER } from './database-server.ts'

/** Debian's PostgreSQL, in a language whose order of letters is not that of their bytes where there is one. */
export const POSTGRESQL: ServerKind = {
  name: 'postgresql',
  user: 'postgres',
  prepare: async folder => {
    const file = join(folder, 'password')
    await writeFile(file, PASSWORD, { mode: 0o644 })
    const options = [
      '-U',
      'postgres',
      '-A',
      'scram-sha-256',
      `--pwfile=${file}`,
      '-E',
      'UTF8',
      '-N',
    ]
    return [[await program('initdb'), '-D', join(folder, 'data'), ...options, '--locale=C.UTF-8']]
  },
  words: async (folder, port) => {
    const place = ['-D', join(folder, 'data'), '-h', '127.0.0.1', '-p', String(port), '-k', folder]
    // It survives a kill, not a power cut.
    const speed = ['-c', 'fsync=off', '-c', 'full_page_writes=off']
    const tls = ['server.pem', 'server.key'].map(name => join(folder, name))
    const settings = [
      'max_connections=200',
      // Elsewhere what is killed leaves its shared memory behind.
      'dynamic_shared_memory_type=mmap',
      'ssl=on',
      `ssl_cert_file=${tls[0]}`,
      `ssl_key_file=${tls[1]}`,
    ]
    return [await program('postgres'), ...place, ...speed, ...settings.flatMap(one => ['-c', one])]
  },
  administer: async (port, statement) => {
    const client = new Client({
      host: '127.0.0.1',
      port,
      user: 'postgres',
      password: PASSWORD,
      database: 'postgres',
    })
    client.on('error', () => {}) // Which the query rejects with.
    await client.connect()
    try {
      await client.query(statement)
    } finally {
      await client.end()
    }
  },
  creation: database => [
    `do $$ begin
      if not exists (select from pg_roles where rolname = '${USER}') then
        create role "${USER}" login password '${PASSWORD}';
      end if;
    end $$`,
    `create database ${database} owner "${USER}"`,
  ],
}

/** Debian keeps the programs of each version in a folder of its own. */
async function program(name: string): Promise<string> {
  const versions = (await readdir('/usr/lib/postgresql')).toSorted((a, b) => Number(a) - Number(b))
  return `/usr/lib/postgresql/${versions.at(-1)}/bin/${name}`
}
