import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { inspect } from 'node:util'
import t from 'tap'
import { isGlanceError } from '../../lib/errors.ts'
import { readConfig } from '../../lib/server/config.ts'
import { type Credentials, passes, type Target } from '../../lib/server/policy/check.ts'
import { ACTIONS } from '../../lib/server/policy/defaults.ts'
import { parseCheck, parseCheckList } from '../../lib/server/policy/parse-check.ts'
import { Policy } from '../../lib/server/policy/policy.ts'
import { parsePolicyFile } from '../../lib/server/policy/policy-file.ts'
import { ADMIN, OWNER, startTestServer, STRANGER, user } from '../support/server.ts'

const SOMEBODY: Credentials = {
  user: 'u1',
  project: 'p1',
  roles: ['member', 'reader'],
  serviceRoles: ['service'],
  userDomain: 'default',
  projectDomain: null,
  domain: null,
  systemScope: null,
}

/** Nobody is asked. */
const DECISION = { rule: 'get_image', ask: async () => false }

t.test('a rule', t => {
  const target: Target = { owner: 'p1', project_id: null, visibility: 'public', protected: true }
  const rules = new Map([['two', parseCheck('role:member and role:reader')]])
  for (const [text, expected] of [
    ['', true],
    ['@', true],
    ['!', false],
    ['role:member', true],
    ['role:Member', true],
    ['role:admin', false],
    ['role:%(kind)s', false],
    ['rule:two', true],
    ['rule:none', false],
    ['not rule:two', false],
    ['NOT NOT role:member', true],
    ['project_id:%(owner)s', true],
    ['project_id:%(nothing)s', false],
    ['project_id:p1', true],
    ['project_domain_id:%(project_id)s', true],
    ['user_id:u1', true],
    ['nothing:u1', false],
    ['roles:reader', true],
    ['service_roles:service', true],
    ["'public':%(visibility)s", true],
    ['"public":%(visibility)s', true],
    ["'private':%(visibility)s", false],
    ['True:%(protected)s', true],
    ['1:%%', false],
    ['! or @ and !', false],
    ['(! or @) and @', true],
    ['@ or @ and !', true],
    ['! and ! or @', true],
    ['! and (! or @)', false],
    ['not ! and @', true],
    ['not (@ and @)', false],
    ['role:admin or (role:member and project_id:%(owner)s)', true],
    ['((@))', true],
  ] as const) {
    t.test(`'${text}' lets ${expected ? 'somebody' : 'nobody'} through`, async t => {
      t.equal(passes(parseCheck(text), rules, SOMEBODY, target, DECISION), expected)
    })
  }

  for (const text of [
    'admin',
    ':x',
    'role:a role:b',
    'role:a and',
    'or role:a',
    '(role:a',
    'role:a)',
    '()',
    ' ',
    '"role:a"',
    'http:check',
    'http://%(host)s/check',
    'https://host%(port)s/',
    'project_id:%(owner)d',
    'project_id:100%',
    "'a:%(b)s",
  ]) {
    t.test(`'${text}' is none`, async t => {
      t.throws(() => parseCheck(text), SyntaxError)
    })
  }

  t.test('may be a list of lists, as it was before 2012', async t => {
    const holds = (list: unknown[]) =>
      passes(parseCheckList(list), rules, SOMEBODY, target, DECISION)
    t.equal(holds([]), true)
    t.equal(holds([[]]), false)
    t.equal(holds(['role:admin', ['role:member', 'role:reader']]), true)
    t.equal(holds([['role:admin', 'role:member'], '!']), false)
    t.throws(() => parseCheckList([5]), SyntaxError)
  })
  t.end()
})

