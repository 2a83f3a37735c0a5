import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import type { ServerConfig } from '../../lib/server/config.ts'
import { readConfig } from '../../lib/server/config.ts'
import { DEFAULT_IMPORTS } from '../../lib/server/import-settings.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { type KeystoneOptions, startKeystone, type TestKeystone } from '../support/keystone.ts'
import { CREDENTIAL, SERVICE_USER } from '../support/keystone-documents.ts'
import { type Caller, startTestServer, type TestServer } from '../support/server.ts'
import { soon } from '../support/soon.ts'

const FORMATS = { disk_format: 'raw', container_format: 'bare' }

interface Site {
  readonly keystone: TestKeystone
  readonly server: TestServer
  /** What the operator is told. */
  readonly reported: string[]
  /** Lets time pass. Milliseconds. */
  pass(ms: number): void
  /** The status of a listing by somebody with this token. */
  list(token: string, headers?: Caller): Promise<number>
}

/** A server and its Keystone, by a clock that stands still. */
async function start(
  t: Test,
  overrides: Partial<ServerConfig> = {},
  options: KeystoneOptions = {},
): Promise<Site> {
  let time = Date.UTC(2026, 0, 1)
  const now = () => new Date(time)
  const keystone = await startKeystone(t, { now, ...options })
  const reported: string[] = []
  const server = await startTestServer(
    t,
    {
      auth: 'keystone',
      ...overrides,
      keystone: {
        authUrl: keystone.url,
        wwwAuthenticateUri: 'https://keystone.example/v3',
        username: SERVICE_USER.name,
        password: SERVICE_USER.password,
        userDomainId: SERVICE_USER.domain,
        projectName: 'service',
        projectDomainName: 'Default',
        ...overrides.keystone,
      },
    },
    error => reported.push(inspect(error, { depth: null, showHidden: true })),
    now,
  )
  return {
    keystone,
    server,
    reported,
    pass: ms => (time += ms),
    list: async (token, headers = {}) => {
      const as = { 'x-auth-token': token, ...headers }
      return (await server.call('GET', '/v2/images', { as })).status
    },
  }
}

t.test('a caller is whose token it brings', async t => {
  const { keystone, server, list } = await start(t)
  keystone.issued.set('mine', { user: 'me', project: 'mine' })
  keystone.issued.set('yours', { project: 'yours' })
  const me = { 'x-auth-token': 'mine' }

  t.test('and images are of its project', async t => {
    const id = await server.create(FORMATS, me)
    t.equal((await server.show(id, me))['owner'], 'mine')
    t.equal(
      (await server.call('GET', `/v2/images/${id}`, { as: { 'x-auth-token': 'yours' } })).status,
      404,
    )
  })

  t.test('also as X-Storage-Token, which X-Auth-Token comes before', async t => {
    const list = async (as: Caller) => (await server.call('GET', '/v2/images', { as })).status
    t.equal(await list({ 'x-storage-token': 'mine' }), 200)
    t.equal(await list({ 'x-auth-token': 'nobody', 'x-storage-token': 'mine' }), 401)
    t.equal(await list({ 'x-auth-token': '', 'x-storage-token': 'mine' }), 401)
  })

  t.test('whatever its other headers say', async t => {
    const lies = {
      'x-identity-status': 'Confirmed',
      'x-roles': 'admin',
      'x-user-id': 'root',
      'x-project-id': 'yours',
      'x-service-roles': 'service',
    }
    const id = await server.create(FORMATS, { ...me, ...lies })
    t.equal((await server.show(id, me))['owner'], 'mine')
    const visibility = { ...FORMATS, visibility: 'public' }
    const refused = await server.call('POST', '/v2/images', {
      as: { ...me, ...lies },
      body: visibility,
    })
    t.equal(refused.status, 403)
    t.equal(await list('nobody', lies), 401)
    t.equal((await server.call('GET', '/v2/images', { as: lies })).status, 401)
  })

  t.test('and without one, or with a wrong one, it is told where to get one', async t => {
    for (const as of [{}, { 'x-auth-token': 'nobody' }, { 'x-auth-token': 'a b' }] as Caller[]) {
      const { status, headers, json } = await server.call('GET', '/v2/images', { as })
      t.equal(status, 401)
      t.equal(headers.get('www-authenticate'), 'Keystone uri="https://keystone.example/v3"')
      t.match(json, { code: '401 Unauthorized', message: /^This server could not verify that/ })
    }
  })

  t.test('but the versions are for everybody', async t => {
    t.equal((await server.call('GET', '/versions')).status, 200)
  })
})

