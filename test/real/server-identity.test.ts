import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { type Outcome, runCommand } from '../support/command.ts'
import { idOf } from '../support/images.ts'
import { Embedded } from './support/embedded.ts'
import { Keystone, PEOPLE } from './support/keystone.ts'
import { DEBIAN_PYTHON } from './support/python.ts'
import { waitUntil } from './support/wait.ts'

const ISO = '/usr/lib/ipxe/ipxe.iso'
const ID = idOf(1)
const SECRETS = Object.values(PEOPLE).map(({ password }) => password)

/** How the service asks a Keystone in its own name. */
const asService = (url: string) => ({
  auth_url: url,
  auth_type: 'password',
  username: PEOPLE.glance.name,
  password: PEOPLE.glance.password,
  user_domain_id: 'default',
})

t.test("our server and Debian's Keystone", async t => {
  const keystone = await Keystone.start()
  t.teardown(async () => await keystone[Symbol.asyncDispose]())
  const folder = t.testdir()
  const log = join(folder, 'log')
  const endpoint_id = await keystone.admin.endpointId('image', 'RegionOne')
  const sizes = ['image_size_total', 'image_stage_total', 'image_count_uploading']
  for (const name of sizes) await keystone.admin.limit(name, 1000, 'RegionOne')
  await keystone.admin.limit('image_count_total', 3, 'RegionOne')
  const server = await Embedded.start({
    settings: { enforce_secure_rbac: 'true', use_keystone_limits: 'true' },
    sections: {
      paste_deploy: { flavor: 'keystone' },
      keystone_authtoken: {
        ...asService(keystone.url),
        project_name: PEOPLE.glance.project,
        project_domain_id: 'default',
        www_authenticate_uri: keystone.url,
      },
      oslo_limit: { ...asService(keystone.url), system_scope: 'all', endpoint_id },
    },
    words: ['--debug', '--log-file', log],
  })
  t.teardown(async () => await server[Symbol.asyncDispose]())
  await keystone.registerImageService('RegionOne', server.url)
  const outcomes: Outcome[] = []

  /** Runs Debian's client as somebody of the clouds.yaml. */
  const openstack = async (cloud: string, line: string, ...more: readonly string[]) => {
    const environment = {
      ...DEBIAN_PYTHON,
      HOME: folder,
      LC_ALL: 'C.UTF-8',
      OS_CLIENT_CONFIG_FILE: keystone.cloudsFile,
    }
    const words = ['--os-cloud', cloud, ...line.split(' '), ...more]
    const outcome = await runCommand('/usr/bin/openstack', words, { environment })
    outcomes.push(outcome)
    return outcome
  }
  const works = async (...asked: Parameters<typeof openstack>) => {
    const { status, stdout, stderr } = await openstack(...asked)
    if (status !== 0) throw new Error(`${asked.join(' ')}: ${stderr}`)
    return stdout
  }
  const list = async (headers: Readonly<Record<string, string>>) =>
    await fetch(`${server.url}/v2/images`, { headers })

  await t.test('a member creates, changes, reads and deletes images', async t => {
    const formats = '--disk-format iso --container-format bare'
    await works('member', `image create --id ${ID} --file ${ISO} ${formats} rom`)
    await works('member', `image set --property arch=x86 ${ID}`)
    const shown: unknown = JSON.parse(await works('member', `image show -f json ${ID}`))
    const { projectId: owner } = await keystone.sessionOf('member')
    t.match(shown, { name: 'rom', status: 'active', owner, properties: { arch: 'x86' } })
    await works('member', `image save --file ${join(folder, 'copy')} ${ID}`)
    t.equal((await runCommand('cmp', [ISO, join(folder, 'copy')])).status, 0)
    const refused = await openstack('member', `image set --public ${ID}`)
    t.match(refused.stderr, /403/)
  })

  await t.test('also by an application credential', async t => {
    t.equal(await works('member-appcred', 'image list -f value -c ID'), `${ID}\n`)
  })

  await t.test('a reader of the project looks, and touches nothing', async t => {
    t.equal(await works('reader', 'image list -f value -c ID'), `${ID}\n`)
    t.match((await openstack('reader', `image delete ${ID}`)).stderr, /403/)
    const formats = '--disk-format iso --container-format bare'
    t.match((await openstack('reader', `image create ${formats} x`)).stderr, /403/)
  })

  await t.test('another project sees nothing of it', async t => {
    t.equal(await works('other', 'image list -f value -c ID'), '')
    t.match((await openstack('other', `image show ${ID}`)).stderr, /No Image found/i)
  })

  await t.test('an administrator makes it public', async t => {
    await works('admin', `image set --public ${ID}`)
    t.equal(await works('other', 'image list -f value -c ID'), `${ID}\n`)
  })

  await t.test('Keystone says how many images a project may have', async t => {
    const token = await keystone.tokenOf('member')
    const headers = { 'x-auth-token': token, 'content-type': 'application/json' }
    const create = async () => {
      const options = { method: 'POST', headers, body: '{}' }
      return (await fetch(`${server.url}/v2/images`, options)).status
    }
    t.strictSame([await create(), await create(), await create()], [201, 201, 413])
    const usage = await fetch(`${server.url}/v2/info/usage`, { headers })
    t.match(await usage.json(), {
      usage: {
        image_size_total: { usage: 2, limit: 1000 },
        image_count_total: { usage: 3, limit: 3 },
      },
    })
    t.equal((await list({ 'x-auth-token': token })).status, 200)
  })

  await t.test('a token that is wrong, revoked or missing is 401', async t => {
    const revoked = await keystone.tokenOf('member')
    await keystone.admin.revoke(revoked)
    for (const token of ['wrong', revoked, `${await keystone.tokenOf('member')}x`]) {
      const answer = await list({ 'x-auth-token': token })
      t.equal(answer.status, 401)
      t.equal(answer.headers.get('www-authenticate'), `Keystone uri="${keystone.url}"`)
    }
    t.equal((await list({})).status, 401)
  })

  await t.test('a token that expires is 401, but with that of a service', async t => {
    const token = await keystone.briefToken('member', 4000)
    t.equal((await list({ 'x-auth-token': token })).status, 200)
    const status = async () => (await list({ 'x-auth-token': token })).status
    await waitUntil('the token has expired', async () => (await status()) === 401)
    const service = await keystone.tokenOf('glance')
    const nobody = await keystone.tokenOf('other')
    t.equal((await list({ 'x-auth-token': token, 'x-service-token': service })).status, 200)
    t.equal((await list({ 'x-auth-token': token, 'x-service-token': nobody })).status, 401)
    t.equal((await list({ 'x-auth-token': token, 'x-service-token': 'wrong' })).status, 401)
  })

  await t.test('while Keystone is away it is 503, but for tokens that are known', async t => {
    const known = await keystone.tokenOf('member')
    const unknown = await keystone.tokenOf('reader')
    t.equal((await list({ 'x-auth-token': known })).status, 200)
    await keystone.stop()
    t.equal((await list({ 'x-auth-token': known })).status, 200)
    t.equal((await list({ 'x-auth-token': unknown })).status, 503)
    t.match(readFileSync(log, 'utf8'), /tokens cannot be validated: .* connection (refused|reset)/)
  })

  await t.test('and no token nor password is told', async t => {
    const said = [readFileSync(log, 'utf8'), ...outcomes.map(({ stderr }) => stderr)].join('\n')
    t.match(said, 'tokens cannot be validated')
    for (const secret of SECRETS) t.notMatch(said, secret)
    t.notMatch(said, keystone.applicationCredential.secret)
    t.notMatch(said, /gAAAA/, 'how tokens of Fernet begin')
  })
})

t.test("Debian's openstack client talks TLS with our server", async t => {
  const tls = resolve('fixtures/tls')
  const files = { cert_file: `${tls}/server.pem`, key_file: `${tls}/server.key` }
  await using server = await Embedded.start({ settings: { ...files, ca_file: `${tls}/ca.pem` } })
  const connect = ['--os-auth-type', 'none', '--os-endpoint', server.url]
  const trusting = ['--os-cacert', `${tls}/ca.pem`]
  const own = ['--os-cert', `${tls}/client.pem`, '--os-key', `${tls}/client.key`]
  const list = async (...options: readonly string[]) => {
    const words = [...connect, ...options, 'image', 'list', '-f', 'value', '-c', 'ID']
    return await runCommand('/usr/bin/openstack', words, { environment: DEBIAN_PYTHON })
  }
  const listed = await list(...trusting, ...own)
  t.match(listed, { status: 0, stdout: '' }, listed.stderr)
  t.equal((await list(...own)).status, 1, 'without the authority')
  t.equal((await list(...trusting)).status, 1, 'without a certificate')
})