t.test('a policy file', t => {
  const yaml = [
    '---',
    '# a comment',
    '',
    '"one": "role:a"  # and another',
    "'two' : 'role:a and ''x'':%(y)s'",
    'three: role:a or role:b # why',
    'four: "role:a or',
    '  role:b"',
    'five: >-',
    '  role:a or',
    '  role:b',
    'metadata:x: "role:a"',
    'six: [["role:a"], ["role:b"]]',
    'seven: ""',
    'eight: "!"',
    '...',
  ].join('\n')
  const or = parseCheck('role:a or role:b')

  t.test('is YAML', async t => {
    t.strictSame(
      parsePolicyFile(yaml, 'p.yaml'),
      new Map([
        ['one', parseCheck('role:a')],
        ['two', parseCheck("role:a and 'x':%(y)s")],
        ['three', or],
        ['four', or],
        ['five', or],
        ['metadata:x', parseCheck('role:a')],
        ['six', or],
        ['seven', parseCheck('')],
        ['eight', parseCheck('!')],
      ]),
    )
  })

  t.test('or JSON, which is YAML too', async t => {
    const json = ' {"one": "role:a", "two": [["role:a"], ["role:b"]], "three": []}'
    const rules = parsePolicyFile(json, 'p.json')
    t.strictSame(
      rules,
      new Map([
        ['one', parseCheck('role:a')],
        ['two', or],
        ['three', parseCheck('')],
      ]),
    )
  })

  t.test('may be empty', async t => {
    t.equal(parsePolicyFile('', 'p.yaml').size, 0)
    t.equal(parsePolicyFile('# nothing yet\n', 'p.yaml').size, 0)
  })

  for (const [title, text, message] of [
    ['a rule that is none', 'x: "role:a and"', /p, line 1: rule 'x': it ends where/],
    ['a rule in JSON that is none', '{\n"x": "a"}', /p, line 2: rule 'x': 'a' is no check/],
    ['a rule that is a number', '{"x": 5}', /rule 'x': it has to be text/],
    ['JSON that is none', '{"x": ', /^p, line 1: .*must end with a }/],
    ['no rule', '\nx:', /p, line 2: rule 'x': there is no rule/],
    ['what YAML has a use for', 'x: @', /line 1: .*@: it has to be in quotes/],
    ['nobody without quotes', 'a: "@"\nx: !', /line 2: rule 'x': .*! has to be in quotes/],
    ['quotes that do not end', 'x: "role:a', /line 1: missing closing "quote/],
    ['a list', '- x', /line 1: it has to be 'name: "rule"'/],
    ['text', 'role:a', /line 1: it has to be 'name: "rule"'/],
    ['a name that is no text', '? [x]\n: ""', /line 1: the name of a rule has to be text/],
    ['a mapping in a mapping', 'x:\n  y: z', /line 1: rule 'x': it has to be text/],
    ['bad escapes', 'x: "\\q"', /p, line 1: invalid escape sequence/],
    ['two documents', 'x: "@"\n---\ny: "@"', /p, line 2: .*multiple documents/],
  ] as const) {
    t.test(`with ${title} is refused, and it says where`, async t => {
      t.throws(() => parsePolicyFile(text, 'p'), { code: 'usage', message })
    })
  }

  for (const [title, text, message] of [
    ['names a rule that there is not', 'x: rule:y', /'x' refers to 'y', which there is not/],
    ['goes round', 'x: rule:y\ny: not rule:x', /'x' refers to 'y' refers to 'x'/],
    ['goes round by a default', 'context_is_admin: rule:metadef_admin', /refers to/],
  ] as const) {
    t.test(`with a rule that ${title} is refused`, async t => {
      t.throws(() => new Policy(parsePolicyFile(text, 'p')), { code: 'usage', message })
    })
  }
  t.end()
})

