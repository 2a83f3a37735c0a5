import { type Agent, request } from 'node:http'
import type { TestService } from './service.ts'
import { soon } from './soon.ts'

/** Each request on a connection of its own: one that is kept idle is let be for a minute by a worker that leaves. */
export const CLOSING = { connection: 'close' }
const JSON_TYPE = { 'content-type': 'application/json', ...CLOSING }

export async function create(service: TestService): Promise<string> {
  const body = JSON.stringify({ disk_format: 'raw', container_format: 'bare' })
  const answer = await fetch(`${service.url}/v2/images`, {
    method: 'POST',
    headers: JSON_TYPE,
    body,
  })
  return ((await answer.json()) as { id: string }).id
}

export async function put(service: TestService, id: string, body: string): Promise<Response> {
  const headers = { 'content-type': 'application/octet-stream' }
  return await fetch(`${service.url}/v2/images/${id}/file`, { method: 'PUT', headers, body })
}

export async function untilSaving(service: TestService, id: string): Promise<void> {
  await untilStatus(service, id, 'saving')
}

export async function untilStatus(service: TestService, id: string, status: string): Promise<void> {
  for (;;) {
    // A worker that is killed takes its connections with it.
    const answer = await fetch(`${service.url}/v2/images/${id}`, { headers: CLOSING }).catch(
      () => null,
    )
    const image = ((await answer?.json()) ?? {}) as { readonly status?: string }
    if (image.status === status) return
    await soon()
  }
}

/** Until nobody is let in any more. */
export async function untilRefused(service: TestService): Promise<void> {
  while (
    await fetch(`${service.url}/`).then(
      () => true,
      () => false,
    )
  )
    await soon()
}

export async function ask(
  { url }: TestService,
  agent: Agent,
  method: string,
  path: string,
  body?: string,
): Promise<number> {
  return await new Promise((resolve, reject) => {
    const sent = request(
      url + path,
      { method, agent, headers: { 'content-type': 'application/json' } },
      answer => {
        answer.resume().once('end', () => resolve(answer.statusCode ?? 0))
        answer.once('error', reject)
      },
    )
    sent.once('error', reject).end(body)
  })
}