t.test('roles and scopes', async t => {
  const publish = async (server: TestServer, token: string) => {
    const body = { ...FORMATS, visibility: 'public' }
    return (await server.call('POST', '/v2/images', { as: { 'x-auth-token': token }, body })).status
  }

  t.test('LP 1010519: the role of an administrator is one in any case', async t => {
    const { keystone, server } = await start(t)
    keystone.issued.set('boss', { roles: ['AdMiN'] })
    t.equal(await publish(server, 'boss'), 201)
  })

  t.test('admin_role is another one where it is set', async t => {
    const { keystone, server } = await start(t, { adminRole: 'CloudAdmin' })
    keystone.issued.set('boss', { roles: ['cloudadmin'] })
    keystone.issued.set('other', { roles: ['admin', 'member'] })
    t.equal(await publish(server, 'boss'), 201)
    t.equal(await publish(server, 'other'), 403)
  })

  t.test('without owner_is_tenant images belong to users', async t => {
    const { keystone, server } = await start(t, { ownerIsTenant: false })
    keystone.issued.set('one', { user: 'one', project: 'p' })
    keystone.issued.set('two', { user: 'two', project: 'p' })
    const id = await server.create(FORMATS, { 'x-auth-token': 'one' })
    t.equal((await server.show(id, { 'x-auth-token': 'one' }))['owner'], 'one')
    const other = { as: { 'x-auth-token': 'two' } }
    t.equal((await server.call('GET', `/v2/images/${id}`, other)).status, 404)
  })

  t.test('a token for the system or a domain has no project', async t => {
    const { keystone, server } = await start(t)
    keystone.issued.set('system', { project: null, isForSystem: true, roles: ['admin'] })
    keystone.issued.set('domain', { project: null, domain: 'd', roles: ['member'] })
    for (const token of ['system', 'domain']) {
      const as = { 'x-auth-token': token }
      t.equal((await server.call('GET', '/v2/images', { as })).status, 200)
    }
    const id = await server.create(FORMATS, { 'x-auth-token': 'system' })
    t.equal((await server.show(id, { 'x-auth-token': 'system' }))['owner'], null)
  })

  t.test('with enforce_scope it may do nothing', async t => {
    const { keystone, list } = await start(t, { enforceScope: true })
    keystone.issued.set('system', { project: null, isForSystem: true, roles: ['admin'] })
    keystone.issued.set('project', {})
    t.equal(await list('system'), 403)
    t.equal(await list('project'), 200)
  })

  t.test('with allow_anonymous_access who has no token may look, and touch nothing', async t => {
    const { keystone, server, list } = await start(t, { allowAnonymousAccess: true })
    keystone.issued.set('boss', { roles: ['admin'] })
    const body = { ...FORMATS, visibility: 'public' }
    const id = await server.create(body, { 'x-auth-token': 'boss' })
    t.match(await server.call('GET', '/v2/images'), { status: 200, json: { images: [{ id }] } })
    t.equal((await server.call('DELETE', `/v2/images/${id}`)).status, 403)
    t.equal((await server.call('POST', '/v2/images', { body: FORMATS })).status, 403)
    t.equal(await list('nobody'), 401, 'a wrong token is still wrong')
  })
})