t.test('the defaults', t => {
  const nobody: Credentials = { ...SOMEBODY, project: null, roles: [], serviceRoles: [] }
  const admin: Credentials = { ...nobody, roles: ['admin'] }
  const allowed = (policy: Policy, who: Credentials, target: Target = {}) =>
    (Object.keys(ACTIONS) as (keyof typeof ACTIONS)[]).filter(
      action => policy.allows(who, action, target) === true,
    )

  t.test('let an administrator do everything', async t => {
    const policy = new Policy(new Map(), { enforceNewDefaults: true })
    t.equal(allowed(policy, admin).length, Object.keys(ACTIONS).length)
  })

  t.test('let a service do what is for services', async t => {
    const policy = new Policy(new Map(), { enforceNewDefaults: true })
    const service: Credentials = { ...nobody, roles: ['service'] }
    const beyond = allowed(policy, service).filter(
      action => !allowed(policy, nobody).includes(action),
    )
    t.same(beyond, ['add_image_location', 'fetch_image_location', 'stores_info_detail'])
  })

  t.test('of before let anybody do what is for no administrator', async t => {
    const policy = new Policy(new Map())
    const refused = Object.keys(ACTIONS).filter(
      action => !(allowed(policy, nobody) as string[]).includes(action),
    )
    t.match(refused, ['publicize_image', 'download_from_store', 'add_image_location'])
    t.notOk(refused.includes('delete_image_location'))
    t.ok(refused.includes('manage_image_cache'))
  })

  t.test('of before give way where a file has a rule', async t => {
    const policy = new Policy(parsePolicyFile('get_images: role:auditor', 'p'))
    t.notOk(policy.allows(SOMEBODY, 'get_images'))
    t.ok(policy.allows({ ...nobody, roles: ['auditor'] }, 'get_images'))
  })

  t.test('follow the rules that they name', async t => {
    const policy = new Policy(
      parsePolicyFile('default: role:admin\ncontext_is_admin: role:boss', 'p'),
    )
    t.notOk(policy.allows(nobody, 'get_images'))
    t.ok(policy.allows({ ...nobody, roles: ['boss'] }, 'publicize_image'))
    t.ok(policy.isAdmin({ ...nobody, roles: ['boss'] }))
    t.notOk(policy.isAdmin(admin))
  })

  t.test('of the cache API follow the rule for the cache of before', async t => {
    const file = parsePolicyFile('manage_image_cache: role:member', 'p')
    t.ok(new Policy(file).allows(SOMEBODY, 'cache_list'))
    t.notOk(new Policy(file, { enforceNewDefaults: true }).allows(SOMEBODY, 'cache_list'))
  })

  t.test('with enforce_scope let nobody do anything whose token is not for a project', async t => {
    const policy = new Policy(new Map(), { enforceScope: true })
    t.ok(policy.allows(admin, 'get_images'))
    t.notOk(policy.allows({ ...admin, systemScope: 'all' }, 'get_images'))
    t.notOk(policy.allows({ ...admin, domain: 'default' }, 'get_images'))
    t.ok(new Policy(new Map()).allows({ ...admin, systemScope: 'all' }, 'get_images'))
  })
  t.end()
})

t.test('a server with a policy file', async t => {
  const folder = t.testdir({
    'policy.yaml': `
publicize_image: role:publisher
download_image: "role:auditor or project_id:%(owner)s and not 'secret':%(level)s"
tasks_api_access: ""
get_image: "not 'hidden':%(level)s"
`,
  })
  const policyFile = join(folder, 'policy.yaml')
  const reported: unknown[] = []
  const server = await startTestServer(
    t,
    { auth: 'trusted_headers', policyFile },
    error => void reported.push(error),
  )
  const statusOf = async (path: string, as = OWNER) =>
    (await server.call('GET', path, { as })).status

  t.test('does as it says, also for an administrator', async t => {
    const publisher = user('owner', 'publisher')
    t.equal(await statusOf('/v2/tasks'), 200)
    t.ok(await server.create({ visibility: 'public' }, publisher))
    await t.rejects(server.create({ visibility: 'public' }, ADMIN), /403/)
  })

  t.test('knows the attributes and the properties of an image', async t => {
    const id = await server.create({
      disk_format: 'raw',
      container_format: 'bare',
      visibility: 'community',
      level: 'secret',
    })
    await server.upload(id, 'data')
    const path = `/v2/images/${id}/file`
    t.equal(await statusOf(path), 403)
    t.equal(await statusOf(path, user('owner', 'auditor')), 200)
    await server.patch(id, [{ op: 'replace', path: '/level', value: 'open' }])
    t.equal(await statusOf(path), 200)
    t.equal(await statusOf(path, STRANGER), 403)
  })

  t.test('shows no image that the policy hides, on no path', async t => {
    const id = await server.create({ level: 'hidden', visibility: 'community' })
    for (const path of ['', '/file', '/members']) {
      t.equal(await statusOf(`/v2/images/${id}${path}`), 404, path)
    }
    t.equal((await server.patch(id, [])).status, 404)
    const { json } = await server.call('GET', `/v2/images?id=${id}`, { as: OWNER })
    t.same(json['images'], [])
  })

  t.test('goes on listing after images that the policy hides', async t => {
    const names = { name: 'page' }
    await server.create({ ...names, level: 'hidden' })
    const last = await server.create(names)
    await server.create({ ...names, level: 'hidden' })
    const query = '/v2/images?name=page&sort=created_at:asc&limit=2'
    const { json } = await server.call('GET', query, { as: OWNER })
    t.match(json, { images: [{ id: last }], next: new RegExp(last) })
  })

  t.test('notices when it changes, and keeps to it when it becomes nonsense', async t => {
    const replace = async (text: string) => {
      await writeFile(`${policyFile}.new`, text)
      await rename(`${policyFile}.new`, policyFile)
    }
    await replace('tasks_api_access: "!"')
    t.equal(await statusOf('/v2/tasks', ADMIN), 403)
    await replace('tasks_api_access: "role:')
    t.equal(await statusOf('/v2/tasks', ADMIN), 403)
    t.equal(await statusOf('/v2/tasks', ADMIN), 403)
    t.equal(reported.length, 1)
    t.ok(isGlanceError(reported[0], 'usage'))
    await replace('tasks_api_access: "@"')
    t.equal(await statusOf('/v2/tasks'), 200)
  })
})

