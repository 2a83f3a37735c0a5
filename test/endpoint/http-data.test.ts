import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { bodyOf, receive } from '../../lib/http/body.ts'
import { DataConnections } from '../../lib/http/connections.ts'
import { chunksOf } from '../../lib/http/large-reads.ts'
import { startListener } from '../support/listener.ts'

const pem = (name: string) => readFileSync(`fixtures/tls/${name}`)
const CERTIFICATE = { cert: pem('server.pem'), key: pem('server.key') }
const MIB = 1024 * 1024
/** Bytes: so much that connections are not used again for it. */
const LARGE = 20 * MIB + 7

/** Bytes that tell where they stand. */
function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let at = 0; at < length; at += 1) bytes[at] = (at * 31 + (at >>> 8) * 7 + (at >>> 16)) & 255
  return bytes
}

const BYTES = pattern(LARGE)

type Answer = (response: ServerResponse, request: IncomingMessage) => void

/** Asks for what `answer` sends, and resolves to the digest of the body and to how many bytes it had. */
async function read(
  t: Test,
  answer: Answer,
  {
    tls = false,
    stallMs = 30_000,
    slowly = false,
    signal,
  }: { tls?: boolean; stallMs?: number; slowly?: boolean; signal?: AbortSignal } = {},
) {
  const url = await startListener(
    t,
    (request, response) => answer(response, request),
    tls ? CERTIFICATE : undefined,
  )
  using connections = new DataConnections({ tls: { insecure: true } })
  const asked = { method: 'GET', headers: {}, timeoutMs: 30_000, connections, signal } as const
  const body = await receive({ ...asked, url: new URL(url) })
  const hash = createHash('md5')
  let length = 0
  for await (const chunk of bodyOf(body, stallMs)) {
    if (slowly) await new Promise(resolve => setImmediate(resolve))
    hash.update(chunk)
    length += chunk.length
  }
  return { md5: hash.digest('hex'), length }
}

const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex')

function announced(length: number): { 'content-length': number } {
  return { 'content-length': length }
}

for (const tls of [false, true]) {
  t.test(`image data arrives as it was sent, ${tls ? 'over TLS' : 'in plain text'}`, async t => {
    for (const [title, length, answer] of [
      [
        'all at once',
        LARGE,
        response => {
          response.writeHead(200, announced(LARGE))
          response.end(BYTES)
        },
      ],
      [
        'headers first',
        LARGE,
        response => {
          response.writeHead(200, announced(LARGE))
          response.flushHeaders()
          setTimeout(() => response.end(BYTES), 20)
        },
      ],
      [
        'in pieces of odd lengths, with pauses',
        LARGE,
        response => {
          response.writeHead(206, announced(LARGE))
          const next = (at: number) => {
            const to = Math.min(LARGE, at + 1 + (at % 700_001))
            response.write(BYTES.subarray(at, to), () => {
              if (to === LARGE) response.end()
              else setImmediate(next, to)
            })
          }
          next(0)
        },
      ],
      [
        'of a length that nobody announces',
        LARGE,
        response => {
          response.writeHead(200)
          response.end(BYTES)
        },
      ],
      [
        'small',
        1000,
        response => {
          response.writeHead(200, announced(1000))
          response.end(BYTES.subarray(0, 1000))
        },
      ],
    ] as const satisfies readonly (readonly [string, number, Answer])[]) {
      for (const slowly of [false, true]) {
        t.test(slowly ? `${title}, to a slow reader` : title, async t => {
          const wanted = { md5: md5(BYTES.subarray(0, length)), length }
          t.strictSame(await read(t, answer, { tls, slowly }), wanted)
        })
      }
    }

    t.test('many at once, by buffers that are used again', async t => {
      const url = await startListener(
        t,
        (_, response) => {
          response.writeHead(200, announced(LARGE))
          response.end(BYTES)
        },
        tls ? CERTIFICATE : undefined,
      )
      using connections = new DataConnections({ tls: { insecure: true } })
      const asked = { method: 'GET', headers: {}, timeoutMs: 30_000, connections } as const
      const one = async () => {
        const hash = createHash('md5')
        const answer = await receive({ ...asked, url: new URL(url) })
        for await (const chunk of bodyOf(answer, 30_000)) hash.update(chunk)
        return hash.digest('hex')
      }
      const ended = chunksOf(await receive({ ...asked, url: new URL(url) }))[Symbol.asyncIterator]()
      while ((await ended.next()).done !== true);
      // Its buffers are others' now: who asks again gives them away no second time.
      for (let again = 0; again < 8; again += 1) t.equal((await ended.next()).done, true)
      for (let round = 0; round < 3; round += 1) {
        const found = await Promise.all([one(), one(), one(), one()])
        t.strictSame(new Set(found), new Set([md5(BYTES)]))
      }
    })

    for (const [title, answer] of [
      [
        'a connection that ends before the body does breaks it off',
        (response, { socket }) => {
          response.writeHead(200, announced(LARGE))
          response.write(BYTES.subarray(0, LARGE - 1), () => socket.end())
        },
      ],
      [
        'a connection that is reset breaks it off',
        (response, { socket }) => {
          response.writeHead(200, announced(LARGE))
          response.write(BYTES.subarray(0, 9 * MIB), () => socket.destroy())
        },
      ],
    ] as const satisfies readonly (readonly [string, Answer])[]) {
      t.test(title, async t => {
        await t.rejects(read(t, answer, { tls }), { code: 'ECONNRESET' })
      })
    }

    t.test('a server that falls silent is given up', async t => {
      const silent: Answer = response => {
        response.writeHead(200, announced(LARGE))
        response.write(BYTES.subarray(0, 9 * MIB))
      }
      const message = 'no byte came for 0.3 s'
      await t.rejects(read(t, silent, { tls, stallMs: 300 }), { code: 'unavailable', message })
    })

    t.test('whoever stops reading closes the connection', async t => {
      let closed = () => {}
      const isClosed = new Promise<void>(resolve => (closed = resolve))
      const url = await startListener(
        t,
        (_, response) => {
          response.once('close', closed)
          response.writeHead(200, announced(LARGE))
          response.end(BYTES)
        },
        tls ? CERTIFICATE : undefined,
      )
      using connections = new DataConnections({ tls: { insecure: true } })
      const asked = { method: 'GET', headers: {}, timeoutMs: 30_000, connections } as const
      const answer = await receive({ ...asked, url: new URL(url) })
      for await (const chunk of bodyOf(answer, 30_000)) {
        t.ok(chunk.length > 0)
        break
      }
      await isClosed
    })

    t.test('a signal stops it', async t => {
      const stop = new AbortController()
      const answer: Answer = response => {
        response.writeHead(200, announced(LARGE))
        response.write(BYTES.subarray(0, 9 * MIB), () => stop.abort(new Error('enough')))
      }
      await t.rejects(read(t, answer, { tls, signal: stop.signal }))
    })
  })
}