t.test('LP 1021054, 1021740: an administrator shares any image', async t => {
  const { keystone, server } = await start(t)
  keystone.issued.set('boss', { project: 'admin', roles: ['admin'] })
  keystone.issued.set('owner', { project: 'owner' })
  keystone.issued.set('friend', { project: 'friend' })
  keystone.issued.set('nobody', { project: null, domain: 'd', roles: ['admin'] })
  const boss = { 'x-auth-token': 'boss' }
  const friend = { 'x-auth-token': 'friend' }

  for (const [title, creator] of [
    ['of another project', 'owner'],
    ['of its own', 'boss'],
    ['of nobody', 'nobody'],
  ] as const) {
    t.test(title, async t => {
      const id = await server.create(FORMATS, { 'x-auth-token': creator })
      const members = `/v2/images/${id}/members`
      const seen = async () => (await server.call('GET', `/v2/images/${id}`, { as: friend })).status
      t.equal(await seen(), creator === 'nobody' ? 200 : 404)
      const added = await server.call('POST', members, { as: boss, body: { member: 'friend' } })
      t.match(added, { status: 200, json: { member_id: 'friend', status: 'pending' } })
      t.equal(await seen(), 200)
      const accepted = { as: boss, body: { status: 'accepted' } }
      t.match(await server.call('PUT', `${members}/friend`, accepted), {
        status: 200,
        json: { status: 'accepted' },
      })
      const listed = await server.call('GET', members, { as: boss })
      t.match(listed.json, { members: [{ member_id: 'friend', status: 'accepted' }] })
      t.equal((await server.call('DELETE', `${members}/friend`, { as: boss })).status, 204)
      t.equal(await seen(), creator === 'nobody' ? 200 : 404)
    })
  }

  t.test('which a member of the image may not', async t => {
    const id = await server.create(FORMATS, { 'x-auth-token': 'owner' })
    const members = `/v2/images/${id}/members`
    await server.call('POST', members, { as: boss, body: { member: 'friend' } })
    const shared = await server.call('POST', members, { as: friend, body: { member: 'third' } })
    t.equal(shared.status, 403)
  })
})

t.test('what Keystone said is remembered', async t => {
  t.test('for token_cache_time, and asked for once by many', async t => {
    const { keystone, list, pass } = await start(t, {
      keystone: { tokenCacheTime: 60 },
    })
    keystone.issued.set('mine', {})
    t.strictSame(await Promise.all([list('mine'), list('mine'), list('mine')]), [200, 200, 200])
    t.equal(keystone.count('GET /v3/auth/tokens'), 1)
    t.equal(keystone.count('POST'), 1)
    keystone.issued.delete('mine')
    pass(59_000)
    t.equal(await list('mine'), 200)
    pass(1000)
    t.equal(await list('mine'), 401)
    t.equal(keystone.count('GET /v3/auth/tokens'), 2)
  })

  t.test('though no longer than the token is valid', async t => {
    const { keystone, list, pass } = await start(t)
    keystone.issued.set('short', { expiresAt: new Date(Date.UTC(2026, 0, 1, 0, 0, 5)) })
    t.equal(await list('short'), 200)
    pass(5000)
    t.equal(await list('short'), 401)
    t.equal(keystone.count('GET /v3/auth/tokens'), 1)
  })

  t.test('briefly for a token that is refused', async t => {
    const { keystone, list, pass } = await start(t)
    t.strictSame([await list('late'), await list('late')], [401, 401])
    t.equal(keystone.count('GET /v3/auth/tokens'), 1)
    keystone.issued.set('late', {})
    pass(10_000)
    t.equal(await list('late'), 200)
  })

  t.test('not at all when the time is negative', async t => {
    const { keystone, list } = await start(t, {
      keystone: { tokenCacheTime: -1 },
    })
    keystone.issued.set('mine', {})
    t.strictSame([await list('mine'), await list('mine')], [200, 200])
    t.equal(keystone.count('GET /v3/auth/tokens'), 2)
  })
})

