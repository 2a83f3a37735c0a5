import type { Api } from './api.ts'

/**
 * Takes no new requests, and resolves when those under way have been answered or, after `graceMs`, cut off, and nothing
 * is done for them any more. `graceMs` 0 is for ever.
 */
export async function stopApp(
  { app, connections, inFlight }: Pick<Api, 'app' | 'connections' | 'inFlight'>,
  graceMs: number,
): Promise<void> {
  const cutOff = () => app.server.closeAllConnections()
  const patience = graceMs === 0 ? undefined : setTimeout(cutOff, graceMs)
  await app.close()
  await connections.closed()
  clearTimeout(patience)
  await inFlight.settled()
}
