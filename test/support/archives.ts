import { PassThrough } from 'node:stream'
import type { Test } from 'tap'
import { collect } from '../../lib/compliance/bytes.ts'
import { run } from './program.ts'
import { startTestServer, type TestServer } from './server.ts'

/** A dump of five images. */
export const IMAGES = 'fixtures/images'

/** A server that has them. */
export async function withImages(t: Test): Promise<TestServer> {
  const server = await startTestServer(t)
  t.match(await run(['load', server.url, IMAGES]), { status: 0 })
  return server
}

/** The images of a server as an archive. */
export async function dump({ url }: TestServer): Promise<Buffer> {
  const stdout = new PassThrough()
  const gathered = collect(stdout)
  await run(['dump', url, '-'], {}, { stdout })
  stdout.end()
  return await gathered
}
