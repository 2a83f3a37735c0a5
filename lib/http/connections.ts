import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { connect, type NetConnectOpts, type OnReadOpts, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'

/** Bytes read from a socket at a time: a fifth of the system calls and events of Node's 64 KiB. */
const READ_SIZE = 256 * 1024

/**
 * Kept-alive connections for image data, to be destroyed at the end. They read into a large buffer of their own instead
 * of having one made for each read; Node's parser still sees, and copies, every byte.
 */
export class DataConnections implements Disposable {
  readonly #http = new LargeReadAgent({ keepAlive: true })
  readonly #https = new LargeReadTlsAgent({ keepAlive: true })

  for(url: URL): HttpAgent | HttpsAgent {
    return url.protocol === 'https:' ? this.#https : this.#http
  }

  [Symbol.dispose](): void {
    this.#http.destroy()
    this.#https.destroy()
  }
}

class LargeReadAgent extends HttpAgent {
  override createConnection(options: object): Socket {
    // An agent's options hold host, port and all else that a connection takes.
    return reading(onread => connect({ ...options, onread } as NetConnectOpts))
  }
}

class LargeReadTlsAgent extends HttpsAgent {
  override createConnection(options: object): Socket {
    return reading(onread => connectTls({ ...options, onread } as ConnectionOptions))
  }
}

/** Hands what is read to whoever listens for `data`, as if the stream had made the buffer. */
function reading(open: (onread: OnReadOpts) => Socket): Socket {
  const socket = open({
    buffer: Buffer.allocUnsafeSlow(READ_SIZE),
    callback: (length, buffer) => {
      socket.emit('data', buffer.subarray(0, length))
      return true
    },
  })
  return socket
}