t.test('folders of policies', async t => {
  const folder = t.testdir({
    'policy.yaml': 'get_images: role:file',
    one: {
      'a.yaml': 'get_images: role:a',
      'b.json': '{"get_images": "role:b"}',
      '.hidden.yaml': 'get_images: role:hidden',
      'c.txt': 'get_images role:c',
    },
    two: {},
  })
  const reports: unknown[] = []
  const server = await startTestServer(
    t,
    {
      auth: 'trusted_headers',
      policyFile: join(folder, 'policy.yaml'),
      policyDirs: [join(folder, 'one'), join(folder, 'two'), join(folder, 'none')],
    },
    error => reports.push(error),
  )
  /** Which of the roles may list. */
  const listers = async () => {
    const may: string[] = []
    for (const role of ['file', 'a', 'b', 'hidden', 'c', 'two', 'later']) {
      const { status } = await server.call('GET', '/v2/images', { as: user('p', role) })
      if (status === 200) may.push(role)
    }
    return may
  }

  t.test('come before the file, and the last file before the others', async t => {
    t.strictSame(await listers(), ['b'])
  })

  t.test('may get files later, and lose them', async t => {
    await writeFile(join(folder, 'two', 'z.yml'), 'get_images: role:two')
    t.strictSame(await listers(), ['two'])
    await mkdir(join(folder, 'none'))
    await writeFile(join(folder, 'none', 'later.yaml'), 'get_images: role:later')
    t.strictSame(await listers(), ['later'])
    await rm(join(folder, 'none'), { recursive: true })
    await rm(join(folder, 'two', 'z.yml'))
    await rm(join(folder, 'one', 'b.json'))
    t.strictSame(await listers(), ['a'])
    t.strictSame(reports, [])
  })

  t.test('that come to make no sense change nothing, and that is reported', async t => {
    await writeFile(join(folder, 'two', 'bad.yaml'), 'get_images: role')
    t.strictSame(await listers(), ['a'])
    t.match(reports, [{ code: 'usage', message: /bad\.yaml/ }])
  })
})

