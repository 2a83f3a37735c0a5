import { readFile, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Guard, startGuard } from '../support/guard.ts'
import { startKeystone, type TestKeystone } from '../support/keystone.ts'
import { CREDENTIAL, DEMO } from '../support/keystone-documents.ts'
import { run, type Said } from '../support/program.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const IMAGES = 'fixtures/images'
const TLS = 'fixtures/tls'

/** Two regions of one Keystone, of which the first has images, and a clouds.yaml. */
interface Lab {
  readonly keystone: TestKeystone
  readonly one: Guard
  readonly two: Guard
  readonly target: TestServer
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
  /** Runs the program with that clouds.yaml, and checks that it told no secret. */
  run(words: readonly string[], more?: Readonly<Record<string, string>>): Promise<Said>
}

/** A service that has images. */
async function startSource(t: Test): Promise<TestServer> {
  const source = await startTestServer(t)
  await run(['load', source.url, IMAGES])
  return source
}

async function startLab(
  t: Test,
  { lifetime = 3600, from }: { readonly lifetime?: number; readonly from?: TestServer } = {},
): Promise<Lab> {
  const source = from ?? (await startSource(t))
  const target = await startTestServer(t)
  const regions: Record<string, string> = {}
  const keystone = await startKeystone(t, { regions, lifetime })
  const one = await startGuard(t, keystone, source.url)
  const two = await startGuard(t, keystone, target.url)
  Object.assign(regions, { One: one.url, Two: two.url })
  const folder = t.testdir()
  const password = { username: DEMO.name, password: DEMO.password, user_domain_name: 'Default' }
  const auth = {
    auth_url: keystone.url,
    ...password,
    project_name: 'demo',
    project_domain_name: 'Default',
  }
  const { password: _, ...withoutPassword } = auth
  const clouds = {
    one: { auth, region_name: 'One' },
    two: { auth, region_name: 'Two' },
    both: { auth, regions: ['One', 'Two'] },
    secretless: { auth: withoutPassword, region_name: 'One' },
    wrong: { auth: { ...auth, password: 'wrong-password' }, region_name: 'One' },
    nightly: {
      auth_type: 'v3applicationcredential',
      auth: {
        auth_url: keystone.url,
        application_credential_id: CREDENTIAL.id,
        application_credential_secret: CREDENTIAL.secret,
      },
      region_name: 'Two',
    },
    elsewhere: { auth, region_name: 'Three' },
    nowhere: { auth: password },
  }
  // JSON is YAML.
  await writeFile(join(folder, 'clouds.yaml'), JSON.stringify({ clouds }))
  const environment = { OS_CLIENT_CONFIG_FILE: join(folder, 'clouds.yaml'), HOME: folder }
  return {
    keystone,
    one,
    two,
    target,
    folder,
    environment,
    run: async (words, more = {}) => {
      const log = join(folder, 'log')
      await writeFile(log, '')
      const said = await run([...words, '--debug', '--log-file', log], { ...environment, ...more })
      const all = said.stdout + said.stderr + (await readFile(log, 'utf8'))
      for (const secret of [
        ...keystone.tokens,
        DEMO.password,
        DEMO.passcode,
        CREDENTIAL.secret,
        'wrong-password',
      ]) {
        if (all.includes(secret)) t.fail(`a secret is told: ${secret}`)
      }
      return { ...said, stderr: said.stderr + (await readFile(log, 'utf8')) }
    },
  }
}

