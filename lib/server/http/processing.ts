import type { FastifyReply, FastifyRequest } from 'fastify'

/** Milliseconds. */
const EVERY_MS = 10_000

/**
 * Tells the client every now and then that its request, of which all has come, is still worked at: `102 Processing`.
 * What is returned ends that.
 */
export function sayProcessing(
  { raw: request }: FastifyRequest,
  { raw: response }: FastifyReply,
): () => void {
  if (request.httpVersionMajor === 1 && request.httpVersionMinor === 0) return () => {}
  const timer = setInterval(() => {
    const isOpen = !response.headersSent && !response.destroyed
    if (request.complete && isOpen) response.writeProcessing()
  }, EVERY_MS)
  return () => clearInterval(timer)
}
