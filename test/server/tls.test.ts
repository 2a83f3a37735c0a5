import { once } from 'node:events'
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { connect as plainly } from 'node:net'
import { join } from 'node:path'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { readConfig } from '../../lib/server/config.ts'
import { startProgram } from '../support/command.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { soon } from '../support/soon.ts'

const FILES = 'fixtures/tls'
const pem = (name: string) => readFileSync(join(FILES, name), 'utf8')

const SERVER = { certFile: `${FILES}/server.pem`, keyFile: `${FILES}/server.key` }
const TRUSTING = { ca: pem('ca.pem') }
const CLIENT = { ...TRUSTING, cert: pem('client.pem'), key: pem('client.key') }
/** By itself, whom nobody trusts. */
const STRANGER = { ...TRUSTING, cert: pem('cert.pem'), key: pem('key.pem') }

const OCTETS = 'application/octet-stream'

interface Answer {
  readonly status: number | undefined
  readonly text: string
}

async function get(url: string, path: string, trust: ConnectionOptions): Promise<Answer> {
  const sent = request(new URL(path, url), { ...trust, agent: false })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [
    NodeJS.ReadableStream & { statusCode?: number },
  ] // As documented.
  let text = ''
  for await (const chunk of answer) text += chunk.toString()
  return { status: answer.statusCode, text }
}

t.test('with cert_file and key_file the service speaks TLS', async t => {
  const server = await startTestServer(t, SERVER)

  t.test('and says so in the URL that it prints', async t => {
    t.match(server.url, /^https:\/\/127\.0\.0\.1:\d+$/)
  })

  t.test('and in the links that it gives', async t => {
    const { status, text } = await get(server.url, '/versions', TRUSTING)
    t.equal(status, 200)
    t.match(text, `"href":"https://127.0.0.1:${server.port}/v2/"`)
  })

  t.test('to clients without a certificate too', async t => {
    t.equal((await get(server.url, '/v2/images', TRUSTING)).status, 200)
  })

  t.test('of version 1.2 or later', async t => {
    for (const [version, speaks] of [
      ['TLSv1.1', false],
      ['TLSv1.2', true],
      ['TLSv1.3', true],
    ] as const) {
      const how = { ...TRUSTING, minVersion: version, maxVersion: version } as const
      // What OpenSSL itself forbids below 1.2 is not in our way.
      const asked = get(server.url, '/v2/images', { ...how, ciphers: 'DEFAULT@SECLEVEL=0' })
      if (speaks) t.equal((await asked).status, 200, version)
      else await t.rejects(asked, { code: /EPROTO|ERR_SSL/ }, version)
    }
  })

  t.test('and goes on when somebody speaks something else', async t => {
    const plain = server.url.replace('https', 'http')
    await t.rejects(fetch(`${plain}/versions`))
    t.equal((await get(server.url, '/versions', TRUSTING)).status, 200)
  })

  t.test('an image goes there and back whole', async t => {
    const data = Buffer.alloc(300_000, 'image')
    const id = '00000000-0000-4000-8000-00000000000a'
    await send(server, 'POST', '/v2/images', 'application/json', {
      id,
      disk_format: 'raw',
      container_format: 'bare',
    })
    await send(server, 'PUT', `/v2/images/${id}/file`, OCTETS, data)
    t.equal((await get(server.url, `/v2/images/${id}/file`, TRUSTING)).text, data.toString())
  })
})

t.test('stopping does not wait for clients that have asked for nothing', async t => {
  const server = await startTestServer(t, { ...SERVER, shutdownGraceMs: 0, headerTimeoutMs: 0 })
  const { port } = server
  const dumb = plainly(port, '127.0.0.1')
  const shaken = connect({ ...TRUSTING, host: '127.0.0.1', port })
  await Promise.all([once(dumb, 'connect'), once(shaken, 'secureConnect')])
  const closed = [once(dumb, 'close'), once(shaken, 'close')]
  await server[Symbol.asyncDispose]()
  await Promise.all(closed)
})

