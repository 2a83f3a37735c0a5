import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { idOf } from '../support/images.ts'
import { startKeystone } from '../support/keystone.ts'
import { DEMO } from '../support/keystone-documents.ts'
import { forwardAs } from '../support/forward.ts'
import { startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const NOBODY = {}
const [A, B, C] = ['a'.repeat(32), 'b'.repeat(32), 'c'.repeat(32)]
const [X, Y] = ['1'.repeat(32), '2'.repeat(32)]

t.test('images belong to the projects that the map says', async t => {
  const { one, two, file } = await owned(t)
  await writeFile(file, `# old: new\n${A}: ${X}\n"${B}": ${Y}\n${C}: ${C}\n`)
  const words = ['--map-projects', file, one.url, two.url]
  t.match(await run(['livecopy', ...words]), {
    status: 0,
    stdout: /^4 images created/,
    stderr: /./,
  })
  t.same(await ownersOf(two), [X, X, Y, C])
  t.match(await run(['compare', ...words]), { status: 0, stdout: /4 the same/ })
  t.match(await run(['compare', one.url, two.url]), {
    status: 1,
    stdout: `owner is '${A}' on the source, '${X}' on the target`,
  })
  await writeFile(file, `{${A}: ${X}, ${B}: ${X}, ${C}: ${C}}`)
  t.match(await run(['livecopy', ...words]), {
    status: 0,
    stderr: `${idOf(3)} (image 3): updated: owner\n`,
  })
})

t.test('projects that are not in the map', async t => {
  const setUp = async (t: Test) => {
    const made = await owned(t)
    await writeFile(made.file, `${A}: ${X}\n`)
    return { ...made, words: ['--map-projects', made.file, made.one.url, made.two.url] }
  }

  t.test('are told before anything is copied, and nothing is copied', async t => {
    const { two, words } = await setUp(t)
    t.match(await run(['livecopy', ...words]), {
      status: 1,
      stdout:
        '2 projects of the source not mapped, nothing was done: complete the file, or say --unmapped skip or drop\n',
      stderr: new RegExp(
        `^project ${B} owns 1 image, and .*owners does not name it: nothing is copied\n` +
          `project ${C} owns 1 image, .*\n$`,
      ),
    })
    const { status, stdout } = await run(['livecopy', '--json', '--dry-run', ...words])
    t.equal(status, 1)
    t.match(JSON.parse(stdout), {
      images: [],
      unmapped: {
        action: 'fail',
        projects: [
          { project: B, name: null, images: 1 },
          { project: C, images: 1 },
        ],
      },
    })
    t.match(await run(['compare', ...words]), { status: 1, stdout: /^2 projects of the source/ })
    t.same(await ownersOf(two), [])
  })

  t.test('have their images left alone by --unmapped skip', async t => {
    const { two, words } = await setUp(t)
    t.match(await run(['livecopy', '--unmapped', 'skip', ...words]), {
      status: 0,
      stdout: /^2 images created .* 2 of projects that are not mapped, 0 failed\n$/,
      stderr: new RegExp(`^project ${B} owns 1 image, .*: they are not copied\n`),
    })
    t.same(await ownersOf(two), [X, X])
    t.match(await run(['compare', '--unmapped', 'skip', ...words]), { status: 0 })
  })

  t.test('have their images belong to whoever copies them by --unmapped drop', async t => {
    const { two, words } = await setUp(t)
    t.match(await run(['livecopy', '--unmapped', 'drop', ...words]), {
      status: 0,
      stdout: /^4 images created/,
      stderr: new RegExp(`project ${C} owns 1 image, .*: its images become ours\n`),
    })
    const ours = (await two.show(await two.create(undefined, NOBODY), NOBODY))['owner']
    t.same((await ownersOf(two)).slice(0, 4), [X, X, ours, ours])
    await two.patch(idOf(4), [{ op: 'replace', path: '/owner', value: Y }], NOBODY)
    t.match(await run(['compare', '--unmapped', 'drop', ...words]), {
      status: 0,
      stdout: /4 the same/,
    })
  })
})

t.test('projects are named by what the Keystone of a side calls them', async t => {
  const { one, two, file } = await owned(t)
  const old = await startKeystone(t, {
    regions: { One: one.url },
    projects: [
      { id: A, name: 'web', domain_id: 'default' },
      { id: B, name: 'web', domain_id: 'd2' },
      { id: C, name: 'same', domain_id: 'default' },
    ],
  })
  const projects = [
    { id: X, name: 'web-prod', domain_id: 'd2' },
    { id: Y, name: 'other', domain_id: 'default' },
    { id: C, name: 'same', domain_id: 'default' },
  ]
  const fresh = await startKeystone(t, { regions: { One: two.url }, projects })
  const environment = environmentOf(old.url, fresh.url)
  const words = ['--map-projects', file, 'cloud:', 'cloud:']

  await writeFile(file, 'web: other\n')
  t.match(await run(['livecopy', ...words], environment), {
    status: 2,
    stderr: /'web': the source has it in several domains \(Default, Two\): write DOMAIN\/NAME/,
  })
  await writeFile(file, 'Default/web: no-such\nTwo/web: other\nnobody: other\n')
  t.match(await run(['livecopy', ...words], environment), {
    status: 1,
    stderr: new RegExp(
      "the source has no project 'nobody'\n" +
        `project ${A} \\(web\\) owns 2 images, and the target has no project 'no-such'`,
    ),
  })
  await writeFile(file, 'Default/web: web-prod\nd2/web: Default/other\n')
  t.match(await run(['livecopy', ...words], environment), { status: 0, stderr: /created/ })
  t.same(await ownersOf(two), [X, X, Y, C])
  t.equal(fresh.tokens.length, 3, 'a token for each run')

  const limited = await startKeystone(t, { regions: { One: two.url }, projects, admin: false })
  t.match(await run(['compare', ...words], environmentOf(old.url, limited.url)), {
    status: 1,
    stderr: /the target has no project 'Default\/other'/,
  })
  await writeFile(file, `Default/web: web-prod\nd2/web: ${Y}\n${C}: ${C}\n`)
  t.match(await run(['compare', ...words], environmentOf(old.url, limited.url)), { status: 0 })
})

t.test('what is wrong with a map of projects is one clear line, and exit status 2', async t => {
  const { one, two, file } = await owned(t)
  for (const [text, message] of [
    ['a b c', /owners: expected lines of the form SOURCE: TARGET/],
    [`${A}: ${X}\n${B}:\n`, /line 2: expected SOURCE: TARGET, each an id/],
    [`${A}: [${X}]`, /line 1: expected SOURCE: TARGET/],
    [`${A}: ${X}\n${A}: ${Y}\n`, /keys must be unique/],
    [`${A}: "${X}`, /owners: .* at line 1/],
    [`Default/web: ${X}`, /'Default\/web': no Keystone is known for the source: name its projects/],
  ] as const) {
    await writeFile(file, text)
    t.match(await run(['livecopy', '--map-projects', file, one.url, two.url]), {
      status: 2,
      stderr: message,
    })
  }
  t.match(await run(['livecopy', '--map-projects', `${file}2`, one.url, two.url]), {
    status: 2,
    stderr: /owners2: ENOENT/,
  })
})

t.test('only images that are selected are asked for their projects', async t => {
  const { one, two, file } = await owned(t)
  await writeFile(file, `${A}: ${X}\n`)
  const words = ['--map-projects', file, one.url, two.url]
  t.match(await run(['livecopy', '--filter', `owner=${A}`, ...words]), { status: 0 })
  t.same(await ownersOf(two), [X, X])
  const removing = ['--filter', `owner=${A}`, '--delete', 'delete', '--delete-unknown', ...words]
  await one.call('DELETE', `/v2/images/${idOf(2)}`)
  t.match(await run(['livecopy', ...removing]), { status: 0, stdout: /1 deleted/ })
  t.same(await ownersOf(two), [X], 'what has left is known by the owner that it had')
})

t.test('an owner that --set says is one of the target', async t => {
  const { one, two, file } = await owned(t)
  await writeFile(file, `${A}: ${X}\n`)
  t.match(
    await run(['livecopy', '--map-projects', file, '--set', `owner=${Y}`, one.url, two.url]),
    {
      status: 0,
      stderr: /^--map-projects: owners are not carried: --set says who it is\n/,
    },
  )
  t.same(await ownersOf(two), [Y, Y, Y, Y])
})

t.test('an archive is read twice for a map, which standard input cannot be', async t => {
  const { one, two, file } = await owned(t)
  const archive = `${file}.tar`
  t.match(await run(['dump', one.url, archive]), { status: 0 })
  await writeFile(file, `${A}: ${X}\n${B}: ${Y}\n`)
  const words = ['load', '--map-projects', file]
  t.match(await run([...words, two.url, archive]), { status: 1, stderr: `project ${C} owns 1` })
  t.match(await run([...words, '--unmapped', 'skip', two.url, archive]), { status: 0 })
  t.same(await ownersOf(two), [X, X, Y])
  t.match(await run([...words, two.url, '-']), {
    status: 2,
    stderr: /standard input can be read once: name a file/,
  })
})

t.test(
  'a run that does nothing for lack of a project does not pass for one that is done',
  async t => {
    const { one, two, file } = await owned(t)
    await writeFile(file, `${A}: ${X}\n`)
    const metrics = `${file}.metrics`
    const words = ['--map-projects', file, '--metrics-file', metrics, '--delete', 'delete']
    t.match(await run(['livecopy', ...words, '--delete-unknown', one.url, two.url]), { status: 1 })
    t.notMatch(await readFile(metrics, 'utf8'), /lag_seconds/)
  },
)

t.test('several targets take one listing of the source more, not one each', async t => {
  const { one, two, file } = await owned(t)
  const three = await startTestServer(t)
  await writeFile(file, `${A}: ${X}\n${B}: ${Y}\n`)
  let listings = 0
  const url = await startListener(t, (request, response) => {
    if (request.url?.startsWith('/v2/images?') === true) listings += 1
    void forwardAs({}, one.url, request, response)
  })
  const words = ['--map-projects', file, '--unmapped', 'skip', '--metaonly', url]
  t.match(await run(['livecopy', '--dry-run', ...words, two.url]), { status: 0 })
  const forOne = listings
  t.match(await run(['livecopy', ...words, two.url, three.url]), {
    status: 0,
    stderr: new RegExp(`${two.url}: project ${C} [^]*${three.url}: project ${C} `),
  })
  t.equal(listings - forOne, forOne)
  t.same(await ownersOf(three), [X, X, Y])
})

t.test('owners that are left out belong to whoever copies the images', async t => {
  const { one, two, file } = await owned(t)
  t.match(await run(['livecopy', '-D', 'owner', one.url, two.url]), { status: 0 })
  const ours = (await two.show(await two.create(undefined, NOBODY), NOBODY))['owner']
  t.same(await ownersOf(two), [ours, ours, ours, ours, ours])
  const archive = `${file}.tar`
  t.match(await run(['dump', '-D', 'owner', one.url, archive]), { status: 0 })
  const { length } = (await readFile(archive, 'utf8')).match(/"owner": null/g) ?? []
  t.equal(length, 4, 'what is dumped so belongs to nobody')
})

/** Two services, the first with images of three projects and one that is nobody's to copy. */
async function owned(t: Test) {
  const [one, two] = [await startTestServer(t), await startTestServer(t)]
  for (const [n, owner] of [A, A, B, C].entries()) {
    const id = idOf(n + 1)
    const formats = { disk_format: 'raw', container_format: 'bare' }
    await one.create({ id, name: `image ${n + 1}`, owner, ...formats }, NOBODY)
    await one.upload(id, `data ${n}`, NOBODY)
  }
  await one.create({ owner: 'd'.repeat(32) }, NOBODY)
  return { one, two, file: join(t.testdir(), 'owners') }
}

async function ownersOf(server: TestServer): Promise<unknown[]> {
  const { json } = await server.call('GET', '/v2/images?sort_key=id&sort_dir=asc')
  return (json['images'] as { owner: unknown }[]).map(({ owner }) => owner) // As the API has it.
}

function environmentOf(source: string, target: string): Readonly<Record<string, string>> {
  const side = (name: string, url: string) => ({
    [`OS_${name}_AUTH_URL`]: url,
    [`OS_${name}_USERNAME`]: DEMO.name,
    [`OS_${name}_PASSWORD`]: DEMO.password,
    [`OS_${name}_PROJECT_NAME`]: 'demo',
  })
  return { ...side('SOURCE', source), ...side('TARGET', target) }
}
