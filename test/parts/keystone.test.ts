import t, { type Test } from 'tap'
import { GlanceError } from '../../lib/errors.ts'
import { DataConnections } from '../../lib/http/connections.ts'
import { imageUrl } from '../../lib/keystone/catalog.ts'
import { openCloud, type CloudOptions } from '../../lib/keystone/cloud.ts'
import { arranged } from '../../lib/keystone/cloud-config.ts'
import { withToken } from '../../lib/keystone/token-source.ts'
import { startKeystone } from '../support/keystone.ts'
import { CREDENTIAL, DEMO } from '../support/keystone-documents.ts'
import { sendJson, startListener } from '../support/listener.ts'

const PASSWORD = { username: DEMO.name, password: DEMO.password, user_domain_name: 'Default' }
const PROJECT = { project_name: 'demo', project_domain_id: 'default' }
const REGIONS = { One: 'http://one.example:9292', Two: 'http://two.example:9292' }

/** A cloud of clouds.yaml that says this. */
function cloud(
  auth: Readonly<Record<string, string>>,
  settings: Readonly<Record<string, string>> = {},
  options: Partial<CloudOptions> = {},
) {
  const told = { origin: "cloud 'one'", nameOf: (name: string) => name }
  return openCloud(arranged({ ...settings, auth }, told), {
    connections: new DataConnections(),
    timeoutMs: 5000,
    attempts: 1,
    ...options,
  })
}

t.test('what proves who we are', async t => {
  const user = { name: 'demo', domain: { name: 'Default' }, password: DEMO.password }
  for (const { title, auth, settings = {}, asked } of [
    {
      title: 'a password for a project',
      auth: { ...PASSWORD, ...PROJECT },
      asked: {
        identity: { methods: ['password'], password: { user } },
        scope: { project: { name: 'demo', domain: { id: 'default' } } },
      },
    },
    {
      title: 'a password by ids',
      auth: { user_id: DEMO.id, password: DEMO.password, project_id: 'p1' },
      asked: {
        identity: { password: { user: { id: DEMO.id, password: DEMO.password } } },
        scope: { project: { id: 'p1' } },
      },
    },
    {
      title: 'who has no domain is in the default one',
      auth: { username: 'demo', password: DEMO.password, tenant_name: 'demo' },
      asked: {
        identity: { password: { user: { domain: { id: 'default' } } } },
        scope: { project: { domain: { id: 'default' } } },
      },
    },
    {
      title: 'a password for a domain',
      auth: { ...PASSWORD, domain_name: 'Default' },
      asked: { scope: { domain: { name: 'Default' } } },
    },
    {
      title: 'a password for the system',
      auth: { ...PASSWORD, system_scope: 'all' },
      asked: { scope: { system: { all: true } } },
    },
    {
      title: 'a password for what a trust gives',
      auth: { ...PASSWORD, trust_id: 't1' },
      asked: { scope: { 'OS-TRUST:trust': { id: 't1' } } },
    },
    {
      title: 'an application credential by id',
      auth: {
        application_credential_id: CREDENTIAL.id,
        application_credential_secret: CREDENTIAL.secret,
      },
      settings: { auth_type: 'v3applicationcredential' },
      asked: {
        identity: { application_credential: { id: CREDENTIAL.id, secret: CREDENTIAL.secret } },
        scope: undefined,
      },
    },
    {
      title: 'an application credential by its name and user, needing no auth_type',
      auth: {
        username: 'demo',
        user_domain_id: 'default',
        application_credential_name: CREDENTIAL.name,
        application_credential_secret: CREDENTIAL.secret,
      },
      asked: {
        identity: {
          application_credential: {
            name: CREDENTIAL.name,
            user: { name: 'demo', domain: { id: 'default' } },
          },
        },
      },
    },
    {
      title: 'a passcode',
      auth: { ...PROJECT, username: 'demo', user_domain_id: 'default', passcode: DEMO.passcode },
      settings: { auth_type: 'v3totp' },
      asked: { identity: { methods: ['totp'], totp: { user: { passcode: DEMO.passcode } } } },
    },
    {
      title: 'a password and a passcode',
      auth: { ...PASSWORD, ...PROJECT, passcode: DEMO.passcode },
      settings: { auth_type: 'v3multifactor', auth_methods: 'v3password,v3totp' },
      asked: { identity: { methods: ['password', 'totp'] } },
    },
    {
      title: 'a password of v2.0',
      auth: { username: 'demo', password: DEMO.password, tenant_name: 'demo' },
      settings: { auth_type: 'v2password' },
      asked: {
        tenantName: 'demo',
        passwordCredentials: { username: 'demo', password: DEMO.password },
      },
    },
    {
      title: 'a password where identity_api_version says 2.0',
      auth: { username: 'demo', password: DEMO.password, project_name: 'demo' },
      settings: { identity_api_version: '2.0' },
      asked: { tenantName: 'demo' },
    },
  ]) {
    t.test(title, async t => {
      const keystone = await startKeystone(t, { regions: REGIONS })
      const { tokens } = cloud({ auth_url: keystone.url, ...auth }, settings)
      t.equal(await tokens.token(), keystone.tokens[0])
      t.match(keystone.asked, [asked])
      t.equal(keystone.asked.length, 1)
    })
  }

  t.test('a token that is given becomes one for the project', async t => {
    const keystone = await startKeystone(t, { regions: REGIONS })
    const auth = { auth_url: keystone.url, ...PROJECT }
    const token = await cloud({ ...auth, ...PASSWORD }).tokens.token()
    const { tokens } = cloud({ ...auth, token: token ?? '' })
    t.equal(await tokens.token(), keystone.tokens[1])
    t.match(keystone.asked[1], { identity: { methods: ['token'], token: { id: token } } })
    t.equal(await tokens.invalidate(keystone.tokens[1] ?? ''), false, 'it gets no other')
  })

  t.test('nothing, where nothing is asked for', async t => {
    const { tokens, imageUrl } = cloud({ endpoint: 'http://g' }, { auth_type: 'none' })
    t.equal(await tokens.token(), null)
    t.equal(await imageUrl(), 'http://g')
  })

  t.test('a token that is used as it is, with the address of the service', async t => {
    const { tokens, imageUrl } = cloud(
      { endpoint: 'http://g', token: 'abc' },
      { auth_type: 'admin_token' },
    )
    t.equal(await tokens.token(), 'abc')
    t.equal(await imageUrl(), 'http://g')
  })
})

