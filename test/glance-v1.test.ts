import t from 'tap'
import { GlanceV1Endpoint } from '../lib/endpoint/glance-v1.ts'
import { fixedToken } from '../lib/keystone/token-source.ts'
import { endpointSuite } from './compliance/endpoint-suite.ts'
import { startTestServer } from './support/server.ts'

const OPTIONS = { tokens: fixedToken('sesame'), timeoutMs: 10_000, attempts: 2 }

async function open(url: string, options = {}): Promise<GlanceV1Endpoint> {
  return await GlanceV1Endpoint.open(url, new URL(url), { ...OPTIONS, ...options })
}

t.test('promises of every endpoint, kept against the embedded server', t => {
  endpointSuite(t, { create: async t => await open((await startTestServer(t)).url) })
  t.end()
})

t.test('promises of every endpoint, kept where a page holds two images', t => {
  endpointSuite(t, {
    create: async t => await open((await startTestServer(t, { apiLimitMax: 2 })).url),
  })
  t.end()
})
