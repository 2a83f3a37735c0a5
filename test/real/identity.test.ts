import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { once } from 'node:events'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Outcome, runProgram } from '../support/command.ts'
import { idOf } from '../support/images.ts'
import { Embedded } from './support/embedded.ts'
import { Glance } from './support/glance.ts'
import { Keystone, PEOPLE } from './support/keystone.ts'
import { KeystoneSession } from './support/keystone-session.ts'
import { waitUntil } from './support/wait.ts'

const IMAGES = 'fixtures/images'
const TLS = 'fixtures/tls'
/** Every image without data that a member makes. */
const RECORD = { disk_format: 'raw', container_format: 'bare' }

/** Two regions of one Keystone: our server is the image service of the first, Debian's Glance that of the second. */
interface Regions extends AsyncDisposable {
  readonly keystone: Keystone
  readonly ours: Embedded
  readonly theirs: Glance
  /** Runs the program with the clouds of both; no secret may be told. */
  run(words: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Said>
  /** Makes an image with data in our region, as somebody. */
  upload(as: string, number: number, data: string): Promise<string>
}

interface Said extends Outcome {
  /** Standard error and the log at its most talkative. */
  readonly told: string
}

async function startRegions(t: Test, tokenLifetime: number): Promise<Regions> {
  const keystone = await Keystone.start({ tokenLifetime })
  const { name, password, project } = PEOPLE.glance
  const section = {
    www_authenticate_uri: keystone.url,
    auth_url: keystone.url,
    auth_type: 'password',
    username: name,
    password,
    project_name: project,
    user_domain_id: 'default',
    project_domain_id: 'default',
    service_token_roles_required: 'True',
  }
  const lines = Object.entries(section).map(([name, value]) => `${name} = ${value}`)
  const sections = { paste_deploy: { flavor: 'keystone' }, keystone_authtoken: section }
  const ours = await Embedded.start({ sections })
  const theirs = await Glance.start({ keystone: lines.join('\n'), policy: {} })
  await keystone.registerImageService('RegionOne', ours.url)
  await keystone.registerImageService('RegionTwo', theirs.url)
  const folder = await mkdtemp(join(tmpdir(), 'identity-'))
  const secrets = [
    ...Object.values(PEOPLE).map(({ password }) => password),
    keystone.applicationCredential.secret,
  ]
  let runs = 0
  return {
    keystone,
    ours,
    theirs,
    run: async (words, environment = {}) => {
      const log = join(folder, `log-${(runs += 1)}`)
      const outcome = await runProgram([...words, '--debug', '--log-file', log], {
        environment: { OS_CLIENT_CONFIG_FILE: keystone.cloudsFile, ...environment },
      })
      const told = outcome.stderr + (await readFile(log, 'utf8').catch(() => ''))
      const all = told + outcome.stdout
      // Every token of Keystone's begins so.
      t.notMatch(all, /gAAAAA/, `no token is told by ${words.join(' ')}`)
      for (const secret of secrets) t.notOk(all.includes(secret), 'nor is a password')
      return { ...outcome, told }
    },
    upload: async (as, number, data) => {
      const id = idOf(number)
      const headers = { 'x-auth-token': await keystone.tokenOf(as as keyof typeof PEOPLE) } // The callers' names.
      const json = { ...headers, 'content-type': 'application/json' }
      const body = JSON.stringify({ id, name: `image ${number}`, ...RECORD })
      const made = await fetch(`${ours.url}/v2/images`, { method: 'POST', headers: json, body })
      if (made.status !== 201) throw new Error(await made.text())
      const sent = await fetch(`${ours.url}/v2/images/${id}/file`, {
        method: 'PUT',
        headers: { ...headers, 'content-type': 'application/octet-stream' },
        body: data,
      })
      if (sent.status !== 204) throw new Error(await sent.text())
      return id
    },
    [Symbol.asyncDispose]: async () => {
      await ours[Symbol.asyncDispose]()
      await theirs[Symbol.asyncDispose]()
      await keystone[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

t.test("between our server and Debian's Glance, by Debian's Keystone", async t => {
  await using regions = await startRegions(t, 3600)
  const { keystone, run } = regions

  await t.test('an administrator copies everything, there and back', async t => {
    t.match(await run(['load', 'cloud:admin', IMAGES]), { status: 0, stdout: /^5 images created/ })
    t.match(await run(['livecopy', 'cloud:admin', 'cloud:admin-two']), {
      status: 0,
      stdout: /^5 images created/,
    })
    t.match(await run(['compare', 'cloud:admin', 'cloud:admin-two']), { status: 0 })
    t.match(await run(['livecopy', 'cloud:admin-two', 'cloud:admin']), {
      status: 0,
      stdout: /^0 images created .* 5 the same/,
    })
  })

  await t.test('a member copies what belongs to the project, there and back', async t => {
    await regions.upload('member', 0x31, 'of the member')
    const there = await run(['livecopy', 'cloud:member', 'cloud:member-two', '-v'])
    t.equal(there.status, 0, there.told)
    t.match(there.stdout, /1 image created \(13\.0 B\)/)
    t.match(await run(['compare', 'cloud:member', 'cloud:member-two']), { status: 0 })
    const back = await run(['livecopy', 'cloud:member-two', 'cloud:member'])
    t.match(back, { status: 0, stdout: /^0 images created/ })
  })

  await t.test('by application credential, by id and by name', async t => {
    await regions.upload('admin', 0x32, 'of the administrator')
    await regions.upload('member', 0x33, 'of the member too')
    t.match(await run(['livecopy', 'cloud:member-appcred', 'cloud:member-appcred-two']), {
      status: 0,
      stdout: /^1 image created \(17\.0 B\)/,
    })
    const { name, secret } = keystone.applicationCredential
    t.match(
      await run(['compare', 'cloud:', 'cloud:member-two'], {
        OS_AUTH_URL: keystone.url.replace(/\/v3$/, ''),
        OS_AUTH_TYPE: 'v3applicationcredential',
        OS_APPLICATION_CREDENTIAL_NAME: name,
        OS_APPLICATION_CREDENTIAL_SECRET: secret,
        OS_USERNAME: PEOPLE.member.name,
        OS_USER_DOMAIN_ID: 'default',
        OS_REGION_NAME: 'RegionOne',
      }),
      { status: 0 },
    )
  })

  await t.test('by a token that is given, and by addresses with credentials', async t => {
    const token = await keystone.tokenOf('admin')
    t.match(await run(['size', regions.theirs.address], { OS_TOKEN: token }), { status: 0 })
    const rescoped = {
      OS_AUTH_URL: keystone.url,
      OS_AUTH_TYPE: 'v3token',
      OS_TOKEN: token,
      OS_PROJECT_NAME: 'admin',
      OS_PROJECT_DOMAIN_ID: 'default',
      OS_REGION_NAME: 'RegionTwo',
    }
    t.match(await run(['size', 'cloud:'], rescoped), { status: 0 })
    const words = ['compare', regions.ours.address, regions.theirs.url, '--cloud', 'admin']
    t.match(await run(words), { status: 1, stdout: /1 image missing/ })
  })

  await t.test('by what somebody else trusts us with', async t => {
    const [trustor, trustee] = [
      await KeystoneSession.open(keystone.url, PEOPLE.member),
      await KeystoneSession.open(keystone.url, PEOPLE.other),
    ]
    const made = await trustor.call('POST', 'OS-TRUST/trusts', {
      trust: {
        trustor_user_id: trustor.userId,
        trustee_user_id: trustee.userId,
        project_id: trustor.projectId,
        impersonation: false,
        roles: [{ name: 'member' }],
      },
    })
    const { id } = made['trust'] as { id: string } // As the Identity API has it.
    const { name, password } = PEOPLE.other
    const own = { OS_AUTH_URL: keystone.url, OS_USERNAME: name, OS_PASSWORD: password }
    const size = await run(['size', 'cloud:'], {
      ...own,
      OS_TRUST_ID: id,
      OS_REGION_NAME: 'RegionOne',
    })
    t.match(size, { status: 0 })
    const member = await run(['size', 'cloud:member'])
    t.equal(size.stdout, member.stdout, 'what the member of the project sees')
  })

  await t.test('a scope of the system, and of a domain, are taken as they are', async t => {
    const { name, password } = PEOPLE.admin
    const environment = {
      OS_AUTH_URL: keystone.url,
      OS_USERNAME: name,
      OS_PASSWORD: password,
      OS_USER_DOMAIN_ID: 'default',
      OS_REGION_NAME: 'RegionOne',
    }
    const system = await run(['size', 'cloud:'], { ...environment, OS_SYSTEM_SCOPE: 'all' })
    t.notMatch(system.told, /refuses the password/)
    const domain = await run(['size', 'cloud:'], { ...environment, OS_DOMAIN_ID: 'default' })
    t.match(
      domain.told,
      /refuses the password of user 'admin' in domain 'default' for domain default/,
    )
    const nothing = await run(['size', 'cloud:'], environment)
    t.match(nothing, { status: 2, told: /no project is set, and the user has none by default/ })
  })

  await t.test('wrong credentials of each kind are told for what they are', async t => {
    const passing = await keystone.admin.createApplicationCredential('passing', {
      expires_at: new Date(Date.now() + 1500).toISOString().replace('Z', ''),
    })
    const member = {
      OS_AUTH_URL: keystone.url,
      OS_USERNAME: PEOPLE.member.name,
      OS_PASSWORD: PEOPLE.member.password,
      OS_PROJECT_NAME: PEOPLE.member.project,
      OS_REGION_NAME: 'RegionOne',
    }
    const credential = {
      OS_AUTH_URL: keystone.url,
      OS_AUTH_TYPE: 'v3applicationcredential',
      OS_REGION_NAME: 'RegionOne',
      OS_APPLICATION_CREDENTIAL_ID: passing.id,
      OS_APPLICATION_CREDENTIAL_SECRET: passing.secret,
    }
    await waitUntil('the application credential has expired', async () => {
      const { told } = await run(['size', 'cloud:'], credential)
      return /refuses the application credential .*: its secret is wrong, or it has expired/.test(
        told,
      )
    })
    const USER =
      /refuses the password of user 'member' in domain 'default'|refuses the password of user/
    for (const { title, environment, status = 3, told } of [
      { title: 'a wrong password', environment: { ...member, OS_PASSWORD: 'hunter2' }, told: USER },
      { title: 'an unknown user', environment: { ...member, OS_USERNAME: 'nobody' }, told: USER },
      {
        title: 'an unknown project',
        environment: { ...member, OS_PROJECT_NAME: 'nothing' },
        told: /for project 'nothing'/,
      },
      {
        title: 'a project of others',
        environment: { ...member, OS_PROJECT_NAME: 'elsewhere' },
        told: /for project 'elsewhere'/,
      },
      {
        title: 'an unknown domain',
        environment: { ...member, OS_USER_DOMAIN_NAME: 'nowhere' },
        told: /user 'member' in domain 'nowhere'/,
      },
      {
        title: "an application credential's wrong secret",
        environment: { ...credential, OS_APPLICATION_CREDENTIAL_SECRET: 'hunter2' },
        told: /refuses the application credential/,
      },
      {
        title: 'a token that is none',
        environment: { ...member, OS_PASSWORD: '', OS_AUTH_TYPE: 'token', OS_TOKEN: 'hunter2' },
        told: /refuses the token for project/,
      },
      {
        title: 'a passcode of somebody who has none',
        environment: { ...member, OS_AUTH_TYPE: 'v3totp', OS_PASSCODE: '123456' },
        told: /refuses the passcode of user 'member'/,
      },
      {
        title: 'a trust that there is not',
        environment: { ...member, OS_PROJECT_NAME: '', OS_TRUST_ID: 'f00' },
        told: /for trust f00|Could not find trust/,
      },
      {
        title: 'a region that there is not',
        environment: { ...member, OS_REGION_NAME: 'RegionThree' },
        told: /no 'image' in region 'RegionThree'; it has it in RegionOne, RegionTwo/,
      },
      {
        title: 'no region',
        environment: { ...member, OS_REGION_NAME: '' },
        status: 2,
        told: /in several regions \(RegionOne, RegionTwo\): say which/,
      },
    ]) {
      const said = await run(['size', 'cloud:'], environment)
      t.equal(said.status, status, `${title}: ${said.told}`)
      t.match(said.told, told, title)
      t.notMatch(said.told, 'hunter2', title)
    }
  })

  await t.test('by TLS, whose authority is private, with certificates of ours', async t => {
    const [cert, key, ca] = await Promise.all(
      ['server.pem', 'server.key', 'ca.pem'].map(async name => await readFile(join(TLS, name))),
    )
    const wary = { cert, key, ca, requestCert: true, rejectUnauthorized: true }
    const front = async (service: string) => {
      const server = createServer(wary, (incoming, response) => {
        const { method, url, headers } = incoming
        const { hostname, port } = new URL(service)
        const asked = request({ hostname, port, method, path: url, headers }, answer => {
          response.writeHead(answer.statusCode ?? 0, answer.headers)
          answer.pipe(response)
        })
        incoming.pipe(asked)
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      t.teardown(() => {
        server.closeAllConnections()
        server.close()
      })
      // A server that listens on a port has an AddressInfo.
      return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    }
    const [identity, one, two] = [
      await front(keystone.url),
      await front(regions.ours.url),
      await front(regions.theirs.url),
    ]
    const { name, password, project } = PEOPLE.admin
    const auth = { auth_url: `${identity}/v3`, username: name, password, project_name: project }
    const own = { cert: join(TLS, 'client.pem'), key: join(TLS, 'client.key') }
    const trust = { cacert: join(TLS, 'ca.pem'), ...own }
    const clouds = {
      one: { auth, image_endpoint_override: one, ...trust },
      two: { auth, image_endpoint_override: two, ...trust },
      bare: { auth, image_endpoint_override: two, cacert: trust.cacert },
      stranger: { auth, image_endpoint_override: two },
    }
    const file = join(t.testdir(), 'clouds.yaml')
    await writeFile(file, JSON.stringify({ clouds })) // JSON is YAML.
    const environment = { OS_CLIENT_CONFIG_FILE: file }
    t.match(await run(['livecopy', 'cloud:one', 'cloud:two'], environment), { status: 0 })
    t.match(await run(['compare', 'cloud:one', 'cloud:two'], environment), { status: 0 })
    t.match(await run(['size', 'cloud:bare'], environment), {
      status: 3,
      told: /the server wants another client certificate, or one at all/,
    })
    t.match(await run(['size', 'cloud:stranger'], environment), {
      status: 3,
      told: /the certificate is not trusted/,
    })
    const words = ['size', 'cloud:stranger', '--insecure', '--cert', own.cert, '--key', own.key]
    t.match(await run(words, environment), { status: 0, told: /NOT SECURE/ })
  })
})

t.test('tokens of seconds are renewed in the middle of a run', async t => {
  await using regions = await startRegions(t, 3)
  const count = 40
  const folder = t.testdir({ images: {} })
  for (let number = 0; number < count; number += 1) {
    const id = idOf(0x40 + number)
    const data = `image ${number}`
    const record = { ...RECORD, id, name: data, status: 'active', size: data.length }
    await writeFile(join(folder, 'images', id), JSON.stringify(record))
    await writeFile(join(folder, 'images', `${id}.img`), data)
  }
  const loaded = await regions.run(['load', '-j', '1', 'cloud:admin', join(folder, 'images')])
  t.match(loaded, { status: 0 }, loaded.told)
  const { status, told, stdout } = await regions.run([
    'livecopy',
    '-j',
    '1',
    'cloud:admin',
    'cloud:admin-two',
  ])
  t.equal(status, 0, told)
  t.match(stdout, new RegExp(`^${count} images created .* 0 failed`))
  for (const side of ['source', 'target']) {
    const tokens = told.match(new RegExp(`${side}: cloud .*: a token, good for`, 'g')) ?? []
    t.ok(tokens.length >= 2, `${side}: ${tokens.length} tokens`)
  }
  t.match(await regions.run(['compare', 'cloud:admin', 'cloud:admin-two']), { status: 0 })
})