t.test('rules that a server decides', async t => {
  const folder = t.testdir({})
  const policyFile = join(folder, 'policy.yaml')
  const questions: { path: string; type: string; body: string }[] = []
  let answer = (response: ServerResponse) => response.end('True')
  const receive = async (request: IncomingMessage, response: ServerResponse) => {
    const type = String(request.headers['content-type'])
    questions.push({ path: String(request.url), type, body: await text(request) })
    answer(response)
  }
  const listener = createServer((request, response) => void receive(request, response))
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.teardown(() => {
    listener.close()
    listener.closeAllConnections()
  })
  const address = listener.address()
  const base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  await writeFile(
    policyFile,
    `get_images: ${base}/list\nmodify_image: rule:asked and not role:kept\n` +
      `asked: role:boss or ${base}/of/%(owner)s?name=%(name)s&all=%%`,
  )
  const reports: unknown[] = []
  const settings = { auth: 'trusted_headers', policyFile, policyRemoteTimeout: 1 } as const
  const server = await startTestServer(t, settings, error => reports.push(error))
  const list = async (as = OWNER) => (await server.call('GET', '/v2/images', { as })).status

  t.test('are put to it as oslo.policy does', async t => {
    t.equal(await list(), 200)
    const [question] = questions.splice(0)
    t.match(question, { path: '/list', type: 'application/x-www-form-urlencoded' })
    const form = new URLSearchParams(question?.body)
    t.strictSame([...form.keys()], ['rule', 'target', 'credentials'])
    t.equal(form.get('rule'), '"get_images"')
    t.strictSame(JSON.parse(form.get('target') ?? ''), { project_id: 'owner' })
    t.match(JSON.parse(form.get('credentials') ?? ''), {
      user_id: 'user of owner',
      project_id: 'owner',
      roles: ['member'],
    })
  })

  t.test('name the thing in their URLs, and are asked only when it matters', async t => {
    const id = await server.create({ name: 'a/b ?ü' })
    const rename = async (name: string, as = OWNER) =>
      (await server.patch(id, [{ op: 'replace', path: '/name', value: name }], as)).status
    t.equal(await rename('..'), 200)
    const [question] = questions.splice(0)
    t.equal(question?.path, '/of/owner?name=a%2Fb%20%3F%C3%BC&all=%')
    t.match(JSON.parse(new URLSearchParams(question?.body).get('target') ?? ''), { id })
    t.equal(await rename('x'), 403, 'what would be another path is a no')
    t.equal(await rename('x', user('owner', 'boss')), 200)
    t.equal(await rename('y', user('owner', 'boss', 'kept')), 403)
    t.strictSame(questions, [])
  })

  for (const [title, sent, status] of [
    ['True in quotes', '"True"', 200],
    ['False', 'False', 403],
    ['true', 'true', 403],
    ['nothing', '', 403],
    ['more than that', 'True, or not', 403],
  ] as const) {
    t.test(`are a ${status === 200 ? 'yes' : 'no'} by ${title}`, async t => {
      answer = response => response.end(sent)
      t.equal(await list(), status)
      t.strictSame(reports, [])
    })
  }

  for (const [title, failing, message] of [
    ['another status', (response: ServerResponse) => response.writeHead(500).end('True'), /is 500/],
    [
      'a redirect',
      (response: ServerResponse) => response.writeHead(302, { location: `${base}/yes` }).end(),
      /is 302/,
    ],
    [
      'a broken connection',
      (response: ServerResponse) => response.destroy(),
      /socket hang up|reset/,
    ],
    [
      'silence',
      (response: ServerResponse) => response.writeHead(200).flushHeaders(),
      /no answer in 1 s/,
    ],
  ] as const) {
    t.test(`are a no by ${title}, which is reported`, async t => {
      answer = response => failing(response) as ServerResponse
      t.equal(await list(), 403)
      t.match(reports.splice(0), [{ code: 'unavailable', message }])
    })
  }

  t.test('let nobody through while it is not there', async t => {
    await writeFile(policyFile, 'get_images: http://user:secret@127.0.0.1:1/x?key=secret')
    t.equal(await list(), 403)
    const [report] = reports.splice(0)
    const message =
      "policy rule 'get_images' lets nobody through: POST http://127.0.0.1:1/: connection refused"
    t.match(report, { message })
    t.notMatch(inspect(report), /secret/)
  })

  t.test('are put over TLS to whom we trust', async t => {
    const [key, cert] = ['key', 'cert'].map(name => readFileSync(`fixtures/tls/${name}.pem`))
    const secure = createSecureServer({ key, cert }, (_, response) => response.end('True'))
    secure.listen(0)
    await once(secure, 'listening')
    t.teardown(() => secure.close())
    const { port } = secure.address() as AddressInfo // It listens on a port.
    await writeFile(policyFile, `get_images: https://localhost:${port}/`)
    const policyRemoteCaFile = 'fixtures/tls/cert.pem'
    for (const [more, status] of [
      [{}, 403],
      [{ policyRemoteCaFile }, 200],
      [{ policyRemoteVerify: false }, 200],
    ] as const) {
      const other = await startTestServer(t, { ...settings, ...more }, error => reports.push(error))
      t.equal((await other.call('GET', '/v2/images', { as: OWNER })).status, status)
    }
    t.match(reports.splice(0), [{ message: /certificate is not trusted/ }])
    const missing = { ...settings, policyRemoteKeyFile: join(folder, 'none.pem') }
    await t.rejects(startTestServer(t, missing), { code: 'usage', message: /none\.pem/ })
  })

  t.test('may be put as JSON', async t => {
    answer = response => response.end('True')
    await writeFile(policyFile, `get_images: ${base}/list`)
    const policyRemoteContentType = 'application/json'
    const other = await startTestServer(t, { ...settings, policyRemoteContentType })
    t.equal((await other.call('GET', '/v2/images', { as: OWNER })).status, 200)
    t.match(questions.at(-1), { type: 'application/json' })
    t.match(JSON.parse(questions.at(-1)?.body ?? ''), {
      rule: 'get_images',
      target: { project_id: 'owner' },
      credentials: { project_id: 'owner' },
    })
  })
})