t.test('where the identity service is', async t => {
  const auth = { username: 'demo', password: DEMO.password, project_name: 'demo' }
  for (const { title, ending, options = {}, isV3 } of [
    { title: 'an address without version speaks v3 if it can', ending: '', isV3: true },
    {
      title: 'an address without version may only speak v2.0',
      ending: '/',
      options: { versions: [2] },
      isV3: false,
    },
    { title: 'an address that ends in v3', ending: '/v3', isV3: true },
    { title: 'an address that ends in v2.0', ending: '/v2.0/', isV3: false },
    { title: 'an address with a path', ending: '', options: { prefix: '/identity' }, isV3: true },
    {
      title: 'an address with a path and a version',
      ending: '/v3/',
      options: { prefix: '/identity' },
      isV3: true,
    },
    { title: 'an address for tokens', ending: '/v3/auth/tokens', isV3: true },
  ] as const) {
    t.test(title, async t => {
      const keystone = await startKeystone(t, options)
      await cloud({ auth_url: `${keystone.url}${ending}`, ...auth }).tokens.token()
      t.match(keystone.asked, isV3 ? [{ identity: {} }] : [{ passwordCredentials: {} }])
    })
  }

  t.test('an auth_type of v3 and an address of v2.0 are the v3 beside it', async t => {
    const keystone = await startKeystone(t, { prefix: '/identity' })
    const settings = { auth_type: 'v3password' }
    await cloud({ auth_url: `${keystone.url}/v2.0`, ...auth }, settings).tokens.token()
    t.match(keystone.asked, [{ identity: {} }])
  })

  t.test('a service that believes to be elsewhere is asked where we know it to be', async t => {
    const keystone = await startKeystone(t)
    const front = await startListener(t, (request, response) => {
      if (request.method === 'POST') {
        response.writeHead(307, { location: keystone.url + String(request.url) }).end()
      } else {
        const links = [{ rel: 'self', href: 'http://10.255.255.1:5000/v3/' }]
        sendJson(response, 300, { versions: { values: [{ id: 'v3.14', links }] } })
      }
    })
    const told = cloud({ auth_url: `${front}/identity`, ...auth }).tokens.token()
    await t.rejects(told, { message: /POST .*\/identity\/v3\/auth\/tokens: 307/ })
  })
})