t.test('LP 1007093: small images that come by TLS are stored once', async t => {
  const dataDir = t.testdir()
  const server = await startTestServer(t, { ...SERVER, store: 'file', dataDir })
  for (const [size, id] of [
    [1, '00000000-0000-4000-8000-000000000011'],
    [100, '00000000-0000-4000-8000-000000000012'],
    [16_384, '00000000-0000-4000-8000-000000000013'],
    [16_385, '00000000-0000-4000-8000-000000000014'],
  ] as const) {
    const data = Buffer.alloc(size, 'x')
    const v1 = id.replace('0000-4000', '0001-4000')
    const formats = { disk_format: 'raw', container_format: 'bare' }
    await send(server, 'POST', '/v2/images', 'application/json', { id, ...formats })
    await send(server, 'PUT', `/v2/images/${id}/file`, OCTETS, data)
    await send(server, 'POST', '/v1/images', OCTETS, data, {
      'x-image-meta-id': v1,
      'x-image-meta-disk_format': 'raw',
      'x-image-meta-container_format': 'bare',
    })
    for (const image of [id, v1]) {
      const { text } = await get(server.url, `/v2/images/${image}`, TRUSTING)
      t.match(JSON.parse(text), { status: 'active', size }, `${size} bytes`)
      t.ok(readFileSync(join(dataDir, 'images', image)).equals(data))
    }
  }
  t.equal(readdirSync(join(dataDir, 'images')).length, 8, 'and nothing besides')
})

t.test('LP 1032451: with ca_file a client needs a certificate by it', async t => {
  const server = await startTestServer(t, { ...SERVER, caFile: `${FILES}/ca.pem` })
  const path = '/v2/images'
  t.equal((await get(server.url, path, CLIENT)).status, 200)
  await t.rejects(get(server.url, path, TRUSTING), { code: /ERR_SSL|ECONNRESET|EPROTO/ }, 'none')
  await t.rejects(get(server.url, path, STRANGER), { code: /ERR_SSL|ECONNRESET|EPROTO/ }, 'another')
  t.equal((await get(server.url, path, CLIENT)).status, 200)
})

t.test('the service does not start', async t => {
  const folder = t.testdir({ 'empty.pem': '', 'text.pem': 'no certificate' })
  const { certFile, keyFile } = SERVER
  const absent = join(folder, 'absent.pem')
  const text = join(folder, 'text.pem')
  const client = `${FILES}/client.key`
  for (const { title, files, message } of [
    {
      title: 'with a certificate without its key',
      files: { certFile },
      message: /key_file is not$/,
    },
    {
      title: 'with a key without its certificate',
      files: { keyFile },
      message: /cert_file is not$/,
    },
    {
      title: 'with authorities and nothing of its own',
      files: { caFile: `${FILES}/ca.pem` },
      message: /cert_file and key_file both have to be set/,
    },
    {
      title: 'with a certificate that is not there',
      files: { certFile: absent, keyFile },
      message: /^cert_file: ENOENT.*absent\.pem/,
    },
    {
      title: 'with a key that is not there',
      files: { certFile, keyFile: absent },
      message: /^key_file: ENOENT.*absent\.pem/,
    },
    {
      title: 'with authorities that are not there',
      files: { ...SERVER, caFile: absent },
      message: /^ca_file: ENOENT.*absent\.pem/,
    },
    {
      title: 'with a certificate that is none',
      files: { certFile: text, keyFile },
      message: /^cert_file: .*text\.pem: no certificate in PEM form/,
    },
    {
      title: 'with a key that is none',
      files: { certFile, keyFile: text },
      message: /^key_file: .*text\.pem: no private key in PEM form/,
    },
    {
      title: 'with authorities that are none',
      files: { ...SERVER, caFile: text },
      message: /^ca_file: .*text\.pem: no certificate in PEM form/,
    },
    {
      title: "with another certificate's key",
      files: { certFile, keyFile: client },
      message: /^key_file: .*client\.key: not the key of the certificate .*server\.pem/,
    },
  ]) {
    t.test(title, async t => {
      await t.rejects(startTestServer(t, files), { code: 'usage', message })
    })
  }
})

