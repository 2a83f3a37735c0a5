import { chmod, cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EXIT_STATUS } from '../../lib/cli/exit-status.ts'
import { writerName } from '../../lib/writer.ts'
import { imageToV2 } from '../../lib/wire/v2-image.ts'
import { idOf, imageOf } from '../support/images.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const IMAGES = 'fixtures/images'
const DEBIAN = '0b7e0a2c-5f0e-4d6e-9a51-1f6b1c0f3a01'
const PROTECTED = '2c4d9e7b-8a13-4b0f-8c55-7d2e4f9b6c02'
const RECORD = { id: idOf(7), name: 'odd', disk_format: 'raw', container_format: 'bare' }
const OCTETS = { 'content-type': 'application/octet-stream' }
const PATCH = { 'content-type': 'application/openstack-images-v2.1-json-patch' }

t.test('what has changed is told, and then changed', async t => {
  const { one, two } = await twoClouds(t)
  await one.call('PATCH', `/v2/images/${DEBIAN}`, {
    headers: PATCH,
    body: [
      { op: 'replace', path: '/name', value: 'debian-12' },
      { op: 'add', path: '/os_version', value: '12.1' },
      { op: 'replace', path: '/visibility', value: 'community' },
      { op: 'remove', path: '/architecture' },
    ],
  })
  t.match(await run(['compare', one.url, two.url]), {
    status: 1,
    stdout:
      `${DEBIAN} (debian-12): name is 'debian-12' on the source, 'debian-12-generic-amd64' on the target; ` +
      "visibility is 'community' on the source, 'public' on the target; " +
      "os_version is '12.1' on the source, '12' on the target; " +
      "architecture is not set on the source, 'x86_64' on the target\n" +
      '0 images missing (0.0 B), 1 different, 4 the same\n',
  })
  t.match(
    await run(['compare', '-D', 'name visibility os_version architecture', one.url, two.url]),
    {
      status: 0,
    },
  )
  t.match(await run(['livecopy', '--dry-run', one.url, two.url]), {
    status: 0,
    stdout: /1 to be updated/,
    stderr:
      /would be updated: name: 'debian-12-generic-amd64' -> 'debian-12'; visibility: 'public' -> 'community'; /,
  })
  t.match(await run(['livecopy', one.url, two.url]), {
    status: 0,
    stderr: `${DEBIAN} (debian-12): updated: name, visibility, os_version, architecture\n`,
  })
  t.match(await run(['compare', one.url, two.url]), { status: 0 })
})

t.test('--dry-run tells what would be copied, and copies nothing', async t => {
  const [one, two] = [await startTestServer(t), await startTestServer(t)]
  await run(['load', one.url, IMAGES])
  const { status, stdout } = await run(['livecopy', '--dry-run', '--json', one.url, two.url])
  t.equal(status, 0)
  t.match(JSON.parse(stdout), {
    dry_run: true,
    images: { length: 5 },
    totals: { created: 5, bytes: 53_248 },
  })
  t.match(await run(['size', two.url]), { stdout: /across 0 images/ })
})