t.test('what is said wrong is told with its setting', async t => {
  const AUTH = { auth_url: 'http://k', ...PASSWORD, ...PROJECT }
  const without = (...names: readonly string[]) =>
    Object.fromEntries(Object.entries(AUTH).filter(([name]) => !names.includes(name)))
  for (const { title, auth, settings = {}, message } of [
    {
      title: 'no auth_url',
      auth: without('auth_url'),
      message: /^cloud 'one': auth_url is not set/,
    },
    { title: 'no URL', auth: { ...AUTH, auth_url: 'k:5000' }, message: /auth_url is no URL/ },
    {
      title: 'a password in the URL',
      auth: { ...AUTH, auth_url: 'http://u:hunter2@k' },
      message: /^(?!.*hunter2).*auth_url: user and password have settings/,
    },
    { title: 'no user', auth: without('username'), message: /username is not set$/ },
    {
      title: 'no password',
      auth: without('password'),
      message: /password is not set; OS_PASSWORD/,
    },
    {
      title: 'two things that a token is for',
      auth: { ...AUTH, system_scope: 'all' },
      message: /system_scope and project_name: a token is for one/,
    },
    {
      title: 'another scope of the system',
      auth: { ...without('project_name'), system_scope: 'some' },
      message: /system_scope: the only one is 'all'/,
    },
    {
      title: 'an application credential without its secret',
      auth: { auth_url: 'http://k', application_credential_id: 'i' },
      message: /application_credential_secret is not set/,
    },
    {
      title: 'credentials that are not supported',
      auth: AUTH,
      settings: { auth_type: 'v3oidcpassword' },
      message: /auth_type 'v3oidcpassword' is not one that is supported here/,
    },
    {
      title: 'an unknown interface',
      auth: AUTH,
      settings: { interface: 'private' },
      message: /interface 'private' is not one of public, internal, admin/,
    },
  ]) {
    t.test(title, async t => {
      t.throws(() => cloud(auth, settings), { code: 'usage', message })
    })
  }
})

