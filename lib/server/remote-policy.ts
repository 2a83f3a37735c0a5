import type { IncomingMessage } from 'node:http'
import { GlanceError } from '../errors.ts'
import { DataConnections } from '../http/connections.ts'
import { briefly, networkFault } from '../http/faults.ts'
import { type NamedFile, readTls } from '../http/tls.ts'
import type { Ask, RemoteQuestion } from './policy/check.ts'
import type { RemotePolicySettings } from './policy/remote-settings.ts'

interface Surroundings {
  readonly report: (error: unknown) => void
  /** Told of what is to be disposed of at the end. */
  readonly opened: (connections: Disposable) => void
}

/**
 * Asks as oslo.policy does: it posts `rule`, `target` and `credentials`, each in JSON, and `True` is a yes. A server
 * that cannot be asked is a no, and `report` is told which, without what was sent.
 * @throws {GlanceError} `usage` for a file that cannot be read or is not what it should be.
 */
export async function remotePolicy(
  settings: RemotePolicySettings,
  { report, opened }: Surroundings,
): Promise<Ask> {
  const { policyRemoteTimeout: seconds, policyRemoteContentType: contentType } = settings
  const tls = await readTls({
    cacert: file('remote_ssl_ca_crt_file', settings.policyRemoteCaFile),
    cert: file('remote_ssl_client_crt_file', settings.policyRemoteCertFile),
    key: file('remote_ssl_client_key_file', settings.policyRemoteKeyFile),
    insecure: !settings.policyRemoteVerify,
  })
  const connections = new DataConnections({ tls })
  opened(connections)
  return async question => {
    const url = new URL(question.url)
    const signal = AbortSignal.timeout(seconds * 1000)
    try {
      const body = bodyOf(question, contentType)
      const answer = await post(url, { contentType, body, connections, signal })
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

function file(option: string, path: string | null): NamedFile | undefined {
  return path === null ? undefined : { path, by: `[oslo_policy] ${option}` }
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
  readonly connections: DataConnections
  readonly signal: AbortSignal
}

/** Follows no redirect. */
function post(
  url: URL,
  { contentType, body, connections, signal }: Post,
): Promise<IncomingMessage> {
  const headers = { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }
  const options = { method: 'POST', headers, signal }
  return new Promise((resolve, reject) => {
    const sent = connections.forJson(url, options)
    sent.once('response', resolve)
    sent.on('error', reject)
    sent.end(body)
  })
}