t.test('certificates are read anew', async t => {
  const start = async (t: Test) => {
    const folder = t.testdir({ 'cert.pem': pem('server.pem'), 'key.pem': pem('server.key') })
    const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
    const renew = () => {
      copyFileSync(`${FILES}/cert.pem`, files.certFile)
      copyFileSync(`${FILES}/key.pem`, files.keyFile)
    }
    return { folder, files, renew }
  }

  t.test('while connections that there are go on', async t => {
    const { files, renew } = await start(t)
    const server = await startTestServer(t, files)
    const before = await dial(server.port, TRUSTING)
    t.equal(subjectOf(before), 'glance.example')
    renew()
    await server.reload()
    const after = await dial(server.port, { ca: pem('cert.pem') })
    t.equal(subjectOf(after), 'localhost')
    for (const socket of [before, after]) {
      socket.write('GET /versions HTTP/1.1\r\nHost: glance\r\n\r\n')
      const [answer] = (await once(socket, 'data')) as [Buffer] // No encoding is set.
      t.match(answer.toString(), /^HTTP\/1\.1 200 /)
      socket.destroy()
    }
  })

  t.test('or stay as they are when the new ones make no sense', async t => {
    const { files } = await start(t)
    const server = await startTestServer(t, files)
    copyFileSync(`${FILES}/key.pem`, files.keyFile)
    await t.rejects(server.reload(), { code: 'usage', message: /key_file: .*: not the key/ })
    t.equal((await get(server.url, '/versions', TRUSTING)).status, 200)
  })

  t.test('which is nothing to do without TLS', async t => {
    const server = await startTestServer(t)
    await server.reload()
    t.equal((await server.call('GET', '/versions')).status, 200)
  })

  for (const workers of [0, 2]) {
    t.test(`on SIGHUP, with ${workers} workers`, async t => {
      const { folder, files, renew } = await start(t)
      const conf = `[DEFAULT]\ncert_file = ${files.certFile}\nkey_file = ${files.keyFile}\nworkers = ${workers}\n`
      writeFileSync(join(folder, 'conf'), conf)
      const log = join(folder, 'log')
      const words = ['serve', '--port', '0', '--data-dir', join(folder, 'data'), '-l', log]
      await using program = await startProgram([...words, '--config', join(folder, 'conf')])
      const url = (await program.firstLine()).replace('listening on ', '')
      t.match(url, /^https:/)
      t.equal((await get(url, '/versions', TRUSTING)).status, 200)
      renew()
      program.kill('SIGHUP')
      const renewed = { ca: pem('cert.pem') }
      while (!readFileSync(log, 'utf8').includes('the configuration was read anew')) {
        await soon()
      }
      t.equal((await get(url, '/versions', renewed)).status, 200)
      program.kill('SIGTERM')
      t.equal((await program.outcome).status, 0)
    })
  }
})

t.test('the settings are those of Glance', async t => {
  const text = 'cert_file = /etc/cert.pem\nkey_file = /etc/key.pem\nca_file = /etc/ca.pem\n'
  t.strictSame(await readConfig(join(t.testdir({ conf: text }), 'conf')), {
    certFile: '/etc/cert.pem',
    keyFile: '/etc/key.pem',
    caFile: '/etc/ca.pem',
  })
})

async function send(
  { url }: TestServer,
  method: string,
  path: string,
  type: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const sent = request(new URL(path, url), {
    ...TRUSTING,
    method,
    headers: { 'content-type': type, ...headers },
  })
  sent.end(Buffer.isBuffer(body) ? body : JSON.stringify(body))
  const [answer] = (await once(sent, 'response')) as [
    NodeJS.ReadableStream & { statusCode: number },
  ] // As documented.
  answer.resume()
  if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode}`)
}

async function dial(port: number, trust: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', ...trust })
  await once(socket, 'secureConnect')
  return socket
}

function subjectOf(socket: TLSSocket): string {
  return String(socket.getPeerCertificate().subject.CN)
}
