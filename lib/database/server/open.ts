import { setTimeout } from 'node:timers/promises'
import { GlanceError, isGlanceError, messageOf } from '../../errors.ts'
import type { OpenOptions, ServerSettings } from '../settings.ts'
import { Undone } from '../sql/away.ts'
import type { Pool } from './pool.ts'
import type { Session } from './session.ts'

/**
 * Asks a server something for the first time, of which `work` is to undo nothing, and waits for it while it does not
 * answer yet. @throws {GlanceError} `unavailable` when it does not in the end, and at once what does not pass by itself.
 */
export async function firstAnswer<S extends Session, T>(
  pool: Pool<S>,
  { maxRetries, retryIntervalMs }: Pick<ServerSettings, 'maxRetries' | 'retryIntervalMs'>,
  work: (session: S) => Promise<T>,
  { signal, notice = () => {} }: OpenOptions,
): Promise<T> {
  for (let retry = 1; ; retry += 1) {
    signal?.throwIfAborted()
    try {
      const session = await pool.take()
      try {
        return await work(session)
      } finally {
        pool.give(session)
      }
    } catch (error) {
      const mayPass = isGlanceError(error, 'unavailable')
      if (!mayPass || (maxRetries >= 0 && retry > maxRetries)) throw error
      const rest = maxRetries < 0 ? '' : `, ${maxRetries - retry + 1} more times`
      notice(`${error.message}: tried again in ${retryIntervalMs / 1000} s${rest}`)
    }
    await setTimeout(retryIntervalMs, undefined, { signal })
  }
}

/**
 * What it means that no connection was made: `usage` when that does not pass by itself (`isRefusal`, or the server is not
 * trusted), `Undone` when it may.
 */
export function notConnected(error: unknown, name: string, isRefusal: boolean): GlanceError {
  const message = `cannot connect to ${name}: ${messageOf(error)}`
  if (isRefusal || isDistrust(error)) return new GlanceError('usage', message, { cause: error })
  return new Undone(message, { cause: error })
}

/** Node's codes for certificates, and OpenSSL's for keys and protocols. */
function isDistrust(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /CERT|^UNABLE_TO_|^ERR_(?:TLS|SSL|OSSL)_|^HANDSHAKE_/.test(code)
}
