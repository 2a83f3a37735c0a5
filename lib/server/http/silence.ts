import type { FastifyReply, FastifyRequest } from 'fastify'
import { GlanceError } from '../../errors.ts'

/**
 * Cuts the client off when for so long it neither sends what it has announced nor takes what it has asked for, as
 * Glance's `client_socket_timeout`. However long we take ourselves is no matter. `ms` 0 is no limit.
 */
export function cutOffSilent(
  { raw: request }: FastifyRequest,
  { raw: response }: FastifyReply,
  ms: number,
): void {
  if (ms === 0) return
  response.removeAllListeners('timeout') // The last limit counts.
  response.setTimeout(ms, () => {
    const sendsNothing = !request.complete && request.readableLength === 0
    const takesNothing = response.writableLength > 0
    if (!sendsNothing && !takesNothing) return
    request.destroy(new GlanceError('unavailable', `the client was silent for ${ms / 1000} s`))
    response.destroy()
  })
}