t.test('how both ends are named', async t => {
  const from = await startSource(t)
  for (const { title, words, environment = {} } of [
    { title: 'cloud:NAME', words: ['cloud:one', 'cloud:two'] },
    { title: 'cloud:NAME/REGION', words: ['cloud:both/One', 'cloud:both/Two'] },
    {
      title: 'a cloud for each side, and no ends',
      words: ['--source-cloud', 'one', '--target-cloud=two'],
    },
    {
      title: 'a cloud for both, and a region for each side',
      words: ['--cloud', 'both', '--source-region', 'One', '--target-region', 'Two'],
    },
    {
      title: 'a region for one side, which comes before that of the cloud for both',
      words: ['--cloud', 'both/One', '--target-region', 'Two'],
    },
    {
      title: 'a cloud for one side, and the other end',
      words: ['cloud:one', '--target-cloud', 'two'],
    },
    { title: 'another interface', words: ['--interface', 'internal', 'cloud:one', 'cloud:two'] },
    { title: 'an application credential', words: ['cloud:one', 'cloud:nightly'] },
    {
      title: 'a cloud of OS_CLOUD and one by name',
      words: ['cloud:', 'cloud:two'],
      environment: { OS_CLOUD: 'one' },
    },
    {
      title: 'OS_SOURCE_CLOUD and OS_TARGET_CLOUD',
      words: ['cloud:', 'cloud:envvars'],
      environment: { OS_SOURCE_CLOUD: 'one', OS_TARGET_CLOUD: 'two' },
    },
    {
      title: 'a password from the environment',
      words: ['cloud:secretless', 'cloud:two'],
      environment: { OS_SOURCE_PASSWORD: DEMO.password },
    },
  ] as const) {
    t.test(title, async t => {
      const lab = await startLab(t, { from })
      t.match(await lab.run(['livecopy', ...words], { ...environment }), {
        status: 0,
        stdout: /^5 images created/,
      })
      t.match(await lab.run(['compare', ...words], { ...environment }), { status: 0 })
    })
  }

  t.test('OS_* describe one side, and OS_SOURCE_* and OS_TARGET_* both', async t => {
    const lab = await startLab(t, { from })
    const common = {
      OS_AUTH_URL: lab.keystone.url,
      OS_USERNAME: DEMO.name,
      OS_PASSWORD: DEMO.password,
      OS_PROJECT_NAME: 'demo',
    }
    const regions = { OS_SOURCE_REGION_NAME: 'One', OS_TARGET_REGION_NAME: 'Two' }
    t.match(await lab.run(['livecopy', 'cloud:', 'cloud:'], { ...common, ...regions }), {
      status: 0,
      stdout: /^5 images created/,
    })
    const source = { ...common, OS_REGION_NAME: 'One' }
    t.match(await lab.run(['compare', 'cloud:', 'cloud:two'], source), { status: 0 })
    t.match(await lab.run(['size', 'cloud:'], source), { stdout: /across 5 images/ })
  })

  t.test('a token by OS_* goes to no address that its catalogue does not have', async t => {
    const lab = await startLab(t)
    const environment = {
      OS_AUTH_URL: lab.keystone.url,
      OS_USERNAME: DEMO.name,
      OS_PASSWORD: DEMO.password,
      OS_PROJECT_NAME: 'demo',
    }
    t.match(await lab.run(['compare', lab.one.url, lab.two.url], environment), { status: 1 })
    const strange = lab.two.url.replace('127.0.0.1', 'localhost')
    t.match(await lab.run(['compare', lab.one.url, strange], environment), {
      status: 2,
      stderr:
        /'http:\/\/localhost:.*' is not in the catalogue of OS_AUTH_URL, and gets no token of it/,
    })
    const own = Object.entries(environment).map(([name, value]) => [
      name.replace('OS_', 'OS_TARGET_'),
      value,
    ])
    const both = { ...environment, ...(Object.fromEntries(own) as Record<string, string>) }
    t.match(await lab.run(['compare', lab.one.url, strange], both), { status: 1 })
  })

  t.test('an address, with a token by Keystone', async t => {
    const lab = await startLab(t, { from })
    const words = ['livecopy', lab.one.url, lab.two.url]
    t.match(await lab.run(words), {
      status: 3,
      stderr: /401.*; no token was given: name a cloud .*, set OS_AUTH_URL and the others, or/,
    })
    t.match(await lab.run(words, { OS_TOKEN: 'expired' }), { status: 3, stderr: /401/ })
    t.match(await lab.run([...words, '--source-cloud', 'one'], { OS_TARGET_CLOUD: 'two' }), {
      status: 0,
    })
  })

  t.test('a cloud for commands with one end', async t => {
    const lab = await startLab(t, { from })
    t.match(await lab.run(['size', '--cloud', 'one']), { stdout: /across 5 images/ })
    t.match(await lab.run(['dump', '--cloud', 'one', lab.folder]), { status: 0 })
    t.match(await lab.run(['load', '--cloud', 'two', lab.folder]), {
      status: 0,
      stdout: /^5 images created/,
    })
  })
})

