import type { AddressInfo } from 'node:net'
import { GlanceError, messageOf } from '../../errors.ts'

/** As it stands in a URL; a server that listens everywhere is reached here as well. */
export function hostOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

/** Where a server is that listens on a port. @throws {GlanceError} `usage` for one that listens on something else. */
export function addressOf(server: { address(): AddressInfo | string | null }): AddressInfo {
  const address = server.address()
  if (address !== null && typeof address !== 'string') return address
  const message = `${address ?? 'the descriptor'} is no address with a port: a socket unit has to have one, as in ListenStream=9292`
  throw new GlanceError('usage', message)
}

export function cannotListen(host: string, port: number, error: unknown): GlanceError {
  const message = `cannot listen at ${hostOf(host)}:${port}: ${messageOf(error)}`
  return new GlanceError('unavailable', message, { cause: error })
}
