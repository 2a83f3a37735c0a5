import type { FastifyInstance } from 'fastify'

export const HEALTHCHECK = '/healthcheck'

/** As oslo.middleware's, for whoever shares requests out among services: that we answer at all is all that it tells. */
export function healthcheck(app: FastifyInstance): void {
  app.all(HEALTHCHECK, async ({ method, headers }, reply) => {
    if (method === 'HEAD') return reply.code(204).send()
    if (/\bapplication\/json\b/.test(headers.accept ?? '')) {
      return { detailed: false, reasons: ['OK'] }
    }
    return reply.header('content-type', 'text/plain; charset=UTF-8').send('OK')
  })
}
