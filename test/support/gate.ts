import type { ServerResponse } from 'node:http'
import type { Test } from 'tap'
import { startListener } from './listener.ts'

/** A source of data that gives who reads it the first byte, and the rest when it is told to. */
export interface Gate {
  readonly url: string
  /** Resolves when somebody has begun to read. */
  readonly reached: Promise<void>
  /** Gives the rest to whoever reads now, and all to whoever comes later. */
  open(): void
}

/** Listens for the time of a test. Whoever comes after so many `readers` is given all at once. */
export async function startGate(t: Test, data: string, readers = Infinity): Promise<Gate> {
  const waiting: ServerResponse[] = []
  let seen = 0
  let isOpen = false
  let tell = () => {}
  const reached = new Promise<void>(resolve => (tell = resolve))
  const base = await startListener(t, (request, response) => {
    response.writeHead(200, { 'content-length': data.length })
    if (request.method === 'HEAD') return void response.end()
    seen += 1
    if (isOpen || seen > readers) return void response.end(data)
    response.write(data.slice(0, 1))
    waiting.push(response)
    tell()
  })
  return {
    url: `${base}/gate`,
    reached,
    open: () => {
      isOpen = true
      for (const response of waiting.splice(0)) response.end(data.slice(1))
    },
  }
}
