import { readFile } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { GlanceError, messageOf } from '../errors.ts'
import { briefly, networkFault } from '../http/faults.ts'
import type { Ask, RemoteQuestion } from './policy/check.ts'
import type { RemotePolicySettings } from './policy/remote-settings.ts'

interface Tls {
  readonly rejectUnauthorized: boolean
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/**
 * Asks as oslo.policy does: it posts `rule`, `target` and `credentials`, each in JSON, and `True` is a yes. A server
 * that cannot be asked is a no, and `report` is told which, without what was sent.
 * @throws {GlanceError} `usage` for a file that cannot be read.
 */
export async function remotePolicy(
  settings: RemotePolicySettings,
  report: (error: unknown) => void,
): Promise<Ask> {
  const { policyRemoteTimeout: seconds, policyRemoteContentType: contentType } = settings
  const tls: Tls = {
    rejectUnauthorized: settings.policyRemoteVerify,
    ...(await pem('ca', settings.policyRemoteCaFile)),
    ...(await pem('cert', settings.policyRemoteCertFile)),
    ...(await pem('key', settings.policyRemoteKeyFile)),
  }
  return async question => {
    const url = new URL(question.url)
    const signal = AbortSignal.timeout(seconds * 1000)
    try {
      const body = bodyOf(question, contentType)
      const answer = await post(url, { contentType, body, tls, signal })
      const text = await briefly(answer)
      if (answer.statusCode === 200) return text.replaceAll(/^"+|"+$/g, '') === 'True'
      report(nobody(question, `POST ${url.origin}/: the answer is ${answer.statusCode}`))
    } catch (error) {
      // Only which server it is, not what is asked for there.
      const server = new URL(url.origin)
      const late = new Error(`no answer in ${seconds} s`)
      const { message } = networkFault(
        { method: 'POST', url: server },
        signal.aborted ? late : error,
      )
      report(nobody(question, message))
    }
    return false
  }
}

function nobody({ rule }: RemoteQuestion, reason: string): GlanceError {
  return new GlanceError('unavailable', `policy rule '${rule}' lets nobody through: ${reason}`)
}

function bodyOf(
  { rule, target, credentials }: RemoteQuestion,
  contentType: RemotePolicySettings['policyRemoteContentType'],
): string {
  if (contentType === 'application/json') return JSON.stringify({ rule, target, credentials })
  return new URLSearchParams({
    rule: JSON.stringify(rule),
    target: JSON.stringify(target),
    credentials: JSON.stringify(credentials),
  }).toString()
}

interface Post {
  readonly contentType: string
  readonly body: string
  readonly tls: Tls
  readonly signal: AbortSignal
}

/** Follows no redirect. */
function post(url: URL, { contentType, body, tls, signal }: Post): Promise<IncomingMessage> {
  const headers = { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }
  const options = { method: 'POST', headers, signal }
  return new Promise((resolve, reject) => {
    const sent =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, ...tls })
        : httpRequest(url, options)
    sent.once('response', resolve)
    sent.once('error', reject)
    sent.end(body)
  })
}

async function pem(name: keyof Tls, path: string | null): Promise<Partial<Tls>> {
  if (path === null) return {}
  try {
    return { [name]: await readFile(path, 'utf8') }
  } catch (error) {
    throw new GlanceError('usage', `${path} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}