t.test('what the identity service refuses is told with what was wrong', async t => {
  const keystone = await startKeystone(t, { regions: REGIONS })
  const auth = { auth_url: `${keystone.url}/v3`, ...PASSWORD, ...PROJECT }
  const rejects = async (
    t: Test,
    wrong: object,
    settings: object,
    message: string | RegExp,
    code = 'unauthenticated',
  ) => {
    const { tokens } = cloud({ ...auth, ...wrong }, { ...settings })
    await t.rejects(tokens.token(), { code, message })
  }
  t.test('a wrong password', async t => {
    await rejects(
      t,
      { password: 'hunter2' },
      {},
      `cloud 'one': ${keystone.url}/v3 refuses the password of user 'demo' in domain 'Default' ` +
        "for project 'demo' in domain 'default'",
      'unauthenticated',
    )
  })
  t.test('an application credential with a wrong secret, or that has expired', async t => {
    const wrong = {
      application_credential_id: CREDENTIAL.id,
      application_credential_secret: 'hunter2',
    }
    await rejects(
      t,
      wrong,
      { auth_type: 'v3applicationcredential' },
      /refuses the application credential .*: its secret is wrong, or it has expired/,
      'unauthenticated',
    )
  })
  t.test('an application credential that was deleted', async t => {
    const wrong = { application_credential_id: 'gone', application_credential_secret: 'hunter2' }
    await rejects(
      t,
      wrong,
      { auth_type: 'v3applicationcredential' },
      /refuses the application credential gone: .* or was deleted \(Could not find App/,
      'unauthenticated',
    )
  })
  t.test('a passcode of before', async t => {
    await rejects(
      t,
      { passcode: '999999' },
      { auth_type: 'v3totp' },
      /refuses the passcode of user 'demo'.* by the clocks of both/,
    )
  })
  t.test('a token that has expired', async t => {
    await rejects(
      t,
      { token: 'gAAAAAold' },
      { auth_type: 'v3token' },
      /^cloud 'one': .* refuses the token for project 'demo'.* \(Could not recognize Fernet token\)$/,
    )
  })
  t.test('in its own words, but for our secrets', async t => {
    keystone.failures.push({ status: 400, message: "Invalid input for field. Value: 'hunter2'" })
    await rejects(
      t,
      { password: 'hunter2' },
      {},
      /Invalid input for field\. Value: '\(secret\)'/,
      'usage',
    )
    keystone.failures.push({ status: 401, message: 'The password is expired' })
    await rejects(t, {}, {}, /'default' \(The password is expired\)$/)
  })
  t.test('nothing but a user, who has no project by default', async t => {
    const { tokens } = cloud({ auth_url: keystone.url, ...PASSWORD })
    await t.rejects(tokens.token(), {
      code: 'usage',
      message: /no project is set, and the user has none by default/,
    })
  })
  t.test('an address where no Keystone is', async t => {
    await rejects(
      t,
      { auth_url: `${keystone.url}/horizon/v3` },
      {},
      /no Keystone is there; is auth_url right/,
      'unsupported',
    )
    const other = await startListener(t, (_, response) => sendJson(response, 200, { hello: 1 }))
    await rejects(t, { auth_url: other }, {}, /its answer holds no token/, 'unsupported')
  })
  t.test('v3 where there is only v2.0, and domains in v2.0', async t => {
    const old = await startKeystone(t, { versions: [2] })
    await rejects(
      t,
      { auth_url: old.url },
      { auth_type: 'v3password' },
      /does not speak the Identity API v3/,
      'unsupported',
    )
    await rejects(
      t,
      { auth_url: old.url, user_domain_name: 'Sales' },
      {},
      /v2\.0 has no words for the domain 'Sales'/,
      'usage',
    )
  })
  t.test('nobody who listens', async t => {
    await rejects(
      t,
      { auth_url: 'http://127.0.0.1:9' },
      {},
      /^cloud 'one': GET http:\/\/127\.0\.0\.1:9\/: connection refused/,
      'unreachable',
    )
  })
})

t.test('the image service in the catalogue', async t => {
  const endpoint = (region: string, url: string, more: object = {}) => ({
    type: 'image',
    name: 'glance',
    interface: 'public',
    region,
    url,
    ...more,
  })
  const CATALOG = [
    endpoint('One', 'http://one'),
    endpoint('One', 'http://one.internal', { interface: 'internal' }),
    endpoint('Two', 'http://two'),
    endpoint('Two', 'http://compute', { type: 'compute' }),
  ]
  const wanted = { origin: "cloud 'one'", type: 'image', name: null, interfaces: ['public'] }
  for (const { title, catalog = CATALOG, want, url } of [
    { title: 'is that of the region', want: { region: 'Two' }, url: 'http://two' },
    {
      title: 'is that of the interface',
      want: { region: 'One', interfaces: ['internal'] },
      url: 'http://one.internal',
    },
    {
      title: 'is that of the first interface that there is',
      want: { region: 'Two', interfaces: ['admin', 'public'] },
      url: 'http://two',
    },
    {
      title: 'needs no region where there is but one',
      catalog: [endpoint('One', 'http://one')],
      want: { region: null },
      url: 'http://one',
    },
    {
      title: 'an address that ends in a version, which does not say what to speak',
      catalog: [endpoint('One', 'https://one/image/v1.1/')],
      want: { region: 'One' },
      url: 'https://one/image',
    },
    {
      title: 'an address that ends in a version and has no path',
      catalog: [endpoint('One', 'http://v2:9292/v2')],
      want: { region: 'One' },
      url: 'http://v2:9292',
    },
    {
      title: 'a host that is called like a version',
      catalog: [endpoint('One', 'http://v2')],
      want: { region: 'One' },
      url: 'http://v2',
    },
  ]) {
    t.test(title, async t => t.equal(imageUrl(catalog, { ...wanted, ...want }), url))
  }
  for (const { title, catalog = CATALOG, want, code = 'not_found', message } of [
    {
      title: 'a region that is not there',
      want: { region: 'Three' },
      message: "cloud 'one': the catalogue has no 'image' in region 'Three'; it has it in One, Two",
    },
    {
      title: 'an interface that is not there',
      want: { region: 'Two', interfaces: ['internal'] },
      message: /no internal interface of 'image' in region 'Two'; it has public$/,
    },
    {
      title: 'no image service',
      want: { region: null, type: 'images' },
      message: /no service of type 'images'; it has compute, image$/,
    },
    {
      title: 'nothing at all',
      catalog: [],
      want: { region: null },
      message: /the catalogue .* is empty: has the user a role/,
    },
    {
      title: 'several regions of which none was chosen',
      want: { region: null },
      code: 'usage',
      message: /in several regions \(One, Two\): say which, as in cloud:NAME\/REGION/,
    },
    {
      title: 'an address that is none',
      catalog: [endpoint('One', '$(public)s:9292')],
      want: { region: 'One' },
      code: 'unsupported',
      message: /what the catalogue has for its images is no URL/,
    },
  ]) {
    t.test(`${title} is told`, async t => {
      t.throws(() => imageUrl(catalog, { ...wanted, ...want }), { code, message })
    })
  }

  t.test('is asked of either Identity API, unless an address is given', async t => {
    const keystone = await startKeystone(t, { regions: REGIONS })
    const auth = { username: 'demo', password: DEMO.password, project_name: 'demo' }
    for (const version of ['v3', 'v2.0']) {
      const { imageUrl } = cloud(
        { auth_url: `${keystone.url}/${version}`, ...auth },
        { region_name: 'Two' },
      )
      t.equal(await imageUrl(), REGIONS.Two, version)
    }
    const settings = { image_endpoint_override: 'http://glance/here' }
    const { imageUrl } = cloud({ auth_url: keystone.url, ...auth }, settings)
    t.equal(await imageUrl(), 'http://glance/here')
    t.equal(keystone.asked.length, 2)
  })
})

t.test('a token is renewed', async t => {
  /** A session whose time is `time.now`. */
  const session = async (t: Test, lifetime: number, skew = 0) => {
    const now = () => new Date(1_700_000_000_123) // Whole seconds count as one less.
    const keystone = await startKeystone(t, { lifetime, skew, now })
    const time = { now: 1_000_000 }
    const auth = { auth_url: `${keystone.url}/v3`, ...PASSWORD, ...PROJECT }
    const { tokens } = cloud(auth, {}, { now: () => time.now })
    return { keystone, time, tokens }
  }

  for (const { lifetime, before, from } of [
    { lifetime: 3600, before: 3539, from: 3541 },
    { lifetime: 4, before: 2.9, from: 3.1 },
  ]) {
    t.test(`before its end, when it lasts for ${lifetime} seconds`, async t => {
      const { keystone, time, tokens } = await session(t, lifetime)
      const first = await tokens.token()
      time.now += before * 1000
      t.equal(await tokens.token(), first)
      time.now += (from - before) * 1000
      t.not(await tokens.token(), first)
      t.equal(keystone.asked.length, 2)
    })
  }

  t.test('by the clock of the service, whatever ours says', async t => {
    const { keystone, time, tokens } = await session(t, 100, 86_400_000)
    const first = await tokens.token()
    time.now += 70_000
    t.equal(await tokens.token(), first)
    time.now += 10_000
    t.not(await tokens.token(), first)
    t.equal(keystone.asked.length, 2)
  })

  t.test('once for all who wait for it', async t => {
    const { keystone, tokens } = await session(t, 3600)
    const release = keystone.hold()
    const waiting = Array.from({ length: 20 }, () => tokens.token())
    release()
    t.equal(new Set(await Promise.all(waiting)).size, 1)
    t.equal(keystone.asked.length, 1)
  })

  t.test('once for all whose token was refused', async t => {
    const { keystone, tokens } = await session(t, 3600)
    const old = await tokens.token()
    keystone.revoke()
    const ask = () =>
      withToken(tokens, async token => {
        if (keystone.knows(token ?? '')) return token
        throw refusal()
      })
    const answers = await Promise.all(Array.from({ length: 20 }, ask))
    t.equal(new Set(answers).size, 1)
    t.not(answers[0], old)
    t.equal(keystone.asked.length, 2)
  })

  t.test('but one that is refused when it is new is the end of it', async t => {
    const { keystone, tokens } = await session(t, 3600)
    const asked = withToken(tokens, async () => {
      throw refusal()
    })
    await t.rejects(asked, {
      code: 'unauthenticated',
      message: /refuses a token issued just now: does it ask the same Keystone, and are the clocks/,
    })
    t.equal(keystone.asked.length, 2)
  })

  t.test('later, when the service has a bad moment and the old one still holds', async t => {
    const { keystone, time, tokens } = await session(t, 100)
    const first = await tokens.token()
    time.now += 80_000
    keystone.failures.push({ status: 503 })
    t.equal(await tokens.token(), first)
    t.equal(await tokens.token(), first, 'it is not asked each time')
    t.equal(keystone.asked.length, 2)
    time.now += 5000
    t.not(await tokens.token(), first)
    time.now += 1_000_000
    keystone.failures.push({ status: 503 })
    await t.rejects(tokens.token(), { code: 'unavailable' })
  })

  t.test('no more once the credentials were refused, so that no account is locked', async t => {
    const { keystone, time, tokens } = await session(t, 100)
    await tokens.token()
    time.now += 100_000
    keystone.failures.push({ status: 401 })
    await t.rejects(tokens.token(), { code: 'unauthenticated' })
    await t.rejects(tokens.token(), { code: 'unauthenticated' })
    t.equal(keystone.asked.length, 2)
  })

  t.test('never by a passcode, which is good for one', async t => {
    const keystone = await startKeystone(t, { lifetime: 10 })
    const time = { now: 0 }
    const auth = { auth_url: keystone.url, ...PASSWORD, ...PROJECT, passcode: DEMO.passcode }
    const { tokens } = cloud(auth, { auth_type: 'v3totp' }, { now: () => time.now })
    const first = await tokens.token()
    time.now = 9900
    t.equal(await tokens.token(), first, 'it is used to its end')
    time.now = 10_100
    await t.rejects(tokens.token(), { code: 'unauthenticated', message: /the token has expired/ })
    t.equal(keystone.asked.length, 1)
  })

  t.test('also when one of those who wait does not wait to the end', async t => {
    const { keystone, tokens } = await session(t, 3600)
    const release = keystone.hold()
    const controller = new AbortController()
    const [impatient, patient] = [tokens.token({ signal: controller.signal }), tokens.token()]
    controller.abort(new Error('enough'))
    await t.rejects(impatient, { message: 'enough' })
    release()
    t.equal(await patient, keystone.tokens[0])
  })

  t.test('after the while that the service asks for', async t => {
    const keystone = await startKeystone(t)
    keystone.failures.push({ status: 429, headers: { 'retry-after': '0' } })
    const auth = { auth_url: `${keystone.url}/v3`, ...PASSWORD, ...PROJECT }
    const { tokens } = cloud(auth, {}, { attempts: 2 })
    t.equal(await tokens.token(), keystone.tokens[0])
    t.equal(keystone.asked.length, 2)
  })
})

/** What a service says to a token that does not hold. */
function refusal(): GlanceError {
  return new GlanceError('unauthenticated', 'GET http://g/v2/images: 401')
}
