import type { Test } from 'tap'
import { idOf } from './images.ts'
import { startTestServer, type TestServer } from './server.ts'

/** What makes the nth image. */
export function bodyOf(n: number): { readonly id: string; readonly [name: string]: unknown } {
  return { id: idOf(n), name: `image ${n}`, disk_format: 'raw', container_format: 'bare' }
}

/** Two servers, the first with images of these numbers. */
export async function twoServers(
  t: Test,
  numbers: readonly number[],
): Promise<[TestServer, TestServer]> {
  const [one, two] = [await startTestServer(t), await startTestServer(t)]
  for (const n of numbers) {
    await one.create(bodyOf(n))
    await one.upload(idOf(n), `data of image ${n}`)
  }
  return [one, two]
}
