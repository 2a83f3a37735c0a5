import type { Test } from 'tap'
import { sendJson, startListener } from '../../support/listener.ts'

const PROJECT = '0123456789abcdef0123456789abcdef'

/**
 * As much of an Identity service as `openstack` asks for: it lets everybody in as an administrator of `PROJECT`, knows
 * projects by whatever id, and says that images are at `image`. Resolves to the options that a client needs to ask it.
 */
export async function startIdentity(t: Test, image: string): Promise<readonly string[]> {
  const named = { id: 'default', name: 'Default' }
  const url = await startListener(t, (request, response) => {
    const here = `http://${request.headers.host}/v3`
    const path = request.url ?? ''
    const [, id] = /^\/v3\/projects\/([^/?]+)$/.exec(path) ?? []
    if (path === '/v3/auth/tokens' && request.method === 'POST') {
      response.setHeader('x-subject-token', 'a token')
      sendJson(response, 201, { token: tokenOf({ identity: here, image }) })
    } else if (id !== undefined) {
      sendJson(response, 200, { project: { id, name: id, domain_id: named.id, enabled: true } })
    } else {
      const links = [{ rel: 'self', href: here }]
      sendJson(response, 200, { version: { id: 'v3.14', status: 'stable', links } })
    }
  })
  const scope = ['--os-project-id', PROJECT, '--os-user-domain-id', named.id]
  const user = ['--os-username', 'somebody', '--os-password', 'none']
  return ['--os-auth-url', `${url}/v3`, '--os-identity-api-version', '3', ...scope, ...user]
}

function tokenOf(services: Readonly<Record<string, string>>): object {
  const domain = { id: 'default', name: 'Default' }
  return {
    methods: ['password'],
    user: { id: 'somebody', name: 'somebody', domain },
    project: { id: PROJECT, name: 'project', domain },
    roles: [{ id: 'admin', name: 'admin' }],
    issued_at: '2026-01-01T00:00:00.000000Z',
    expires_at: '2999-01-01T00:00:00.000000Z',
    catalog: Object.entries(services).map(([type, url]) => ({
      type,
      name: type,
      id: type,
      endpoints: [{ id: type, interface: 'public', region: 'one', region_id: 'one', url }],
    })),
  }
}
