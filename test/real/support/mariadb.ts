import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { PASSWORD, type ServerKind, USER } from './database-server.ts'

/** Debian's MariaDB, with the settings of the server as unlike those of a session of ours as they may be. */
export const MARIADB: ServerKind = {
  name: 'mysql',
  user: 'mysql',
  prepare: async folder => [
    [
      'mariadb-install-db',
      '--no-defaults',
      `--datadir=${join(folder, 'data')}`,
      '--skip-test-db',
      '--auth-root-authentication-method=normal',
    ],
  ],
  words: async (folder, port) => [
    '/usr/sbin/mariadbd',
    '--no-defaults',
    `--datadir=${join(folder, 'data')}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--socket=${join(folder, 'mysqld.sock')}`,
    `--pid-file=${join(folder, 'mysqld.pid')}`,
    '--character-set-server=latin1',
    '--sql-mode=',
    '--default-time-zone=+05:00',
    `--ssl-cert=${join(folder, 'server.pem')}`,
    `--ssl-key=${join(folder, 'server.key')}`,
    // Elsewhere others that start take our temporary tables for theirs.
    `--tmpdir=${folder}`,
    // It survives a kill, not a power cut.
    '--innodb-flush-log-at-trx-commit=2',
    '--innodb-flush-method=nosync',
    '--sync-frm=0',
    '--skip-innodb-doublewrite',
  ],
  administer: async (port, statement) => {
    const connection = await createConnection({ host: '127.0.0.1', port, user: 'root' })
    try {
      await connection.query(statement)
    } finally {
      connection.destroy()
    }
  },
  creation: database => [
    `create database ${database}`,
    `create user if not exists '${USER}'@'%' identified by '${PASSWORD}'`,
    `grant all on ${database}.* to '${USER}'@'%'`,
  ],
}
