import type { Api } from './api.ts'

/** How long a client that has come may take to say its first word, when nobody is let in any more. Milliseconds. */
const FIRST_WORD_MS = 1000

/**
 * Takes no new requests, and resolves when those under way have been answered or, after `graceMs`, cut off, and nothing
 * is done for them any more. `graceMs` 0 is for ever.
 */
export async function stopApp(
  { app, connections, inFlight }: Pick<Api, 'app' | 'connections' | 'inFlight'>,
  graceMs: number,
): Promise<void> {
  const patience = graceMs === 0 ? undefined : setTimeout(() => connections.cutOff(), graceMs)
  // Who has not asked for anything, such as a balancer that only connects, has nothing under way.
  const silence = setInterval(() => connections.dropSilent(), FIRST_WORD_MS)
  await app.close()
  await connections.closed()
  clearTimeout(patience)
  clearInterval(silence)
  await inFlight.settled()
}