t.test('the service asks Keystone in its own name', async t => {
  t.test('and logs in anew before its token expires', async t => {
    const { keystone, list, pass } = await start(t)
    for (const token of ['a', 'b', 'c']) keystone.issued.set(token, {})
    t.equal(await list('a'), 200)
    pass(3_600_000 - 62_000)
    t.equal(await list('b'), 200)
    t.equal(keystone.tokens.length, 1)
    pass(1000)
    t.equal(await list('c'), 200)
    t.equal(keystone.tokens.length, 2)
  })

  t.test('though not each time when the clocks differ', async t => {
    const { keystone, list } = await start(t, {}, { skew: -3_660_000 })
    for (const token of ['a', 'b']) keystone.issued.set(token, {})
    t.strictSame([await list('a'), await list('b')], [200, 200])
    t.equal(keystone.tokens.length, 1)
  })

  t.test('and once when its token is not taken any more', async t => {
    const { keystone, list } = await start(t)
    keystone.issued.set('a', {})
    keystone.issued.set('b', {})
    t.equal(await list('a'), 200)
    keystone.revoke()
    t.equal(await list('b'), 200)
    t.equal(keystone.count('POST'), 2)
  })

  t.test('who it is it says as it is told', async t => {
    const { keystone, list } = await start(t)
    keystone.issued.set('a', {})
    await list('a')
    t.strictSame(keystone.asked, [
      {
        identity: {
          methods: ['password'],
          password: {
            user: { name: 'glance', domain: { id: 'default' }, password: SERVICE_USER.password },
          },
        },
        scope: { project: { name: 'service', domain: { name: 'Default' } } },
      },
    ])
  })

  t.test('or by an application credential', async t => {
    const { keystone, list } = await start(t, {
      keystone: {
        authType: 'v3applicationcredential',
        applicationCredentialId: CREDENTIAL.id,
        applicationCredentialSecret: CREDENTIAL.secret,
      },
    })
    keystone.issued.set('a', {})
    t.equal(await list('a'), 200)
    const application_credential = { id: CREDENTIAL.id, secret: CREDENTIAL.secret }
    const identity = { methods: ['application_credential'], application_credential }
    t.strictSame(keystone.asked, [{ identity }])
  })

  t.test('at the endpoint that the catalog has for it', async t => {
    const { keystone, list } = await start(t, {
      keystone: { regionName: 'Two', interface: 'admin' },
    })
    const endpoint = { region: 'Two', interface: 'admin', url: `${keystone.url}/elsewhere/v2.0` }
    const others = [
      { ...endpoint, interface: 'internal', url: 'http://127.0.0.1:9' },
      { ...endpoint, region: 'One', url: 'http://127.0.0.1:9' },
    ]
    keystone.catalog = [{ type: 'identity', endpoints: [...others, endpoint] }]
    keystone.issued.set('a', {})
    t.equal(await list('a'), 200)
    t.equal(keystone.count('GET /elsewhere/v3/auth/tokens'), 1)
  })

  t.test('and again when the connection was closed meanwhile', async t => {
    const { keystone, list, reported } = await start(t)
    keystone.issued.set('a', {})
    keystone.issued.set('b', {})
    t.equal(await list('a'), 200)
    keystone.hangsUp = 1
    t.equal(await list('b'), 200)
    t.strictSame(reported, [])
    keystone.hangsUp = 10
    t.equal(await list('c'), 503)
  })

  const files = 'fixtures/tls'
  const pem = (name: string) => readFileSync(join(files, name))
  const tls = { cert: pem('server.pem'), key: pem('server.key') }
  const cafile = `${files}/ca.pem`
  const client = { certfile: `${files}/client.pem`, keyfile: `${files}/client.key` }
  for (const { title, trust, asksBack, status } of [
    { title: 'with cafile', trust: { cafile }, status: 200 },
    { title: 'with insecure', trust: { insecure: true }, status: 200 },
    { title: 'and not without', trust: {}, status: 503 },
    {
      title: 'with certfile and keyfile to one that wants a certificate',
      trust: { cafile, ...client },
      asksBack: true,
      status: 200,
    },
    { title: 'and not without them', trust: { cafile }, asksBack: true, status: 503 },
  ]) {
    t.test(`by TLS ${title}`, async t => {
      const wanted = { ca: pem('ca.pem'), requestCert: true, rejectUnauthorized: true }
      const keystone = { ...trust }
      const how = { tls: { ...tls, ...(asksBack === true && wanted) } }
      const site = await start(t, { keystone }, how)
      site.keystone.issued.set('a', {})
      t.equal(await site.list('a'), status)
      if (status === 503) t.match(site.reported, [/certificate|TLS|reset/])
    })
  }

  t.test('and a file for that which cannot be read is an error', async t => {
    const keystone = { cafile: '/nonexistent/ca.pem' }
    const message = /^\[keystone_authtoken\] cafile: ENOENT.*\/nonexistent\/ca\.pem/
    await t.rejects(start(t, { keystone }), { code: 'usage', message })
  })

  t.test('and while Keystone is away it is 503, which is told once', async t => {
    const { keystone, server, list, reported } = await start(t)
    keystone.issued.set('a', {})
    keystone.failure = 500
    const as = { 'x-auth-token': 'a' }
    const { status, json } = await server.call('GET', '/v2/images', { as })
    t.equal(status, 503)
    t.match(json, { message: /^The Keystone service is temporarily unavailable\./ })
    t.equal(await list('a'), 503)
    t.equal(reported.length, 1)
    t.match(
      reported[0],
      /tokens cannot be validated: \[keystone_authtoken\]: POST http.*\/v3\/auth\/tokens: 500/,
    )
    keystone.failure = null
    t.equal(await list('a'), 200)
    keystone.issued.set('b', {})
    keystone.failure = 503
    t.equal(await list('b'), 503)
    t.equal(reported.length, 2)
  })

  t.test(
    'and a wrong password is a fault of the operator, and not tried again and again',
    async t => {
      const { keystone, list, reported, pass } = await start(t, {
        keystone: { password: 'pw-that-is-wrong' },
      })
      t.strictSame([await list('a'), await list('b')], [503, 503])
      t.equal(keystone.asked.length, 1)
      t.match(
        reported[0],
        /validated: \[keystone_authtoken\]: http.*\/v3 refuses the password of user 'glance'/,
      )
      t.notMatch(reported.join(), 'pw-that-is-wrong')
      pass(5000)
      t.equal(await list('a'), 503)
      t.equal(keystone.asked.length, 2)
    },
  )
})

