import { Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { Client, type CustomTypesConfig, types } from 'pg'
import { messageOf } from '../errors.ts'
import type { ServerConnection } from './connection.ts'
import { isRefusal, isUnsupported, toGlanceError } from './postgres-errors.ts'
import {
  type Answer,
  KEEP_ALIVE_MS,
  LOCK_TIMEOUT_MS,
  Lost,
  PATIENCE_MS,
  type Session,
} from './server/session.ts'
import { type Tls, tlsOf } from './server/tls.ts'
import { notConnected } from './server/open.ts'

/** One connection to PostgreSQL. */
export class PostgresSession implements Session {
  readonly #client: Client
  readonly #socket: Socket
  readonly #name: string
  #ended = false

  private constructor(client: Client, socket: Socket, name: string) {
    this.#client = client
    this.#socket = socket
    this.#name = name
    client.on('error', () => (this.#ended = true))
    client.on('end', () => (this.#ended = true))
  }

  /**
   * Connects. `name` is what the database is called in messages. @throws {GlanceError} `Undone` while there is
   * nobody who lets us in, `usage` when nobody will.
   */
  static async open(connection: ServerConnection, name: string): Promise<PostgresSession> {
    const tls = await tlsOf(connection.tls)
    try {
      return await PostgresSession.#connect(connection, tls, name).catch((error: unknown) => {
        const isOptional = connection.tls.use === 'preferred' && isWithoutTls(error)
        if (!isOptional) throw error
        return PostgresSession.#connect(connection, null, name)
      })
    } catch (error) {
      throw notConnected(error, name, isRefusal(error) || isWithoutTls(error))
    }
  }

  static async #connect(
    { host, port, socket: folder, user, password, database, ...options }: ServerConnection,
    tls: Tls | null,
    name: string,
  ): Promise<PostgresSession> {
    const socket = new Socket()
    const client = new Client({
      host: folder ?? host,
      port,
      user: user ?? undefined,
      password: password ?? undefined,
      database,
      ssl: tls ?? false,
      stream: () => socket,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      connectionTimeoutMillis: options.connectTimeoutMs,
      application_name: options.applicationName,
      ...(options.options === null ? {} : { options: options.options }),
      client_encoding: 'UTF8',
      types: TYPES,
    })
    const session = new PostgresSession(client, socket, name)
    try {
      await client.connect()
      await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}`)
      await client.query(LOOK_FOR_US).catch(unlessUnsupported)
      return session
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  get ended(): boolean {
    return this.#ended
  }

  async query(sql: string, parameters: readonly unknown[]): Promise<Answer> {
    try {
      const { command, rows, rowCount } = await this.#client.query(sql, [...parameters])
      // A transaction in which something failed is rolled back by a commit, which does not fail.
      if (sql === 'commit' && command !== 'COMMIT') {
        throw new TypeError('the transaction had failed and was committed')
      }
      const isChange = /^(?:INSERT|UPDATE|DELETE)$/.test(command)
      return { rows, found: isChange ? BigInt(rowCount ?? 0) : null }
    } catch (error) {
      const meant = toGlanceError(error, this.#name, this.#ended)
      if (meant instanceof Lost) this.#ended = true
      throw meant
    }
  }

  async close(): Promise<void> {
    this.#ended = true
    await Promise.race([this.#client.end(), setTimeout(PATIENCE_MS)]).catch(() => {})
    this.#socket.destroy()
  }
}

/**
 * Has the server look every so many milliseconds whether we are there while it is at a statement, which it goes on with
 * for ever else after we have given it up. Since PostgreSQL 14, on most systems.
 */
const LOOK_FOR_US = `select set_config(name, '1000', false) from pg_settings
  where name = 'client_connection_check_interval'`

function unlessUnsupported(error: unknown): void {
  if (!isUnsupported(error)) throw error
}

/** The words of the driver for a server that has no TLS. */
function isWithoutTls(error: unknown): boolean {
  return messageOf(error) === 'The server does not support SSL connections'
}

/** The only place where 64-bit integers, and sums of them, come from text: they are exact to 2^53. */
const TYPES: CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') =>
    oid === INT8 || oid === NUMERIC
      ? Number
      : types.getTypeParser(oid, format)) as CustomTypesConfig['getTypeParser'], // Which is overloaded by format.
}
const INT8 = 20
const NUMERIC = 1700