t.test('policy_default_rule', async t => {
  const rules = (text: string) => parsePolicyFile(text, 'p')
  const may = (policy: Policy) => policy.allows(SOMEBODY, 'get_images')

  t.test('takes the place of rules that there are not', async t => {
    const text = 'get_images: not (rule:none and role:member)\nfallback: '
    t.equal(may(new Policy(rules(`${text}"@"`), { defaultRule: 'fallback' })), false)
    t.equal(may(new Policy(rules(`${text}"!"`), { defaultRule: 'fallback' })), true)
  })

  t.test('has to be there, and must not lead to itself', async t => {
    t.throws(() => new Policy(new Map(), { defaultRule: 'none' }), {
      code: 'usage',
      message: "policy_default_rule: there is no policy rule 'none'",
    })
    t.throws(() => new Policy(rules('fallback: rule:none'), { defaultRule: 'fallback' }), {
      code: 'usage',
      message: 'refers to',
    })
  })
})

t.test('metadata definitions follow the policy', async t => {
  const folder = t.testdir({
    'policy.yaml': `
add_metadef_namespace: role:librarian
get_metadef_tags: "!"
get_metadef_namespace: "not project_id:blind and project_id:%(project_id)s"
`,
  })
  const server = await startTestServer(t, {
    auth: 'trusted_headers',
    policyFile: join(folder, 'policy.yaml'),
  })
  const librarian = user('owner', 'librarian')
  const call = (method: string, path: string, as = OWNER, body?: unknown) =>
    server.call(method, `/v2/metadefs/namespaces${path}`, { as, body })
  const body = { namespace: 'books', visibility: 'public' }
  t.equal((await call('POST', '', OWNER, body)).status, 403)
  t.equal((await call('POST', '', librarian, body)).status, 201)
  t.match(await call('GET', '/books/tags'), {
    status: 403,
    json: { message: /^You are not authorized to complete get_metadef_tags action\./ },
  })
  t.equal((await call('GET', '/books/objects')).status, 200)
  t.equal((await call('DELETE', '/books')).status, 403)
  t.equal((await call('DELETE', '/books', user('blind'))).status, 404)
  t.match((await call('GET', '')).json, { namespaces: [{ namespace: 'books' }] })
  t.same((await call('GET', '', user('blind'))).json['namespaces'], [])
})

t.test('a server without authentication takes everybody for a full administrator', async t => {
  const server = await startTestServer(t, { enforceNewDefaults: true })
  const id = await server.create({ visibility: 'public', owner: 'somebody' })
  t.match(await server.show(id), { visibility: 'public', owner: 'somebody' })
  t.equal((await server.call('GET', '/v2/tasks')).status, 200)
})

