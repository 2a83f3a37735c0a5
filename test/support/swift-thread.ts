import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { Test } from 'tap'
import { TestSwift } from './swift.ts'

/** A Swift in a thread of its own, so that what it needs of memory is not ours. Resolves to its URL. */
export async function startSwiftThread(t: Test): Promise<string> {
  const worker = new Worker(new URL(import.meta.url), { workerData: t.testdir() })
  t.teardown(async () => await worker.terminate())
  const [url] = (await once(worker, 'message')) as [string] // As it is sent below.
  return url
}

async function listen(folder: string): Promise<void> {
  const swift = new TestSwift(folder, {})
  const answer = (request: IncomingMessage, response: ServerResponse) =>
    void swift.answer(request, response).catch(() => response.destroy())
  const server = createServer(answer).on('checkContinue', answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on a port has an AddressInfo.
  swift.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
  parentPort?.postMessage(swift.url)
}

if (!isMainThread) await listen(String(workerData))
