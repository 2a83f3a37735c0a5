import { createServer, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** The ten bytes that most of its paths have. */
const FETCHED = 'from a web'

/** An image of another Glance. */
export const REMOTE_ID = '7e0b1f7c-0d2f-4a0a-9f43-0d8b1a3c5e01'
export const REMOTE_QUEUED = '7e0b1f7c-0d2f-4a0a-9f43-0d8b1a3c5e02'

const REMOTE = {
  id: REMOTE_ID,
  status: 'active',
  size: FETCHED.length,
  disk_format: 'raw',
  container_format: 'bare',
  hw_machine: 'q35',
  os_distro: 'debian',
  os_type: 'linux',
  unheard_of: 'stays there',
}

/**
 * A small web server, and a Glance at another place: `{source}` in a row. What is below `/held/` comes when somebody has
 * asked for the same below `/released/`.
 */
export async function startSource(t: Test): Promise<string> {
  const released = new Set<string>()
  const waiting = new Map<string, ServerResponse[]>()
  const server = createServer(({ url = '/' }, response) => {
    const [, verb, name = ''] = /^\/(held|released)\/(.*)$/.exec(url) ?? []
    if (verb === 'released') {
      released.add(name)
      for (const held of waiting.get(name) ?? []) held.end(FETCHED)
      response.writeHead(204).end()
    } else if (verb === 'held') {
      response.writeHead(200, { 'content-length': FETCHED.length })
      if (released.has(name)) response.end(FETCHED)
      else waiting.set(name, [...(waiting.get(name) ?? []), response])
    } else answer(url, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  // A server that listens on a port has an AddressInfo.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function answer(url: string, response: ServerResponse): void {
  switch (url) {
    case '/image':
    case '/other':
    case `/v2/images/${REMOTE_ID}/file`:
      response.writeHead(200, { 'content-length': FETCHED.length }).end(FETCHED)
      break
    case '/unsized':
      response.writeHead(200)
      response.write(FETCHED.slice(0, 4))
      response.end(FETCHED.slice(4))
      break
    case '/empty':
      response.writeHead(200, { 'content-length': 0 }).end()
      break
    case '/large':
      response.writeHead(200, { 'content-length': 1000 }).end(FETCHED.repeat(100))
      break
    case '/short':
      response.writeHead(200, { 'content-length': FETCHED.length + 1 })
      response.write(FETCHED, () => response.destroy())
      break
    case '/broken':
      response.writeHead(500).end()
      break
    case '/redirected':
      response.writeHead(302, { location: '/image' }).end()
      break
    case '/misled':
      response.writeHead(302, { location: 'http://forbidden.example.com/image' }).end()
      break
    case `/v2/images/${REMOTE_ID}`:
      sendDocument(response, REMOTE)
      break
    case `/v2/images/${REMOTE_QUEUED}`:
      sendDocument(response, { ...REMOTE, id: REMOTE_QUEUED, status: 'queued' })
      break
    default:
      response.writeHead(404).end()
  }
}

function sendDocument(response: ServerResponse, document: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
}
