import type { FastifyInstance } from 'fastify'
import type { InFlight } from '../http/in-flight.ts'

/**
 * Takes no new requests, and resolves when those under way have been answered or, after `graceMs`, cut off, and nothing
 * is done for them any more. `graceMs` 0 is for ever.
 */
export async function stopApp(
  app: FastifyInstance,
  inFlight: InFlight,
  graceMs: number,
): Promise<void> {
  const cutOff = () => app.server.closeAllConnections()
  const patience = graceMs === 0 ? undefined : setTimeout(cutOff, graceMs)
  await app.close()
  clearTimeout(patience)
  await inFlight.settled()
}
