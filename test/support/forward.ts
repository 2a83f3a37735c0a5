import { once } from 'node:events'
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as send,
  type ServerResponse,
} from 'node:http'
import type { Caller } from './server.ts'

/**
 * Passes a request on to `target` as if `caller` had made it, as the proxy before a service does, and the answer back,
 * with the headers that `heard` makes of those that it had.
 */
export async function forwardAs(
  caller: Caller,
  target: string,
  request: IncomingMessage,
  response: ServerResponse,
  heard = (headers: IncomingHttpHeaders) => headers,
): Promise<void> {
  const onward = send(new URL(request.url ?? '', target), {
    method: request.method,
    headers: { ...request.headers, ...caller },
  })
  request.pipe(onward)
  request.once('close', () => {
    if (!request.complete) onward.destroy()
  })
  const [answer] = (await once(onward, 'response')) as [IncomingMessage]
  response.writeHead(answer.statusCode ?? 500, heard(answer.headers))
  answer.pipe(response)
}
