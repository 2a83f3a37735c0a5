import { type IssuedToken, valueAt } from './keystone-documents.ts'

/** What somebody may do in the name of another. */
export interface TestTrust {
  readonly trustor: string
  readonly trustee: string
  readonly project: string
  /** Names. */
  readonly roles: readonly string[]
  readonly expiresAt: Date
}

/**
 * The trust that whoever has a token asks for; undefined for what Keystone would not make: in somebody else's name, or
 * with roles that they do not have.
 */
export function trustFrom(body: unknown, issued: IssuedToken): TestTrust | undefined {
  const trust = valueAt(body, 'trust')
  const { user = 'u-1', project = 'p-1', roles: held = ['member', 'reader'] } = issued
  const [trustor, trustee] = [
    valueAt(trust, 'trustor_user_id'),
    String(valueAt(trust, 'trustee_user_id')),
  ]
  const ids = (valueAt(trust, 'roles') as readonly unknown[]).map(role => valueAt(role, 'id')) // Ours always sends them.
  const roles = held.filter(name => ids.includes(`id of ${name}`))
  const isRight =
    trustor === user && valueAt(trust, 'project_id') === project && roles.length === ids.length
  if (!isRight || project === null || valueAt(trust, 'impersonation') !== true) return undefined
  return {
    trustor: user,
    trustee,
    project,
    roles,
    expiresAt: new Date(String(valueAt(trust, 'expires_at'))),
  }
}
