import { Agent as HttpAgent, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { connect, type NetConnectOpts, type OnReadOpts, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { BulkBody } from './bulk-body.ts'

/** Bytes read from a socket at a time: a fifth of the system calls and events of Node's 64 KiB. */
const READ_SIZE = 256 * 1024
/** Bytes of a body from which on another connection for what is asked next is cheaper than Node's parser. */
const WORTH_A_CONNECTION = 8 * 1024 * 1024

/** Keeps connections that read into a large buffer of their own instead of having one made for each read. */
export class LargeReadAgent extends HttpAgent {
  override createConnection(options: object): Socket {
    // An agent's options hold host, port and all else that a connection takes.
    return reading(onread => connect({ ...options, onread } as NetConnectOpts))
  }
}

/** As {@link LargeReadAgent}, over TLS. */
export class LargeReadTlsAgent extends HttpsAgent {
  override createConnection(options: object): Socket {
    return reading(onread => connectTls({ ...options, onread } as ConnectionOptions))
  }
}

/** What is read from a socket goes past Node's parser from now on. */
type Divert = (body: BulkBody) => void

const diverts = new WeakMap<object, Divert>()
const bodies = new WeakMap<IncomingMessage, BulkBody>()

/**
 * Lets the body of an answer come past Node's parser where that is worth it and where all is known that the parser
 * would look for: a large body of a length that the headers announce, over one of these connections. To be called when
 * the answer is new, before any of its body can have been read.
 */
export function divert(answer: IncomingMessage): void {
  const { statusCode = 0, headers, socket } = answer
  const length = Number(headers['content-length'] ?? 0)
  const hasBody = statusCode === 200 || statusCode === 206
  if (!hasBody || headers['transfer-encoding'] !== undefined || !(length >= WORTH_A_CONNECTION)) {
    return
  }
  const to = diverts.get(socket)
  if (to === undefined) return
  const body = new BulkBody(answer, length)
  bodies.set(answer, body)
  to(body)
}

/** The bytes of an answer, however they come; to be read once. They are lent. */
export function chunksOf(answer: IncomingMessage): AsyncIterable<Uint8Array> {
  return bodies.get(answer) ?? (answer as AsyncIterable<Buffer>) // It has no encoding.
}

/** Hands what is read to whoever listens for `data`, as if the stream had made the buffer. */
function reading(open: (onread: OnReadOpts) => Socket): Socket {
  const ours = Buffer.allocUnsafeSlow(READ_SIZE)
  let body: BulkBody | undefined
  const socket = open({
    buffer: () => body?.buffer() ?? ours,
    callback: length => {
      if (body !== undefined) return body.received(length)
      socket.emit('data', ours.subarray(0, length))
      drain()
      return true
    },
  })
  // What came with the headers is in the answer; the next read would come before it.
  const drain = () => body?.begin()
  diverts.set(socket, to => (body = to))
  return socket
}