t.test('--metaonly makes records without data, which a later run fills', async t => {
  const [one, two] = [await startTestServer(t), await startTestServer(t)]
  await run(['load', one.url, IMAGES])
  t.match(await run(['livecopy', '-m', one.url, two.url]), {
    status: 0,
    stdout: /^5 images created \(0/,
  })
  t.match((await two.call('GET', `/v2/images/${DEBIAN}`)).json, {
    status: 'queued',
    visibility: 'public',
  })
  t.match(await run(['compare', '-m', one.url, two.url]), { status: 0 })
  t.match(await run(['compare', one.url, two.url]), {
    status: 1,
    stdout: /^5 images missing/m,
  })
  t.match(await run(['livecopy', one.url, two.url]), { status: 0 })
  t.match(await run(['compare', one.url, two.url]), { status: 0 })
})

t.test('an image that nothing can be done about fails alone', async t => {
  const { one, two } = await twoClouds(t)
  await two.call('PATCH', `/v2/images/${PROTECTED}`, {
    headers: PATCH,
    body: [{ op: 'replace', path: '/protected', value: false }],
  })
  t.match(await two.call('DELETE', `/v2/images/${PROTECTED}`), { status: 204 })
  await one.call('PATCH', `/v2/images/${DEBIAN}`, {
    headers: PATCH,
    body: [{ op: 'replace', path: '/name', value: 'new' }],
  })
  const { status, stdout, stderr } = await run(['livecopy', one.url, two.url])
  t.equal(status, 1)
  t.match(
    stderr,
    new RegExp(`${PROTECTED} \\(rescue-disk\\): failed: .*deleted or out of our sight`),
  )
  t.match(stdout, '0 images created (0.0 B), 1 updated, 3 the same, 1 failed\n')
})

t.test('other data under the same id is told, and neither side is touched', async t => {
  const one = await startTestServer(t)
  const two = await startTestServer(t)
  await run(['load', one.url, IMAGES])
  const other = t.testdir()
  await cp(join(IMAGES, DEBIAN), join(other, DEBIAN))
  const metadata = JSON.parse(await readFile(join(other, DEBIAN), 'utf8')) as object
  await writeFile(
    join(other, DEBIAN),
    JSON.stringify({
      ...metadata,
      disk_format: 'raw',
      size: 3,
      checksum: null,
      os_hash_algo: null,
      os_hash_value: null,
    }),
  )
  await writeFile(join(other, `${DEBIAN}.img`), 'abc')
  t.match(await run(['load', two.url, other]), { status: 0 })
  const compared = await run(['compare', one.url, two.url])
  t.match(compared, { status: 1, stdout: /holds other data under this id: size is 3, not 6656/ })
  t.match(await run(['livecopy', one.url, two.url]), {
    status: 1,
    stdout: /4 images created .* 1 failed/,
  })
})

t.test('a dump', async t => {
  const one = await startTestServer(t)
  await run(['load', one.url, IMAGES])

  t.test('that was cut off is completed by the next run', async t => {
    const dump = t.testdir()
    await run(['dump', one.url, dump])
    await truncate(join(dump, `${DEBIAN}.img`), 100)
    await rm(join(dump, PROTECTED))
    const [ours, gone] = [await writerName(), (await writerName()).replace(/-\d+-(\w+)$/, '-1-$1')]
    await writeFile(join(dump, `${PROTECTED}.img.${gone}.part`), 'half of it')
    await writeFile(join(dump, `${DEBIAN}.img.${ours}.part`), 'of somebody who still writes')
    t.match(await run(['compare', one.url, `dir:${dump}`]), {
      status: 1,
      stdout: /^2 images missing/m,
    })
    t.match(await run(['dump', one.url, dump]), {
      status: 0,
      stdout: /^2 images created .* 3 the same/,
    })
    t.ok(
      (await readFile(join(dump, `${DEBIAN}.img`))).equals(
        await readFile(join(IMAGES, `${DEBIAN}.img`)),
      ),
    )
    t.same(
      (await readdir(dump)).filter(name => name.endsWith('.part')),
      [`${DEBIAN}.img.${ours}.part`],
      'what nobody writes any more is gone',
    )
  })

  t.test('with a metadata file that is broken is loaded without that image', async t => {
    const two = await startTestServer(t)
    const dump = t.testdir()
    await cp(IMAGES, dump, { recursive: true })
    await writeFile(join(dump, DEBIAN), '{"id": ')
    const outcome = await run(['load', two.url, dump])
    t.match(outcome, { status: 1, stdout: /^4 images created .* 1 failed/ })
    t.match(outcome.stderr, new RegExp(`^${DEBIAN}: failed: ${join(dump, DEBIAN)}: .*JSON`, 'm'))
    t.match(await run(['dump', one.url, dump]), { status: 0 }, 'a dump writes it anew')
    t.match(await run(['load', two.url, dump]), { status: 0 })
  })

  t.test('whose data is not what its metadata says is not believed', async t => {
    const two = await startTestServer(t)
    const dump = t.testdir()
    await cp(IMAGES, dump, { recursive: true })
    const data = await readFile(join(dump, `${DEBIAN}.img`))
    data[100] = (data[100] ?? 0) ^ 1
    await writeFile(join(dump, `${DEBIAN}.img`), data)
    const outcome = await run(['load', '--attempts', '1', two.url, dump])
    t.match(outcome, { status: 1, stdout: /^4 images created .* 1 failed/ })
    t.match(outcome.stderr, /sha512 is [0-9a-f]+, expected [0-9a-f]+\n/)
    const { json } = await two.call('GET', `/v2/images/${DEBIAN}`)
    t.match(
      json,
      { status: 'queued', os_hidden: true },
      'the id is not used up: a mended dump can be loaded',
    )
    t.match(await run(['load', two.url, IMAGES]), { status: 0 })
  })

  t.test('whose data is missing or cut short is not passed over', async t => {
    const two = await startTestServer(t)
    const dump = t.testdir()
    await cp(IMAGES, dump, { recursive: true })
    await truncate(join(dump, `${DEBIAN}.img`), 10)
    await rm(join(dump, `${PROTECTED}.img`))
    const outcome = await run(['load', two.url, dump])
    t.match(outcome, { status: 1, stdout: /^3 images created .* 2 failed/ })
    t.match(outcome.stderr, /0b7e0a2c.*\.img: the data of the image has 10 of 6656 bytes/)
    t.match(outcome.stderr, /2c4d9e7b.*\.img: the data of the image is missing/)
    t.match(await run(['compare', `dir:${dump}`, two.url]), { status: 1 })
    t.match(await run(['size', `dir:${dump}`]), { status: 3, stdout: '' })
  })

  t.test('keeps a custom property that is named like a field of v1', async t => {
    const two = await startTestServer(t)
    await two.call('POST', '/v2/images', {
      body: { ...RECORD, visibility: 'private', is_public: 'True' },
    })
    await two.call('PUT', `/v2/images/${RECORD.id}/file`, { headers: OCTETS, body: 'abc' })
    const dump = t.testdir()
    await run(['dump', two.url, dump])
    t.match(await run(['compare', two.url, `dir:${dump}`]), { status: 0 })
  })

  t.test('is not written where a server would have it, outside the directory', async t => {
    const folder = t.testdir({ dump: {} })
    const bad = { ...imageToV2(imageOf(1)), id: '../escaped' }
    const url = await startListener(t, (request, response) =>
      sendJson(response, 200, { images: request.url?.includes('os_hidden') ? [] : [bad] }),
    )
    t.match(await run(['dump', url, join(folder, 'dump')]), {
      status: 1,
      stderr: /id is .*, not a UUID/,
    })
    t.same(await readdir(folder), ['dump'])
  })

  t.test('of the original replicator can be loaded', async t => {
    const two = await startTestServer(t)
    t.match(await run(['load', two.url, 'fixtures/dumps/original']), {
      status: 0,
      stdout: '1 image created (4.9 KiB), 0 updated, 0 the same, 1 without data, 0 failed\n',
    })
    t.match((await two.call('GET', '/v2/images/3d2c1b0a-9f8e-4d7c-8b6a-5f4e3d2c1b0a')).json, {
      name: 'precise-server-cloudimg',
      status: 'active',
      visibility: 'public',
      owner: '7d5a3f0e1c2b4a6988776655443322aa',
      min_ram: 256,
      kernel_id: '6f0c1f1e-4d6a-4f0e-9c1b-0a7d5e3b2c01',
      note: undefined,
    })
    t.match(await run(['load', two.url, 'fixtures/dumps/original']), {
      stdout: /1 the same/,
    })
  })

  t.test('needs a directory that is there', async t => {
    const missing = join(t.testdir(), 'nowhere')
    t.match(await run(['dump', one.url, missing]), {
      status: 3,
      stdout: '',
      stderr: `glance-replicator: ${missing}: no such file or directory\n`,
    })
    const file = join(t.testdir({ file: '' }), 'file')
    t.match(await run(['load', one.url, file]), { status: 3, stderr: /not a directory\n$/ })
  })

  t.test(
    'needs a directory that may be written to',
    { skip: isRoot() && 'root may write anywhere' },
    async t => {
      const folder = t.testdir()
      await chmod(folder, 0o500)
      t.match(await run(['dump', one.url, folder]), {
        status: 3,
        stderr: /permission denied/,
      })
    },
  )
})

t.test('--json prints one document', async t => {
  const { one, two } = await twoClouds(t)
  const compared = await run(['compare', '--json', one.url, two.url])
  t.match(JSON.parse(compared.stdout), {
    images: [
      {
        id: DEBIAN,
        name: 'debian-12-generic-amd64',
        result: 'same',
        size: 6656,
        differences: [],
        error: null,
      },
    ],
    totals: { missing: 0, differs: 0, same: 5, no_data: 0, bytes: 0 },
    not_carried: [{ field: 'status', reason: 'made by the service' }],
  })
  t.match(JSON.parse((await run(['size', '--json', one.url])).stdout), {
    images: { length: 5 },
    totals: { images: 5, bytes: 53_248 },
  })
  const empty = await startTestServer(t)
  t.same(JSON.parse((await run(['size', '--json', empty.url])).stdout), {
    images: [],
    totals: { images: 0, bytes: 0 },
  })
  const copied = await run(['livecopy', '--json', one.url, empty.url])
  t.match(JSON.parse(copied.stdout), {
    images: { length: 5 },
    dry_run: false,
    totals: {
      created: 5,
      updated: 0,
      same: 0,
      no_data: 0,
      failed: 0,
      refused: 0,
      interrupted: 0,
      bytes: 53_248,
    },
  })
})

t.test('a run that a token ends tells what was done until then', async t => {
  const data = Buffer.alloc(10)
  const url = await startListener(t, (request, response) => {
    if (request.url?.endsWith('1/file') === true) return response.end(data)
    if (request.url?.endsWith('/file') === true)
      return sendJson(response, 401, { message: 'expired' })
    const images =
      request.url?.includes('os_hidden') === true
        ? []
        : [1, 2].map(n => imageToV2(imageOf(n, data)))
    sendJson(response, 200, { images })
  })
  const { status, stdout, stderr } = await run(['dump', '--json', '-j', '1', url, t.testdir()])
  t.equal(status, 3)
  t.match(JSON.parse(stdout), {
    totals: { created: 1, failed: 1 },
    error: { code: 'unauthenticated' },
  })
  t.match(stderr, /401 expired; no token was given: /)
})

t.test('--json is JSON also when there is only an error', async t => {
  const { status, stdout } = await run(['compare', '--json', '127.0.0.1:1', '127.0.0.1:1'])
  t.equal(status, 3)
  t.match(JSON.parse(stdout), {
    images: [],
    error: { code: 'unreachable', message: /connection refused/ },
  })
})

t.test('tokens', async t => {
  const tokens: Record<string, string | undefined> = {}
  const listen = async (name: string) =>
    await startListener(t, (request, response) => {
      tokens[name] = request.headers['x-auth-token']?.toString()
      sendJson(response, 200, { images: [] })
    })
  const [one, two] = [await listen('one'), await listen('two')]
  const files = t.testdir({ token: 'from-file\n', other: 'other-file' })
  const environment = { OS_TOKEN: 'env', OS_SOURCE_TOKEN: 'env-source', OS_AUTH_TOKEN: 'env-auth' }
  for (const { title, words, variables, expected } of [
    { title: 'none unless given', words: [], variables: {}, expected: [undefined, undefined] },
    {
      title: '-t for both sides',
      words: ['-t', 'both'],
      variables: environment,
      expected: ['both', 'both'],
    },
    {
      title: '-M and -S for each',
      words: ['-M', 'm', '-S', 's'],
      variables: environment,
      expected: ['m', 's'],
    },
    {
      title: 'their later names',
      words: ['--sourcetoken', 'm', '--targettoken', 's'],
      variables: {},
      expected: ['m', 's'],
    },
    {
      title: 'their first names',
      words: ['--mastertoken=m', '--slavetoken=s'],
      variables: {},
      expected: ['m', 's'],
    },
    {
      title: '-t counts before them',
      words: ['-M', 'm', '-t', 'both'],
      variables: {},
      expected: ['both', 'both'],
    },
    {
      title: 'from files, so that they are not seen',
      words: ['--token-file', `${files}/token`, '--target-token-file', `${files}/other`],
      variables: environment,
      expected: ['from-file', 'other-file'],
    },
    {
      title: 'from the environment',
      words: [],
      variables: environment,
      expected: ['env-source', 'env'],
    },
    {
      title: 'as the glance client has it',
      words: [],
      variables: { OS_AUTH_TOKEN: 'a' },
      expected: ['a', 'a'],
    },
  ]) {
    t.test(title, async t => {
      const outcome = await run(['compare', ...words, one, two], variables)
      t.equal(outcome.status, 0)
      t.same([tokens['one'], tokens['two']], expected)
    })
  }
  t.test('before the command as well as after it', async t => {
    await run(['-v', '-t', 'first', 'size', one])
    t.equal(tokens['one'], 'first')
    await run(['--token=second', 'size', one, '-v'])
    t.equal(tokens['one'], 'second')
  })
  t.test('size takes that of either side', async t => {
    await run(['size', '-S', 's', one])
    t.equal(tokens['one'], 's')
  })
  t.test('a token file that is not there is named', async t => {
    t.match(await run(['size', '--token-file', '/nowhere', one]), {
      status: 2,
      stderr: /token file \/nowhere: ENOENT/,
    })
    const odd = t.testdir({ token: 'two\nlines' })
    t.match(await run(['size', '--token-file', `${odd}/token`, one]), {
      status: 2,
      stderr: /a token is one word of ASCII/,
    })
  })
  t.test('are never told, not even by --debug', async t => {
    const angry = await startListener(t, (_, response) =>
      sendJson(response, 401, { message: 'no' }),
    )
    const log = join(t.testdir(), 'log')
    const { status, stdout, stderr } = await run(['size', '-d', '-l', log, '-t', 'SECRET', angry])
    t.equal(status, 3)
    t.notMatch(stdout + stderr + (await readFile(log, 'utf8')), /SECRET/)
  })
})

t.test('what goes wrong with a server is one clear line, and exit status 3', async t => {
  const answering = async (status: number, body: unknown = {}) =>
    await startListener(t, (_, response) => sendJson(response, status, body))
  for (const { title, server, stderr } of [
    {
      title: 'an unknown host',
      server: 'no-such-host.invalid',
      stderr: /(unknown host|cannot be looked up now)\n$/,
    },
    { title: 'a refused connection', server: '127.0.0.1:1', stderr: /connection refused\n$/ },
    {
      title: 'TLS where there is none',
      server: (await answering(200)).replace('http', 'https'),
      stderr: /TLS/,
    },
    {
      title: '401',
      server: await answering(401, { message: 'who?' }),
      stderr: /401 who\?; no token was given: .*\n$/,
    },
    { title: '403', server: await answering(403), stderr: /403/ },
    {
      title: 'no Glance',
      server: await answering(200),
      stderr: /no Images API, neither v2 nor v1: its listing has no images\n$/,
    },
    { title: 'a Glance of v1 only', server: await answering(300, { versions: [] }), stderr: /300/ },
  ]) {
    t.test(title, async t => {
      for (const words of [
        ['size', server],
        ['livecopy', server, server],
        ['dump', server, t.testdir()],
      ]) {
        const outcome = await run(words)
        t.match(outcome, { status: 3, stdout: '', stderr })
        t.equal(outcome.stderr.split('\n').length, 2, 'one line')
      }
    })
  }
})

t.test('what is wrong with the command line is one clear line, and exit status 2', async t => {
  for (const { words, stderr } of [
    { words: ['db', 'sync', '--', '-1'], stderr: /-1: nothing that begins with a hyphen is taken/ },
    { words: ['size', '--frobnicate', 'one'], stderr: /unknown option --frobnicate/ },
    { words: ['compare', 'one'], stderr: /Not enough non-option arguments/ },
    { words: ['frobnicate'], stderr: /unknown command 'frobnicate'/ },
    { words: ['-t', 'token'], stderr: /which command\?/ },
    { words: ['--frobnicate', 'size', 'one'], stderr: /unknown option --frobnicate/ },
    { words: ['help', 'frobnicate'], stderr: /unknown command 'frobnicate'/ },
    { words: ['compare', 'one', 'two', '--frobnicate'], stderr: /unknown option --frobnicate/ },
    { words: ['compare', 'one', 'two', 'three'], stderr: /three/ },
    {
      words: ['livecopy', 'one', 'two', '-j', '0'],
      stderr: /--concurrency: expected a whole number from 1 to 1000/,
    },
    {
      words: ['livecopy', 'one', 'two', '-j', 'many'],
      stderr: /--concurrency: expected a whole number/,
    },
    { words: ['size', 'one', '--timeout', '-1'], stderr: /--timeout/ },
    { words: ['size', 'one', '-t', 'a', '-t', 'b'], stderr: /--token: give it once/ },
    { words: ['size', 'one', '-t'], stderr: /Not enough arguments following: t/ },
    { words: ['size', 'ftp://one'], stderr: /http or https/ },
    { words: ['size', 'http://me:pw@one'], stderr: /credentials do not belong/ },
    { words: ['compare', '-D', 'id', 'one:1', 'two:1'], stderr: /cannot be left out/ },
    { words: ['size', 'one', '-l', '/nowhere/log'], stderr: /log file \/nowhere\/log: ENOENT/ },
    { words: ['serve', '--config', '/nowhere'], stderr: /\/nowhere/ },
    { words: ['size', 'one', '--source-api', '3'], stderr: /--source-api: expected 1 or 2/ },
    { words: ['size', 'one', '--target-api', '1'], stderr: /target-api/ },
    { words: ['size', 'dir:/', '--source-api', '1'], stderr: /a directory speaks no version/ },
    { words: ['size', 'http://one/v1', '--source-api', '2'], stderr: /the URL is that of v1/ },
    { words: ['load', 'one', '/', '--loss-report'], stderr: /loss-report/ },
  ]) {
    t.test(words.join(' '), async t => {
      const outcome = await run(words)
      t.match(outcome, { status: 2, stdout: '', stderr })
      t.equal(outcome.stderr.split('\n').length, 2, 'one line')
    })
  }
})

t.test('help', async t => {
  const help = await run(['--help'])
  t.match(help, { status: 0, stdout: /livecopy <source> <target..>/, stderr: '' })
  t.equal((await run([])).stdout, help.stdout, 'also without any words')
  t.equal((await run(['help'])).stdout, help.stdout)
  t.match(await run(['help', 'dump']), {
    status: 0,
    stdout: /glance-replicator dump <source> <path>/,
  })
  t.match(await run(['dump', '-h']), { status: 0, stdout: /--chunksize/ })
  t.equal((await run(['-h'])).stdout, help.stdout)
  t.match(await run(['--version']), { status: 0, stdout: '1.2.3\n' })
})

t.test('the log file has what was told, with times', async t => {
  const one = await startTestServer(t)
  const log = join(t.testdir(), 'log')
  const { stderr } = await run(['load', '-v', '-l', log, one.url, IMAGES])
  t.equal(stderr, '', 'and it is not shown as well')
  t.match(
    await readFile(log, 'utf8'),
    /^\d{4}-\d\d-\d\dT[\d:.]+Z NOTICE .*\(rescue-disk\): created, 4.0 KiB$/m,
  )
})

t.test('the table of exit statuses in the manual is that of the program', async t => {
  const manual = await readFile('man/glance-replicator.1', 'utf8')
  const section = /^\.Sh EXIT STATUS$([\s\S]*?)^\.Sh /m.exec(manual)?.[1] ?? ''
  const listed = [...section.matchAll(/^\.It (\d+)$/gm)].map(match => Number(match[1]))
  t.same(listed, Object.values(EXIT_STATUS))
})

t.test('quotations in the manuals end where they should', async t => {
  for (const name of [
    'glance-replicator.1',
    'glance-replicator.conf.5',
    'glance-replicator.yaml.5',
  ]) {
    const lines = (await readFile(`man/${name}`, 'utf8')).split('\n')
    // A Dq goes on to the end of its line, so that a second one is quoted within it.
    const nested = lines.filter(line => line.startsWith('.') && /\bDq\b.*\bDq\b/.test(line))
    t.strictSame(nested, [], name)
  }
})

t.test('every option of the program is in the manual', async t => {
  const manual = await readFile('man/glance-replicator.1', 'utf8')
  for (const command of [
    'compare',
    'livecopy',
    'dump',
    'load',
    'apply',
    'size',
    'verify',
    'run',
    'daemon',
    'serve',
    'scrub',
    'cache list',
    'cache queue',
    'cache delete',
    'cache prune',
    'cache clean',
    'cache prefetch',
    'db sync',
    'db version',
    'db check',
    'db upgrade',
    'db downgrade',
    'db purge',
    'db load-metadefs',
  ]) {
    const { stdout } = await run(['help', ...command.split(' ')])
    for (const [, option = ''] of stdout.matchAll(/--([a-z-]+)/g)) {
      t.ok(
        manual.includes(`Fl -${option}`) || manual.includes(`, -${option}`),
        `${command} --${option}`,
      )
    }
  }
})

/** Two clouds with the same images. */
async function twoClouds(t: Test): Promise<{ one: TestServer; two: TestServer }> {
  const [one, two] = [await startTestServer(t), await startTestServer(t)]
  await Promise.all([one, two].map(async ({ url }) => await run(['load', url, IMAGES])))
  return { one, two }
}

function isRoot(): boolean {
  return process.getuid?.() === 0
}
