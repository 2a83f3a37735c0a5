import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Test } from 'tap'

/** What stands between a client and a service, and breaks off. */
export interface Cutting {
  readonly url: string
  /** Bytes that clients have sent by now. */
  readonly sent: () => number
}

/** Passes bytes on, and breaks the connection off that brings the byte at which `cuts` says so, counted over all. */
export async function startCutting(
  t: Test,
  { port }: { readonly port: number },
  cuts: readonly number[] = [],
): Promise<Cutting> {
  const left = [...cuts]
  let sent = 0
  const server = createServer(client => {
    const service = connect(port, '127.0.0.1')
    client.on('error', () => service.destroy())
    service.on('error', () => client.destroy())
    client.once('close', () => service.end())
    service.once('close', () => client.destroy())
    service.pipe(client)
    client.on('data', (chunk: Buffer) => {
      sent += chunk.length
      if (service.writable && !service.write(chunk)) {
        client.pause()
        service.once('drain', () => client.resume())
      }
      if (sent < (left[0] ?? Infinity)) return
      left.shift()
      service.end()
      client.destroy()
    })
    client.once('end', () => service.end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  // A server that listens on a port has an AddressInfo.
  const { port: own } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${own}`, sent: () => sent }
}