t.test('a service that asks for a user', async t => {
  const tokens = (keystone: TestKeystone) => {
    const expiresAt = new Date(Date.UTC(2025, 0, 1))
    keystone.issued.set('old', { expiresAt })
    keystone.issued.set('new', {})
    keystone.issued.set('nova', { roles: ['service'] })
    keystone.issued.set('friend', { roles: ['member'] })
  }
  for (const { title, user, service, required, status } of [
    { title: 'may bring an expired token', user: 'old', service: 'nova', status: 200 },
    { title: 'or one that is valid', user: 'new', service: 'nova', status: 200 },
    { title: 'but no made up one', user: 'none', service: 'nova', status: 401 },
    { title: 'and nobody else an expired one', user: 'old', service: 'friend', status: 401 },
    { title: 'who may bring a valid one', user: 'new', service: 'friend', status: 200 },
    {
      title: 'unless services have to be some',
      user: 'new',
      service: 'friend',
      required: true,
      status: 401,
    },
    { title: 'and one that is none is refused', user: 'new', service: 'none', status: 401 },
    { title: 'or whose own token has expired', user: 'new', service: 'old', status: 401 },
  ]) {
    t.test(title, async t => {
      const { keystone, list } = await start(t, {
        keystone: {
          ...(required === true && { serviceTokenRolesRequired: true }),
        },
      })
      tokens(keystone)
      t.equal(await list(user, { 'x-service-token': service }), status)
    })
  }

  t.test('has its roles counted', async t => {
    const { keystone, server } = await start(t)
    tokens(keystone)
    const id = await server.create(FORMATS, { 'x-auth-token': 'new' })
    const fetch = async (as: Caller) =>
      (await server.call('GET', `/v2/images/${id}/locations`, { as })).status
    t.equal(await fetch({ 'x-auth-token': 'new' }), 403)
    t.equal(await fetch({ 'x-auth-token': 'nova' }), 200)
  })

  t.test('cannot have an expired token taken without it afterwards', async t => {
    const { keystone, list } = await start(t)
    tokens(keystone)
    t.equal(await list('old', { 'x-service-token': 'nova' }), 200)
    t.equal(await list('old'), 401)
  })
})

