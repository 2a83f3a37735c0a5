import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Test } from 'tap'

/** Serves these texts by their paths, such as `/image`, and resolves to where: `http://127.0.0.1:<port>`. */
export async function serveFiles(
  t: Test,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<string> {
  const server = createServer((request, response) => {
    const data = files[request.url ?? '']
    if (data === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-length': Buffer.byteLength(data) }).end(data)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`
}

/** The names of what is in a folder, but for those by which a server keeps others away from it. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder).filter(name => !name.startsWith('.glance.'))
}