t.test('what cannot be is told in one line', async t => {
  const lab = await startLab(t)
  const file = lab.environment['OS_CLIENT_CONFIG_FILE'] ?? ''
  for (const { title, words, status = 2, said, environment = {} } of [
    {
      title: 'an unknown cloud',
      words: ['cloud:three'],
      said: `cloud 'three' in ${file}: there is no such cloud; it has one, two, both,`,
    },
    {
      title: 'an unknown region',
      words: ['cloud:one/Five'],
      said: `cloud 'one' in ${file}: no region 'Five' there; it names One`,
    },
    {
      title: 'a region that the catalogue does not have',
      words: ['cloud:elsewhere'],
      status: 3,
      said: `cloud 'elsewhere' in ${file}: the catalogue has no 'image' in region 'Three'; it has it in One, Two`,
    },
    {
      title: 'an interface that the catalogue does not have',
      words: ['cloud:one', '--interface', 'admin'],
      status: 3,
      said: "the catalogue has no admin interface of 'image' in region 'One'; it has internal, public",
    },
    {
      title: 'a wrong password',
      words: ['cloud:wrong'],
      status: 3,
      said: `cloud 'wrong' in ${file}: ${lab.keystone.url}/v3 refuses the password of user 'demo'`,
    },
    {
      title: 'no auth_url',
      words: ['cloud:nowhere'],
      said: `cloud 'nowhere' in ${file}: auth.auth_url is not set`,
    },
    {
      title: 'no password',
      words: ['cloud:secretless'],
      said: 'auth.password is not set; OS_PASSWORD may give it',
    },
    {
      title: 'no cloud at all',
      words: ['cloud:'],
      said: 'which cloud? neither --cloud nor OS_CLOUD',
    },
    {
      title: 'a setting of the environment',
      words: ['cloud:'],
      environment: { OS_AUTH_URL: 'keystone:5000' },
      said: 'the environment (OS_AUTH_URL): OS_AUTH_URL is no URL of http or https',
    },
    {
      title: 'two clouds for one end',
      words: ['cloud:one', '--source-cloud', 'two'],
      said: "--source-cloud and 'cloud:one' are two clouds: name one",
    },
    {
      title: 'two regions for one end',
      words: ['cloud:both/One', '--source-region', 'Two'],
      said: "--source-region and 'both/One' are two regions: name one",
    },
    {
      title: 'a cloud and a region in OS_CLOUD, which holds a name only',
      words: ['cloud:'],
      environment: { OS_CLOUD: 'both/Two' },
      said: `cloud 'both/Two' in ${file}: there is no such cloud`,
    },
    {
      title: 'no cloud but a region',
      words: ['cloud:/Two'],
      said: 'which cloud? neither --cloud nor OS_CLOUD',
    },
    {
      title: 'a token and a cloud',
      words: ['cloud:one', '--token', 'abc'],
      said: "'cloud:one': a cloud gives tokens itself; leave the token away",
    },
    {
      title: 'a proxy that is none, whose password is not shown',
      words: ['cloud:one'],
      environment: { HTTPS_PROXY: 'socks5://u:wrong-password@proxy' },
      said: 'https_proxy in the environment is not the URL of an http proxy',
    },
  ]) {
    t.test(title, async t => {
      const answer = await lab.run(['size', ...words], environment)
      t.equal(answer.status, status)
      t.ok(answer.stderr.includes(said), answer.stderr)
      const lines = answer.stderr.split('\n').filter(line => line.startsWith('glance-replicator:'))
      t.equal(lines.length, 1)
    })
  }
})

t.test('a secret that the identity service repeats is not told', async t => {
  const lab = await startLab(t)
  const message = `Invalid input for field 'password'. Value: ${DEMO.password}`
  lab.keystone.failures.push({ status: 400, message })
  const { status, stderr } = await lab.run(['size', '--json', 'cloud:one'])
  t.equal(status, 2)
  t.match(stderr, /Invalid input for field 'password'\. Value: \(secret\)/)
})