t.test('a configuration file', async t => {
  const folder = t.testdir({
    'server.conf': [
      '[DEFAULT]',
      'property_protection_file = protect.conf',
      'property_protection_rule_format = policies',
      '[oslo_policy]',
      'policy_file = policy.yaml',
      'policy_dirs = policy.d',
      'policy_dirs = /etc/more',
      'policy_default_rule = default',
      'remote_content_type = application/json',
      'remote_timeout = 2',
      'remote_ssl_verify_server_crt = false',
      'remote_ssl_ca_crt_file = ca.pem',
      'remote_ssl_client_crt_file = cert.pem',
      'remote_ssl_client_key_file = key.pem',
      'enforce_new_defaults = true',
      'enforce_scope = yes',
    ].join('\n'),
  })
  t.strictSame(await readConfig(join(folder, 'server.conf')), {
    propertyProtectionFile: join(folder, 'protect.conf'),
    propertyProtectionRuleFormat: 'policies',
    policyFile: join(folder, 'policy.yaml'),
    policyDirs: [join(folder, 'policy.d'), '/etc/more'],
    policyDefaultRule: 'default',
    policyRemoteContentType: 'application/json',
    policyRemoteTimeout: 2,
    policyRemoteVerify: false,
    policyRemoteCaFile: join(folder, 'ca.pem'),
    policyRemoteCertFile: join(folder, 'cert.pem'),
    policyRemoteKeyFile: join(folder, 'key.pem'),
    enforceNewDefaults: true,
    enforceScope: true,
  })
  t.test('that names a policy file that there is not is refused', async t => {
    const policyFile = join(folder, 'none.yaml')
    await t.rejects(startTestServer(t, { policyFile }), { code: 'usage', message: /none\.yaml/ })
  })
})

