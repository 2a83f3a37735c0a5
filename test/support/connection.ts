import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestServer } from './server.ts'
import { soon } from './soon.ts'

/** A connection of which every byte is in our hands, with the head of a request sent. */
export async function dial(
  server: Pick<TestServer, 'port'>,
  ...head: readonly string[]
): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write([...head, 'Host: glance', '', ''].join('\r\n'))
  return socket
}

/** The same for an upload, of which no byte is sent yet. */
export function dialUpload(
  server: Pick<TestServer, 'port'>,
  id: string,
  ...headers: readonly string[]
): Promise<Socket> {
  const type = 'Content-Type: application/octet-stream'
  return dial(server, `PUT /v2/images/${id}/file HTTP/1.1`, type, ...headers)
}

/** The next that comes. */
export async function next(socket: Socket): Promise<string> {
  const [chunk] = (await once(socket, 'data')) as [Buffer] // No encoding is set.
  return chunk.toString()
}

/** Everything that comes until the other side closes. */
export async function rest(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** Asks until the image is in this status: nobody is told when it changes. */
export async function untilStatus(server: TestServer, id: string, status: string): Promise<void> {
  while ((await server.show(id))['status'] !== status) await soon()
}