t.test('a token that ends in the middle of a run', async t => {
  t.test('is renewed, and what was refused is done again', async t => {
    const lab = await startLab(t)
    // Before the first of each of these the token is taken back.
    for (const [guard, method, path] of [
      [lab.one, 'GET', /\/v2\/images\?.*os_hidden/],
      [lab.one, 'GET', /\/file$/],
      [lab.two, 'POST', /\/v2\/images$/],
      [lab.two, 'PUT', /\/file$/],
      [lab.two, 'PATCH', /\/v2\/images\//],
    ] as const) {
      let isDone = false
      const before = guard.onRequest
      guard.onRequest = incoming => {
        before(incoming)
        if (isDone || incoming.method !== method || !path.test(incoming.url ?? '')) return
        isDone = true
        lab.keystone.revoke()
      }
    }
    const { status, stdout, stderr } = await lab.run([
      'livecopy',
      '-j',
      '1',
      'cloud:one',
      'cloud:two',
    ])
    t.equal(status, 0, stderr)
    t.match(stdout, /^5 images created .* 0 failed/)
    const refused = (guard: Guard) =>
      guard.log.filter(line => line.startsWith('401')).map(line => line.split(' ')[1])
    t.ok(refused(lab.two).includes('PUT'), 'an upload was refused')
    t.ok(refused(lab.one).length >= 2, 'so were a listing and a download')
    t.match(await lab.run(['compare', 'cloud:one', 'cloud:two']), { status: 0 })
  })

  t.test('is renewed where v1 is spoken as well', async t => {
    const lab = await startLab(t)
    const seen: string[] = []
    for (const [guard, asked] of [
      [lab.one, /^GET \/v1\/images\/[^/?]*-/],
      [lab.two, /^PUT \/v1\/images\//],
      [lab.two, /^POST \/v1\/images/],
    ] as const) {
      const before = guard.onRequest
      guard.onRequest = incoming => {
        before(incoming)
        const line = `${incoming.method} ${incoming.url}`
        if (!asked.test(line) || seen.includes(String(asked))) return
        seen.push(String(asked))
        lab.keystone.revoke()
      }
    }
    // The internal addresses of the catalogue end in /v2/.
    const apis = ['--source-api', '1', '--source-interface', 'internal', '--target-api', '1']
    const words = [...apis, 'cloud:one', 'cloud:two']
    const { status, stdout, stderr } = await lab.run(['livecopy', '-j', '1', ...words])
    t.equal(status, 0, stderr)
    t.match(stdout, / 0 failed/)
    t.equal(seen.length, 3)
    t.match(await lab.run(['compare', ...words]), { status: 0 })
  })

  t.test('once for all transfers that it was refused to', async t => {
    const lab = await startLab(t)
    let uploads = 0
    lab.two.onRequest = ({ method, url = '' }) => {
      if (method === 'PUT' && url.endsWith('/file') && (uploads += 1) === 1) lab.keystone.revoke()
    }
    t.match(await lab.run(['livecopy', '-j', '5', 'cloud:one', 'cloud:two']), { status: 0 })
    t.ok(lab.keystone.tokens.length <= 4, `${lab.keystone.tokens.length} tokens for two sides`)
  })

  t.test('is renewed before its end when it lasts for seconds', async t => {
    const lab = await startLab(t, { lifetime: 1 })
    t.match(await lab.run(['livecopy', '-j', '1', 'cloud:one', 'cloud:two']), { status: 0 })
    t.match(await lab.run(['compare', 'cloud:one', 'cloud:two']), { status: 0 })
  })

  t.test('and cannot be renewed ends the run', async t => {
    const lab = await startLab(t)
    lab.two.onRequest = ({ method, url = '' }) => {
      if (method !== 'PUT' || !url.endsWith('/file')) return
      lab.keystone.revoke()
      lab.keystone.failures.push(...Array.from({ length: 20 }, () => ({ status: 401 })))
    }
    const asked = lab.keystone.asked.length
    const { status, stderr } = await lab.run(['livecopy', 'cloud:one', 'cloud:two'])
    t.equal(status, 3)
    t.match(stderr, /cloud 'two' in .* refuses the password of user 'demo'/)
    const json = await lab.run(['livecopy', '--json', 'cloud:one', 'cloud:wrong'])
    t.match(JSON.parse(json.stdout), { error: { code: 'unauthenticated' } })
    t.ok(lab.keystone.asked.length - asked <= 4, 'nobody insists')
  })

  t.test('a service that is busy is asked again when it says', async t => {
    const lab = await startLab(t)
    lab.keystone.failures.push({ status: 503, headers: { 'retry-after': '0' } })
    t.match(await lab.run(['size', 'cloud:one']), { stdout: /across 5 images/ })
  })
})

t.test('whom we trust', async t => {
  const [cert, key, ca] = await Promise.all(
    ['server.pem', 'server.key', 'ca.pem'].map(async name => await readFile(join(TLS, name))),
  )
  const server = await startTestServer(t)
  await run(['load', server.url, IMAGES])
  const regions: Record<string, string> = {}
  const keystone = await startKeystone(t, { tls: { cert, key }, regions })
  const strict = { cert, key, ca, requestCert: true, rejectUnauthorized: true }
  const guard = await startGuard(t, keystone, server.url, { cert, key })
  const wary = await startGuard(t, keystone, server.url, strict)
  Object.assign(regions, { One: guard.url, Wary: wary.url })
  const environment = {
    OS_AUTH_URL: keystone.url,
    OS_USERNAME: DEMO.name,
    OS_PASSWORD: DEMO.password,
    OS_PROJECT_NAME: 'demo',
    OS_REGION_NAME: 'One',
  }
  const CA = ['--cacert', join(TLS, 'ca.pem')]
  const OWN = ['--cert', join(TLS, 'client.pem'), '--key', join(TLS, 'client.key')]
  const folder = t.testdir({ both: '', none: '', cas: {} })
  const both = join(folder, 'both')
  await writeFile(
    both,
    (await readFile(join(TLS, 'client.pem'), 'utf8')) +
      (await readFile(join(TLS, 'client.key'), 'utf8')),
  )
  await writeFile(join(folder, 'cas', 'ca.pem'), ca ?? '')
  const auth = { auth_url: keystone.url, username: DEMO.name, password: DEMO.password }
  const untold = { auth: { ...auth, project_name: 'demo' }, region_name: 'One' }
  await writeFile(join(folder, 'clouds.yaml'), JSON.stringify({ clouds: { untold } }))

  for (const { title, words, more = {}, status = 0, said } of [
    {
      title: 'nobody whom no authority that we know vouches for',
      words: [],
      status: 3,
      said: /the certificate is not trusted: .*; a file with its authority is named by --cacert, --source-cacert/,
    },
    { title: 'whom --cacert vouches for, at Keystone and at Glance', words: CA },
    { title: 'whom --source-cacert vouches for', words: ['--source-cacert', join(TLS, 'ca.pem')] },
    { title: 'whom OS_CACERT vouches for', words: [], more: { OS_CACERT: join(TLS, 'ca.pem') } },
    { title: 'whom a folder of authorities vouches for', words: ['--cacert', join(folder, 'cas')] },
    {
      title: 'nobody by another authority',
      words: ['--cacert', join(TLS, 'other.pem')],
      status: 3,
      said: /the certificate is not trusted/,
    },
    {
      title: 'anybody with --insecure, which is told',
      words: ['--insecure'],
      said: /NOT SECURE: the certificate of 127\.0\.0\.1:\d+ is not checked/,
    },
    {
      title: 'anybody with OS_INSECURE',
      words: [],
      more: { OS_INSECURE: 'true' },
      said: /NOT SECURE/,
    },
    {
      title: 'a service that wants no certificate of ours gets none asked',
      words: CA,
      more: { OS_REGION_NAME: 'Wary' },
      status: 3,
      said: /the server wants another client certificate, or one at all: see --cert and --key/,
    },
    {
      title: 'our certificate and key',
      words: [...CA, ...OWN],
      more: { OS_REGION_NAME: 'Wary' },
    },
    {
      title: 'our certificate and key in one file, by the environment',
      words: CA,
      more: { OS_REGION_NAME: 'Wary', OS_CERT: both },
    },
    {
      title: 'whom OS_CACERT vouches for, for a cloud of clouds.yaml',
      words: ['--cloud', 'untold'],
      more: { OS_CLIENT_CONFIG_FILE: join(folder, 'clouds.yaml'), OS_CACERT: join(TLS, 'ca.pem') },
    },
    {
      title: 'anybody with --insecure, which is told before the password is',
      words: ['--insecure'],
      more: { OS_PASSWORD: 'wrong-password' },
      status: 3,
      said: /NOT SECURE: [^]* refuses the password/,
    },
    {
      title: 'a key in the place of authorities',
      words: ['--cacert', join(TLS, 'server.key')],
      status: 2,
      said: /--cacert: .*server\.key: no certificate in PEM form/,
    },
    {
      title: 'a file that is not there',
      words: ['--cacert', join(folder, 'absent')],
      status: 2,
      said: /--cacert: ENOENT/,
    },
    {
      title: 'a file without certificates',
      words: ['--cacert', join(folder, 'none')],
      status: 2,
      said: /--cacert: .*none: no certificate in PEM form/,
    },
    {
      title: 'a key that belongs to another certificate',
      words: ['--cert', join(TLS, 'client.pem'), '--key', join(TLS, 'server.key')],
      status: 2,
      said: /--key: .*server\.key: not the key of the certificate/,
    },
    {
      title: 'a key alone',
      words: ['--key', join(TLS, 'client.key')],
      status: 2,
      said: /--key: .*: a key is of no use without its certificate/,
    },
  ] as const) {
    t.test(title, async t => {
      const answer = await run(['size', 'cloud:', ...words], { ...environment, ...more })
      t.equal(answer.status, status, answer.stderr)
      if (status === 0) t.match(answer.stdout, /across 5 images/)
      if (said !== undefined) t.match(answer.stderr, said)
      t.notMatch(answer.stderr, DEMO.password)
    })
  }

  t.test('each side whom it is told to', async t => {
    const words = ['compare', 'cloud:', 'cloud:', '--source-cacert', join(TLS, 'ca.pem')]
    t.match(await run(words, environment), { status: 3, stderr: /is not trusted/ })
    const { status, stderr } = await run([...words, '--target-insecure'], environment)
    t.equal(status, 0)
    const told = stderr.match(/NOT SECURE: the certificate of \S+/g) ?? []
    t.equal(told.length, 2, 'told of Keystone and of Glance')
    t.equal(new Set(told).size, 2, 'and of each once')
    t.match(stderr, /target: NOT SECURE/)
  })

  t.test('image data as well', async t => {
    const target = t.testdir()
    t.match(await run(['dump', ...CA, 'cloud:', target], environment), { status: 0 })
  })

  t.test('by a proxy, which sees nothing of it', async t => {
    const proxy = await startProxy(t)
    const keystoneUrl = new URL(keystone.url)
    const named = (url: string) => url.replace('127.0.0.1', 'glance.example')
    keystoneUrl.hostname = 'keystone.example'
    const words = ['dump', ...CA, named(guard.url), t.testdir()]
    const about = { ...environment, OS_AUTH_URL: keystoneUrl.href, https_proxy: proxy.url }
    const { status, stderr } = await run(words, about)
    t.equal(status, 0, stderr)
    const seen = new Set(proxy.seen.map(line => line.replace(/:\d+$/, '')))
    t.strictSame([...seen].toSorted(), ['CONNECT glance.example', 'CONNECT keystone.example'])
    t.match(await run(words, { ...about, NO_PROXY: '.example' }), {
      status: 3,
      stderr: /keystone\.example.*(unknown host|cannot be looked up)/,
    })
    const wrong = proxy.url.replace('secret', 'wrong')
    t.match(await run(words, { ...about, https_proxy: wrong }), {
      status: 3,
      stderr: /the proxy http:\/\/127\.0\.0\.1:\d+ refuses a tunnel to keystone\.example:\d+: 407/,
    })
  })

  t.test('by a proxy for what is not TLS', async t => {
    const proxy = await startProxy(t)
    const plain = server.url.replace('127.0.0.1', 'glance.example')
    const { status, stderr } = await run(['dump', plain, t.testdir()], { http_proxy: proxy.url })
    t.equal(status, 0, stderr)
    t.ok(
      proxy.seen.every(line => line.startsWith(`GET ${plain}/v`)),
      'it is told the whole URL',
    )
  })
})

/** A proxy that wants a password, looks no name up and takes all to be here. */
async function startProxy(t: Test): Promise<{ url: string; seen: string[] }> {
  const seen: string[] = []
  const expected = `Basic ${Buffer.from('user:secret').toString('base64')}`
  const here = (port: string) => ({ host: '127.0.0.1', port: Number(port) })
  const server = createServer((incoming, response) => {
    seen.push(`${incoming.method} ${incoming.url}`)
    const { 'proxy-authorization': credentials, ...headers } = incoming.headers
    if (credentials !== expected) return void response.writeHead(407).end()
    const { port, pathname, search } = new URL(incoming.url ?? '')
    const options = { ...here(port), path: pathname + search, method: incoming.method, headers }
    incoming.pipe(
      request(options, answer => {
        response.writeHead(answer.statusCode ?? 0, answer.headers)
        answer.pipe(response)
      }),
    )
  })
  server.on('connect', ({ url = '', headers }, socket) => {
    seen.push(`CONNECT ${url}`)
    if (headers['proxy-authorization'] !== expected) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      return
    }
    const tunnel = connect(here(url.replace(/^.*:/, '')), () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      tunnel.pipe(socket)
      socket.pipe(tunnel)
    })
    const end = () => {
      tunnel.destroy()
      socket.destroy()
    }
    for (const stream of [tunnel, socket]) stream.on('error', end).on('close', end)
    t.teardown(end)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  return { url: `http://user:secret@127.0.0.1:${port}`, seen }
}