t.test('property protections', async t => {
  const roles = [
    '[^public_]',
    'create = @',
    'read = @',
    'update = @',
    'delete = @',
    '[^owned_[a-z]+$]',
    'create = Builder, admin',
    'read = @',
    'update = builder',
    'delete = !',
    '[secret]',
    'create = admin',
    'read = admin,auditor',
    'update = admin',
    'delete =',
  ].join('\n')
  const folder = t.testdir({ roles })
  const server = await startTestServer(t, {
    auth: 'trusted_headers',
    propertyProtectionFile: join(folder, 'roles'),
    imagePropertyQuota: 3,
  })
  const builder = user('owner', 'builder')
  const image = { visibility: 'community', public_x: '1', owned_x: '2', secret_x: '3' }
  const create = () => server.create({ ...image, owner: 'owner' }, ADMIN2)
  const ADMIN2 = user('operators', 'admin', 'builder')

  for (const [title, body, as, status] of [
    ['that everybody may create', { public_y: '' }, OWNER, 201],
    ['that takes a role', { owned_y: '' }, OWNER, 403],
    ['that takes a role, with it', { owned_y: '' }, builder, 201],
    ['of which nothing is said', { other: '' }, ADMIN, 403],
    ['of which nothing is said, since patterns are patterns', { owned_9: '' }, builder, 403],
  ] as const) {
    t.test(`creating with a property ${title}, is ${status}`, async t => {
      const { json, ...answer } = await server.call('POST', '/v2/images', { as, body })
      t.equal(answer.status, status)
      if (status === 403) {
        t.match(json['message'], `Attribute '${Object.keys(body).join()}' is reserved.`)
      }
    })
  }

  t.test('hide what may not be read, from whoever looks, lists or creates', async t => {
    const id = await create()
    t.match(await server.show(id, ADMIN), { public_x: '1', owned_x: '2', secret_x: '3' })
    t.match(await server.show(id, user('x', 'auditor')), { secret_x: '3' })
    t.notOk('secret_x' in (await server.show(id)))
    const { json } = await server.call('GET', `/v2/images?id=${id}`, { as: OWNER })
    t.notOk('secret_x' in (json['images'] as object[])[0]!) // There is one.
  })

  t.test('find no image by what the caller may not read of it', async t => {
    const id = await create()
    const find = async (filter: string, as = OWNER) => {
      const { json } = await server.call('GET', `/v2/images?id=${id}&visibility=all&${filter}`, {
        as,
      })
      return (json['images'] as object[]).length
    }
    t.equal(await find('secret_x=3'), 0)
    t.equal(await find('secret_x=3&public_x=1'), 0)
    t.equal(await find('public_x=1'), 1)
    t.equal(await find('secret_x=3', ADMIN), 1)
    t.equal(await find('secret_x=4', ADMIN), 0)
  })

  t.test('count the roles of a service that asks for a user', async t => {
    const id = await create()
    const service = { ...OWNER, 'x-service-roles': 'Auditor,service' }
    t.match(await server.show(id, service), { secret_x: '3' })
  })

  for (const [title, op, name, as, status] of [
    ['updating with the right', 'replace', 'owned_x', builder, 200],
    ['updating without', 'replace', 'owned_x', OWNER, 403],
    ['adding what is there takes the right to update', 'add', 'owned_x', OWNER, 403],
    ['adding without the right to create', 'add', 'owned_y', OWNER, 403],
    ['adding with it', 'add', 'public_y', OWNER, 200],
    ['replacing what may not be read', 'replace', 'secret_x', OWNER, 409],
    ['removing what may not be read', 'remove', 'secret_x', OWNER, 409],
    ['adding what may not be read, as if it were not there', 'add', 'secret_x', OWNER, 403],
    ['removing what nobody may', 'remove', 'owned_x', ADMIN, 403],
    ['removing with the right', 'remove', 'public_x', OWNER, 200],
  ] as const) {
    t.test(`${title} is ${status}, and what may not be read stays`, async t => {
      const id = await create()
      if (status === 200 && op === 'add')
        await server.patch(id, [{ op: 'remove', path: '/public_x' }])
      const step = { op, path: `/${name}`, ...(op === 'remove' ? {} : { value: 'new' }) }
      const answer = await server.patch(id, [step], as)
      t.equal(answer.status, status)
      if (status === 403) t.match(answer.json['message'], `Attribute '${name}' is reserved.`)
      if (status === 200) t.notOk('secret_x' in answer.json)
      t.match(await server.show(id, ADMIN), { secret_x: '3' })
    })
  }

  t.test('by policies name one rule for each operation', async t => {
    const folder = t.testdir({
      'policy.yaml': 'builders: role:builder\neverybody: ""',
      protect: '[.*]\ncreate = builders\nread = everybody\nupdate = !\ndelete = @',
    })
    const server = await startTestServer(t, {
      auth: 'trusted_headers',
      policyFile: join(folder, 'policy.yaml'),
      propertyProtectionFile: join(folder, 'protect'),
      propertyProtectionRuleFormat: 'policies',
    })
    await t.rejects(server.create({ x: '1' }), /403/)
    const id = await server.create({ x: '1' }, builder)
    t.match(await server.show(id), { x: '1' })
    const patch = async (op: string) =>
      (await server.patch(id, [{ op, path: '/x', ...(op === 'remove' ? {} : { value: '' }) }]))
        .status
    t.equal(await patch('replace'), 403)
    t.equal(await patch('remove'), 200)
  })

  const section = (text: string) => `[x]\ncreate = @\nread = @\nupdate = @\n${text}`
  for (const [title, text, format, message] of [
    ['without one of the operations', section(''), 'roles', /\[x\]: 'delete' is missing/],
    ['with a bad pattern', section('delete = @').replace('x', '(x'), 'roles', /\[\(x\]: /],
    ['with everybody and nobody', section('delete = @,!'), 'roles', /line 5: '@' and '!'/],
    ['with two policies', section('delete = a,b'), 'policies', /line 5: 'a,b' has to be one/],
    ['with an unknown policy', section('delete = a'), 'policies', /no policy rule 'a'/],
  ] as const) {
    t.test(`${title} keep the server from starting`, async t => {
      const propertyProtectionFile = join(t.testdir({ protect: text }), 'protect')
      const settings = { propertyProtectionFile, propertyProtectionRuleFormat: format }
      await t.rejects(startTestServer(t, settings), { code: 'usage', message })
    })
  }
})