t.test('an image of another region is downloaded with the token of who asks', async t => {
  const remote = '11111111-0000-4000-8000-000000000001'
  const asked: (string | undefined)[] = []
  const url = await startListener(t, ({ url, headers }, response) => {
    asked.push(headers['x-auth-token']?.toString())
    if (url?.endsWith('/file')) response.end('data')
    else sendJson(response, 200, { status: 'active', size: 4, disk_format: 'raw' })
  })
  const { keystone, server } = await start(t, {
    imports: {
      ...DEFAULT_IMPORTS,
      methods: ['glance-download'],
      filter: {
        ...DEFAULT_IMPORTS.filter,
        allowedHosts: ['127.0.0.1'],
        allowedPorts: [portOf(url)],
      },
    },
  })
  const endpoint = { region: 'North', interface: 'public', url }
  keystone.issued.set('mine', { catalog: [{ type: 'image', endpoints: [endpoint] }] })
  const as = {
    'x-auth-token': 'mine',
    'x-service-catalog': JSON.stringify([{ type: 'image', endpoints: [{ region: 'North' }] }]),
  }
  const id = await server.create(FORMATS, as)
  const method = { name: 'glance-download', glance_region: 'North', glance_image_id: remote }
  const begun = await server.call('POST', `/v2/images/${id}/import`, { as, body: { method } })
  t.equal(begun.status, 202)
  const status = async () => (await server.show(id, as))['status']
  while (['queued', 'importing'].includes(String(await status()))) await soon()
  t.equal(await status(), 'active')
  t.strictSame(asked, ['mine', 'mine'])
})

t.test('no token and no password is told to anybody', async t => {
  const told: string[] = []
  for (const failure of [null, 401, 403, 500]) {
    const { keystone, server, reported } = await start(t)
    const tokens = ['token-of-a-user', 'token-of-another', 'token-of-a-service']
    keystone.issued.set('token-of-a-user', {})
    keystone.failure = failure
    for (const token of tokens) {
      const as = { 'x-auth-token': token, 'x-service-token': 'token-of-a-service' }
      for (const path of ['/v2/images', '/v2/images/token']) {
        const { text, headers } = await server.call('GET', path, { as })
        told.push(text, ...headers.values())
      }
    }
    told.push(...reported)
  }
  // Nobody listens there.
  const { server } = await start(t, {
    keystone: { authUrl: 'http://127.0.0.1:9' },
  })
  told.push((await server.call('GET', '/v2/images', { as: { 'x-auth-token': 'token-of-x' } })).text)
  t.match(told.join('\n'), 'temporarily unavailable')
  t.notMatch(told.join('\n'), /token-of|gAAAAA|pw-of/)
})

