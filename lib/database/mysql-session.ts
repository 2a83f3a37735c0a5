import { Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { type Connection, createConnection, type QueryResult } from 'mysql2'
import type { ServerConnection } from './connection.ts'
import { isRefusal, toGlanceError } from './mysql-errors.ts'
import { notConnected } from './server/open.ts'
import {
  type Answer,
  IDLE_TIMEOUT_MS,
  KEEP_ALIVE_MS,
  LOCK_TIMEOUT_MS,
  Lost,
  PATIENCE_MS,
  type Session,
} from './server/session.ts'
import { type Tls, tlsOf } from './server/tls.ts'

/** One connection to MySQL or MariaDB. */
export class MysqlSession implements Session {
  readonly #connection: Connection
  readonly #socket: Socket
  readonly #name: string
  #ended = false

  private constructor(connection: Connection, socket: Socket, name: string) {
    this.#connection = connection
    this.#socket = socket
    this.#name = name
    connection.on('error', () => (this.#ended = true))
    socket.on('close', () => (this.#ended = true))
  }

  /**
   * Connects. `name` is what the database is called in messages. @throws {GlanceError} `Undone` while there is nobody
   * who lets us in, `usage` when nobody will.
   */
  static async open(connection: ServerConnection, name: string): Promise<MysqlSession> {
    const tls = await tlsOf(connection.tls)
    const session = MysqlSession.#begin(connection, tls, name)
    try {
      await new Promise<void>((resolve, reject) => {
        session.#connection.connect(error => (error === null ? resolve() : reject(error)))
      })
      for (const setting of SETTINGS) await session.#run(setting, [])
      return session
    } catch (error) {
      session.#socket.destroy()
      throw notConnected(error, name, isRefusal(error))
    }
  }

  static #begin(
    {
      host,
      port,
      socket: path,
      user,
      password,
      database,
      tls: { verify },
      ...options
    }: ServerConnection,
    tls: Tls | null,
    name: string,
  ): MysqlSession {
    const socket = new Socket()
    socket.setKeepAlive(true, KEEP_ALIVE_MS).setNoDelay(true)
    // With an address for a host nobody tells Node for whom the certificate is to be, and it takes localhost for it.
    Object.assign(socket, { _host: host })
    const connection = createConnection({
      host, // By which the certificate of the server is checked.
      ...(user === null ? {} : { user }),
      ...(password === null ? {} : { password }),
      database,
      ...(tls === null ? {} : { ssl: { ...tls, verifyIdentity: verify === 'host' } }),
      stream: () => (path === null ? socket.connect(port, host) : socket.connect(path)),
      connectTimeout: options.connectTimeoutMs,
      connectAttributes: { program_name: options.applicationName },
      charset: 'utf8mb4',
      // A server is not to ask for our files.
      flags: ['-LOCAL_FILES'],
      // Sums are of integers, and these are exact to 2^53.
      decimalNumbers: true,
    })
    return new MysqlSession(connection, socket, name)
  }

  get ended(): boolean {
    return this.#ended
  }

  async query(sql: string, parameters: readonly unknown[]): Promise<Answer> {
    try {
      const result = await this.#run(sql, parameters)
      if (Array.isArray(result)) return { rows: result, found: null }
      // The driver asks for rows that are found, changed or not.
      return { rows: [], found: BigInt(result.affectedRows) }
    } catch (error) {
      const meant = toGlanceError(error, this.#name, this.#ended)
      if (meant instanceof Lost) this.#ended = true
      throw meant
    }
  }

  async close(): Promise<void> {
    const isOpen = !this.#ended
    this.#ended = true
    if (isOpen) {
      const goodbye = new Promise<void>(resolve => this.#connection.end(() => resolve()))
      await Promise.race([goodbye, setTimeout(PATIENCE_MS)])
    }
    this.#socket.destroy()
  }

  #run(sql: string, parameters: readonly unknown[]): Promise<QueryResult> {
    return new Promise((resolve, reject) => {
      this.#connection.query<QueryResult>(sql, [...parameters], (error, result) =>
        error === null ? resolve(result) : reject(error),
      )
    })
  }
}

/** What does not depend on how the server is set up. */
const SETTINGS = [
  'set names utf8mb4',
  `set session sql_mode = 'TRADITIONAL', session time_zone = '+00:00', session autocommit = 1,
    session foreign_key_checks = 1, session wait_timeout = ${IDLE_TIMEOUT_MS / 1000}, session innodb_lock_wait_timeout = ${LOCK_TIMEOUT_MS / 1000}`,
  'set session transaction isolation level repeatable read',
]