t.test('settings', async t => {
  const read = async (text: string, notices: string[] = []) =>
    await readConfig(join(t.testdir({ conf: text }), 'conf'), notice => notices.push(notice))

  t.test('are those of Glance', async t => {
    const notices: string[] = []
    const text = `[DEFAULT]
admin_role = boss
owner_is_tenant = false
[paste_deploy]
flavor = keystone+cachemanagement
[keystone_authtoken]
www_authenticate_uri = https://public.example:5000
auth_url = http://internal.example/identity
auth_type = password
username = glance
password = a%b#c
user_domain_name = Default
project_domain_id = default
project_name = service
memcached_servers = one:11211
token_cache_time = 60
service_token_roles = service, admin
service_token_roles_required = true
interface = internalURL
region_name = North
http_connect_timeout = 5
insecure = true
`
    t.strictSame(await read(text, notices), {
      adminRole: 'boss',
      ownerIsTenant: false,
      auth: 'keystone',
      keystone: {
        wwwAuthenticateUri: 'https://public.example:5000',
        authUrl: 'http://internal.example/identity',
        authType: 'password',
        username: 'glance',
        password: 'a%b#c',
        userDomainName: 'Default',
        projectDomainId: 'default',
        projectName: 'service',
        tokenCacheTime: 60,
        serviceTokenRoles: ['service', 'admin'],
        serviceTokenRolesRequired: true,
        interface: 'internal',
        regionName: 'North',
        timeout: 5,
        insecure: true,
      },
    })
    t.equal(notices.length, 2)
    t.match(notices[0], /line 22: \[keystone_authtoken\] insecure: anybody may pass for Keystone/)
    t.match(notices[1], /ignored, .*: \[keystone_authtoken\] memcached_servers \(line 15\)$/)
  })

  for (const [flavor, auth] of [
    ['', 'none'],
    ['caching', 'none'],
    ['cachemanagement', 'none'],
    ['keystone', 'keystone'],
    ['keystone+caching', 'keystone'],
    ['trusted-auth', 'trusted_headers'],
  ] as const) {
    t.test(`the flavor '${flavor}' is ${auth}`, async t => {
      t.strictSame(await read(`[paste_deploy]\nflavor = ${flavor}\n`), { auth })
    })
  }

  for (const [title, text, message] of [
    ['an unknown flavor', '[paste_deploy]\nflavor = x', /line 2: .*flavor: expected caching or/],
    ['an unknown option', '[keystone_authtoken]\nusernam = x', /line 2: .*usernam: there is no/],
    ['an unknown auth_type', '[oslo_limit]\nauth_type = x', /line 2: .*auth_type: expected pass/],
  ] as const) {
    t.test(`${title} is refused`, async t => {
      await t.rejects(read(text), { code: 'usage', message })
    })
  }

  t.test('that are wrong are not repeated, as they may be secrets', async t => {
    const error: unknown = await read(
      '[keystone_authtoken]\nauth_url = pw-in-the-wrong-place',
    ).catch((error: unknown) => error)
    t.match(error, { code: 'usage', message: /auth_url: expected an http/ })
    t.notMatch(String(error), 'pw-in-the-wrong-place')
  })

  const complete = {
    authUrl: 'http://k.example',
    username: 'glance',
    userDomainId: 'default',
    password: 'pw',
    projectId: 'p',
  }
  for (const [missing, keystone] of [
    ['auth_url', null],
    ['auth_url', { ...complete, authUrl: undefined }],
    ['username', { ...complete, username: undefined }],
    ['user_domain_id', { ...complete, userDomainId: undefined }],
    ['password', { ...complete, password: undefined }],
    ['project_name', { ...complete, projectId: undefined }],
    ['application_credential_id', { ...complete, authType: 'v3applicationcredential' }],
  ] as const) {
    t.test(`without ${missing} the service does not start`, async t => {
      const given = keystone === null ? null : defined(keystone)
      const started = startTestServer(t, { auth: 'keystone', keystone: given })
      const message = `[keystone_authtoken] ${missing} has to be set`
      await t.rejects(started, { code: 'usage', message })
    })
  }
})

function defined(settings: object): NonNullable<ServerConfig['keystone']> {
  const set = Object.entries(settings).filter(([, value]) => value !== undefined)
  return Object.fromEntries(set)
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}
