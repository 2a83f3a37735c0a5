import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { forwardAs } from '../support/forward.ts'
import { idOf } from '../support/images.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { linesOf, planned, set } from '../support/saved-plans.ts'
import { run } from '../support/program.ts'
import { startTestServer } from '../support/server.ts'
import { bodyOf, twoServers } from '../support/two-servers.ts'

t.test('a plan', async t => {
  const { one, two, plan } = await planned(t, [1, 2, 3], async (one, two) => {
    await run(['livecopy', '--filter', `id=${idOf(3)}`, one.url, two.url])
    await one.patch(idOf(3), set('name', 'another'))
  })

  t.test('is a line of JSON for what it is about, each image, and the end', async t => {
    const fingerprint = { status: 'active', size: 15, checksum: /^[0-9a-f]{32}$/ }
    t.match(await linesOf(plan), [
      {
        glance_replicator_plan: 1,
        command: 'livecopy',
        source: { named: one.url, address: one.url },
        target: { named: two.url, address: two.url },
        removal: null,
      },
      { step: 'create', id: idOf(1), with_data: true, source: fingerprint, target: null },
      { step: 'create', id: idOf(2) },
      {
        step: 'update',
        id: idOf(3),
        changes: [{ field: 'name', from: 'image 3', to: 'another' }],
        source: fingerprint,
        target: fingerprint,
      },
      { step: 'end', steps: 3, bytes: 30 },
    ])
    t.same(await readdir(join(plan, '..')), ['plan'], 'and nothing else')
    t.match(await run(['size', two.url]), { stdout: /across 1 image/ }, 'nothing was done')
  })

  t.test('is told by apply --dry-run, and carried out by apply', async t => {
    t.match(await run(['apply', '--dry-run', plan]), {
      status: 0,
      stdout: /^2 images to be created \(30\.0 B\), 1 to be updated, 0 the same, 0 failed\n30\.0 B/,
      stderr: /image 1\): would be created.*\n.*\n.*would be updated: name: 'image 3' -> 'another'/,
    })
    t.match(await run(['apply', plan]), {
      status: 0,
      stdout: '2 images created (30.0 B), 1 updated, 0 the same, 0 failed\n',
    })
    t.match(await run(['compare', one.url, two.url]), { status: 0 })
  })

  t.test('that is carried out again has nothing left to do', async t => {
    t.match(await run(['apply', '--json', plan]), { status: 0, stdout: /"same":3,/ })
  })
})

t.test('what has changed since the plan was made is refused, and the rest done', async t => {
  const { one, two, plan } = await planned(t, [1, 2, 3, 4, 5, 6, 7], async (one, two) => {
    await run(['livecopy', '--filter', 'name=image?[567]', one.url, two.url])
    for (const n of [5, 6, 7]) await one.patch(idOf(n), set('name', `new ${n}`))
  })
  await one.patch(idOf(1), set('name', 'meanwhile'))
  await one.call('DELETE', `/v2/images/${idOf(2)}`)
  await two.create({ ...bodyOf(3), name: 'mine' })
  await two.upload(idOf(3), 'something else')
  await two.patch(idOf(5), set('name', 'mine'))
  await two.call('DELETE', `/v2/images/${idOf(6)}`)
  for (const dry of [['--dry-run'], []]) {
    const { status, stdout } = await run(['apply', '--json', ...dry, plan])
    t.equal(status, 1)
    const { images, totals } = JSON.parse(stdout) as {
      readonly images: readonly {
        readonly id: string
        readonly error: { message: string } | null
      }[]
      readonly totals: object
    }
    t.match(totals, { created: 1, updated: 1, failed: 5 })
    const errors = new Map(images.map(({ id, error }) => [id, error?.message ?? null]))
    const since = 'since the plan was made$'
    for (const [n, message] of [
      [1, `it has changed on ${one.url}: its (updated_at|metadata) .*${since}`],
      [2, `${one.url} has lost it ${since}`],
      [3, `${two.url} has got an image of this id, with status active and other data, ${since}`],
      [5, `it has changed on ${two.url}: its (updated_at|metadata) .*${since}`],
      [6, `${two.url} has lost it ${since}`],
    ] as const) {
      t.match(errors.get(idOf(n)), new RegExp(`^image ${idOf(n)}: ${message}`))
    }
    t.equal(errors.get(idOf(4)), null)
    t.equal(errors.get(idOf(7)), null)
  }
  t.match(await two.show(idOf(3)), { name: 'mine' })
  t.match(await two.show(idOf(5)), { name: 'mine' })
  t.match(await two.show(idOf(7)), { name: 'new 7' })
})

t.test('what an apply that was stopped has done is known again', async t => {
  const { one, two, plan } = await planned(t, [1, 2, 3, 4], async (one, two) => {
    await run(['livecopy', '--filter', `id=${idOf(4)}`, one.url, two.url])
    await one.patch(idOf(4), [...set('name', 'new'), ...set('min_disk', 4), ...set('min_ram', 64)])
    for (const n of [1, 2, 3]) {
      await one.patch(idOf(n), [...set('visibility', 'public'), ...set('protected', true)])
    }
  })
  const unpublished = { visibility: 'private', os_hidden: true }
  await two.create({ ...bodyOf(1), ...unpublished })
  await two.create({ ...bodyOf(2), ...unpublished })
  await two.upload(idOf(2), 'data of image 2')
  await run(['livecopy', '--filter', `id=${idOf(3)}`, one.url, two.url])
  await two.patch(idOf(4), set('min_disk', 4))
  t.match(await run(['apply', plan]), {
    status: 0,
    stdout: '1 image created (15.0 B), 2 updated, 1 the same, 0 failed\n',
    stderr: new RegExp(
      String.raw`image 2\): updated: visibility, os_hidden, protected\n[^]*new\): updated: name, min_ram\n`,
    ),
  })
  t.match(await run(['compare', one.url, two.url]), { status: 0 })
})

t.test('removals of a plan', async t => {
  const removing = async (t: Test, how: string, most = '5') => {
    const words = ['--delete', how, '--max-delete', most]
    return await planned(
      t,
      [1, 2, 3, 4, 5],
      async (one, two) => {
        await run(['livecopy', '--provenance', 'it', one.url, two.url])
        for (const n of [1, 2, 3]) await one.call('DELETE', `/v2/images/${idOf(n)}`)
      },
      ['--provenance', 'it', ...words],
    )
  }

  for (const [how, past] of [
    ['hide', 'hidden'],
    ['deactivate', 'deactivated'],
    ['delete', 'deleted'],
  ] as const) {
    t.test(`--delete ${how}: they are ${past} when it is carried out, and once`, async t => {
      const { plan, two } = await removing(t, how)
      t.match((await linesOf(plan)).slice(1), [
        { step: how, id: idOf(1), name: 'image 1', target: { status: 'active' } },
        { step: how, id: idOf(2) },
        { step: how, id: idOf(3) },
        {
          step: 'end',
          steps: 3,
          listed: { source: 2, both: 2, copies: true, known: [idOf(4), idOf(5)] },
        },
      ])
      t.match(await two.show(idOf(1)), { status: 'active', os_hidden: false })
      t.match(await run(['apply', plan]), { status: 0, stdout: new RegExp(`3 ${past}`) })
      t.match(await run(['apply', '-v', plan]), {
        status: 0,
        stdout: /3 only on the target left alone/,
        stderr: /left alone: that is done already/,
      })
    })
  }

  t.test('spare what has changed or was protected, and what the source has by now', async t => {
    const { plan, one, two } = await planned(
      t,
      [1, 2, 3, 4, 5],
      async (one, two) => {
        await run(['livecopy', '--provenance', 'it', one.url, two.url])
        for (const n of [1, 2, 3]) await one.call('DELETE', `/v2/images/${idOf(n)}`)
        await two.create(bodyOf(9))
      },
      ['--delete', 'hide', '--delete-unknown', '--max-delete', '5'],
    )
    t.match((await linesOf(plan)).at(-2), { step: 'hide', id: idOf(9) })
    await one.create(bodyOf(9))
    await two.patch(idOf(1), set('protected', true))
    await two.patch(idOf(2), set('name', 'still in use'))
    t.match(await run(['apply', plan]), {
      status: 1,
      stdout: /1 hidden, 2 failed/,
      stderr: /image 2\): failed: image .*: it has changed on .*since the plan was made/,
    })
    t.match(await two.show(idOf(2)), { os_hidden: false })
    t.match(await two.show(idOf(9)), { os_hidden: false })
  })

  t.test('spare what changes while others are removed', async t => {
    const { plan, one, two } = await removing(t, 'delete')
    let asked = 0
    const front = await startListener(t, (request, response) => {
      void (async () => {
        if (request.method === 'DELETE' && (asked += 1) === 1) {
          await two.patch(idOf(2), set('name', 'in use again'))
          await two.call('DELETE', `/v2/images/${idOf(3)}`)
        }
        await forwardAs({}, two.url, request, response)
      })()
    })
    await writeFile(plan, (await readFile(plan, 'utf8')).replaceAll(two.url, front))
    t.match(await run(['apply', '-j', '1', plan]), {
      status: 1,
      stdout: / 1 deleted, 1 only on the target left alone, 1 failed\n$/,
      stderr: /image 2\): failed: image .*: it has changed on .*since the plan was made/,
    })
    t.match(await two.show(idOf(2)), { name: 'in use again' })
    for (const n of [4, 5]) await one.call('DELETE', `/v2/images/${idOf(n)}`)
    t.match(await run(['apply', plan]), {
      status: 1,
      stdout: /^0 images created .* 2 only on the target left alone, 1 failed\n$/,
    })
  })

  t.test('do nothing where the source does not own to what it listed any more', async t => {
    const { plan, one, two } = await removing(t, 'hide')
    for (const n of [4, 5]) await one.call('DELETE', `/v2/images/${idOf(n)}`)
    t.match(await run(['apply', plan]), {
      status: 1,
      stdout: /^0 images created .* 3 only on the target left alone, 0 failed\n$/,
      stderr:
        /lists image .* and has none of that id when it is asked for it, .*: all are left alone/,
    })
    t.match(await two.show(idOf(1)), { os_hidden: false })
  })

  t.test('are bounded by the --max-delete of the plan, or of apply', async t => {
    const { plan, two } = await removing(t, 'delete', '3')
    t.match(await run(['apply', '--max-delete', '50%', plan]), {
      status: 1,
      stderr: /3 images would be deleted, more than 50% of 5: all are left alone/,
    })
    t.match(await two.show(idOf(1)), { status: 'active' })
    t.match(await run(['apply', plan]), { status: 0, stdout: /3 deleted/ })
  })
})

t.test('a plan that makes no sense is refused with its line, and nothing done', async t => {
  const { plan, two } = await planned(t, [1, 2])
  const whole = await readFile(plan, 'utf8')
  const lines = whole.trimEnd().split('\n')
  const edited = (line: number, change: (text: string) => string) =>
    lines.map((text, i) => (i + 1 === line ? change(text) : text)).join('\n')
  const other = await startTestServer(t)
  for (const { title, text, message } of [
    { title: 'that is empty', text: '', message: 'line 1: this is no plan of glance-replicator' },
    {
      title: 'that is something else',
      text: '{"images":[]}\n',
      message: 'line 1: this is no plan',
    },
    {
      title: 'of a later version',
      text: edited(1, text =>
        text.replace('"glance_replicator_plan":1', '"glance_replicator_plan":2'),
      ),
      message: 'line 1: the plan is of version 2, and this program knows 1',
    },
    {
      title: 'that was cut in a line',
      text: whole.slice(0, whole.indexOf('\n', whole.indexOf('\n') + 1) - 20),
      message: 'line 2: it is cut short, or not a JSON object',
    },
    {
      title: 'that was cut between two lines',
      text: `${lines.slice(0, 2).join('\n')}\n`,
      message: 'line 3: the plan is cut short: it has no end',
    },
    {
      title: 'from which a line was taken',
      text: [lines[0], ...lines.slice(2)].join('\n'),
      message: 'line 3: the end of the plan is of 2 steps, and there are 1',
    },
    {
      title: 'to which something was added',
      text: `${whole}${lines[1]}\n`,
      message: 'line 5: there is something after the end',
    },
    {
      title: 'with a step that there is not',
      text: edited(3, text => text.replace('"create"', '"creat"')),
      message:
        'line 3: its step is "creat", not one of create, update, hide, deactivate, delete, end',
    },
    {
      title: 'with a size that is none',
      text: edited(2, text => text.replace(/"size":15(?=.*"target")/, '"size":"15"')),
      message: 'line 2: ',
    },
    {
      title: 'with a word too many',
      text: edited(2, text => text.replace('"with_data"', '"force":true,"with_data"')),
      message: 'line 2: it has "force", which is not known',
    },
    {
      title: 'with an image that is none',
      text: edited(2, text => text.replace('"visibility":"shared"', '"visibility":"open"')),
      message: 'line 2: image .*: visibility is "open", not one of',
    },
    {
      title: 'with an attribute of another name',
      text: edited(2, text => text.replace('"os_hidden":', '"os_hiden":')),
      message: 'line 2: image must have required property .os_hidden',
    },
    {
      title: 'with the image of another step',
      text: edited(2, text => text.replace(`"id":"${idOf(1)}"`, `"id":"${idOf(7)}"`)),
      message: `line 2: the step about image ${idOf(7)} has image ${idOf(1)}`,
    },
    {
      title: 'with two steps about an image',
      text: edited(3, () => lines[1] ?? ''),
      message: `line 3: there is another step about image ${idOf(1)}`,
    },
    {
      title: 'with bytes that are not those of its steps',
      text: edited(4, text => text.replace('"bytes":30', '"bytes":31')),
      message: 'line 4: the end of the plan is of 31 bytes, and its steps are of 30',
    },
    {
      title: 'of a command that has other ends',
      text: edited(1, text => text.replace('"command":"livecopy"', '"command":"dump"')),
      message: 'line 1: a plan of dump is for a directory, not for the target http',
    },
    {
      title: 'for another service',
      text: edited(1, text => text.replaceAll(`"named":"${two.url}"`, `"named":"${other.url}"`)),
      message: `the plan is for the target ${two.url} on .*, and ${other.url} is ${other.url} on `,
    },
    {
      title: 'for another machine',
      text: edited(1, text => text.replaceAll(/"host":"[^"]*"/g, '"host":"elsewhere"')),
      message: 'the plan is for the source .* on elsewhere, and ',
    },
  ]) {
    t.test(title, async t => {
      const file = join(t.testdir(), 'plan')
      await writeFile(file, text)
      t.match(await run(['apply', file]), { status: 2, stdout: '', stderr: new RegExp(message) })
      t.match(await run(['size', two.url]), { stdout: /across 0 images/ })
    })
  }

  t.test('that is not there', async t => {
    t.match(await run(['apply', join(plan, 'nowhere')]), { status: 2, stderr: /ENOTDIR/ })
  })

  t.test('that is a folder or a pipe', async t => {
    const folder = t.testdir()
    const pipe = join(folder, 'pipe')
    await promisify(execFile)('mkfifo', [pipe])
    for (const file of [folder, pipe, '/dev/null']) {
      t.match(await run(['apply', file]), {
        status: 2,
        stderr: new RegExp(`${file}: it is no regular file`),
      })
    }
  })
})

t.test('a plan whose lines contradict each other is refused, and nothing done', async t => {
  const { plan, two } = await planned(
    t,
    [1, 2, 3],
    async (one, two) => {
      await run(['livecopy', '--provenance', 'it', one.url, two.url])
      await one.call('DELETE', `/v2/images/${idOf(1)}`)
      await one.patch(idOf(2), [...set('name', 'new'), ...set('min_ram', 64)])
    },
    ['--provenance', 'it', '--delete', 'hide', '--max-delete', '5'],
  )
  const whole = await readFile(plan, 'utf8')
  for (const { title, from, to, message } of [
    {
      title: 'where a step removes in another way',
      from: '"step":"hide"',
      to: '"step":"delete"',
      message:
        'line 3: its step is to delete one, and by its first line the plan is to hide images',
    },
    {
      title: 'where it is to remove in another way',
      from: '"how":"hide"',
      to: '"how":"delete"',
      message:
        'line 3: its step is to hide one, and by its first line the plan is to delete images',
    },
    {
      title: 'where it is to remove nothing',
      from: /"removal":\{.*?\}\}/,
      to: '"removal":null',
      message: 'line 3: its step is to hide one, and by its first line the plan is to remove no',
    },
    {
      title: 'where a change is to something else than the image has',
      from: '"to":"new"',
      to: '"to":"newer"',
      message: 'line 2: name is to be changed to "newer", and is "new" in its image',
    },
  ] as const) {
    t.test(title, async t => {
      const edited = join(t.testdir(), 'plan')
      const text = whole.replace(from, to)
      t.not(text, whole)
      await writeFile(edited, text)
      t.match(await run(['apply', edited]), { status: 2, stdout: '', stderr: new RegExp(message) })
      t.match(await two.show(idOf(1)), { status: 'active', os_hidden: false })
    })
  }

  t.test('what was taken from the changes of an image is not changed', async t => {
    const edited = join(t.testdir(), 'plan')
    await writeFile(edited, whole.replace(/\{"field":"name"[^}]*\},/, ''))
    t.match(await run(['apply', edited]), { status: 0, stderr: /updated: min_ram\n/ })
    t.match(await two.show(idOf(2)), { name: 'image 2', min_ram: 64 })
  })
})

t.test('no plan is made', async t => {
  const [one, two] = await twoServers(t, [1])
  const folder = t.testdir({ old: 'kept' })
  const plan = join(folder, 'old')
  for (const { title, words, message } of [
    {
      title: 'for several targets',
      words: ['livecopy', one.url, two.url, `${two.url}/v2`],
      message: '--save-plan: a plan is for one target; make one for each',
    },
    {
      title: 'for an archive that is written',
      words: ['dump', one.url, join(folder, 'images.tar')],
      message: '--save-plan: tar:.* cannot be asked for single images',
    },
    {
      title: 'of a source that cannot be listed to its end',
      words: ['livecopy', 'http://127.0.0.1:1', two.url],
      message: 'ECONNREFUSED|refused',
    },
  ]) {
    t.test(title, async t => {
      const outcome = await run([...words, '--save-plan', plan])
      t.ok(outcome.status === 2 || outcome.status === 3)
      t.match(outcome.stderr, new RegExp(message))
      t.same(await readdir(folder), ['old'])
      t.equal(await readFile(plan, 'utf8'), 'kept')
    })
  }
  t.match(
    await run(['livecopy', '--save-plan', join(folder, 'no', 'plan'), one.url, two.url]),
    { status: 2, stderr: /--save-plan: ENOENT/ },
    'where it could not be written',
  )

  t.test('in the place of a device or a pipe, which stay', async t => {
    const folder = t.testdir()
    const [pipe, link] = [join(folder, 'pipe'), join(folder, 'link')]
    await promisify(execFile)('mkfifo', [pipe])
    await symlink('/dev/null', link)
    for (const file of [pipe, link, '/dev/null', '/dev/stdout']) {
      t.match(await run(['livecopy', '--save-plan', file, one.url, two.url]), {
        status: 2,
        stderr: new RegExp(`--save-plan: ${file} is no regular file`),
      })
    }
    t.ok((await lstat(pipe)).isFIFO())
    t.ok((await lstat(link)).isSymbolicLink())
    t.same((await readdir(folder)).toSorted(), ['link', 'pipe'])
  })
})

t.test('a plan is for who made it, and what a killed process left of one is removed', async t => {
  const folder = t.testdir({ plan: 'an old one' })
  // A process of this machine by its name, with a number that no process has.
  const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)
  await writeFile(join(folder, `plan.${host}-4194305-1-0a.part`), 'half')
  await writeFile(join(folder, `other.${host}-4194305-1-0a.part`), 'half')
  await chmod(join(folder, 'plan'), 0o644)
  const { plan } = await planned(t, [1], undefined, [], folder)
  t.equal((await lstat(plan)).mode & 0o777, 0o600)
  t.same((await readdir(folder)).toSorted(), [`other.${host}-4194305-1-0a.part`, 'plan'])
})

t.test('a plan can be carried out by a job', async t => {
  const folder = t.testdir()
  const { plan } = await planned(t, [1], undefined, [], folder)
  const config = join(folder, 'jobs.yaml')
  await writeFile(config, `jobs: { friday: { command: apply, plan: ${JSON.stringify(plan)} } }`)
  t.match(await run(['run', 'friday', '--config', config]), {
    status: 0,
    stdout: /^1 image created/,
  })
})

t.test('a token that is refused in the middle ends an apply', async t => {
  const [one, two] = await twoServers(t, [1, 2])
  let isOver = false
  const url = await startListener(t, (request, response) => {
    if (!isOver || request.url?.startsWith('/v2/images/') !== true) {
      return void forwardAs({}, two.url, request, response)
    }
    sendJson(response, 401, { message: 'expired' })
  })
  const plan = join(t.testdir(), 'plan')
  await run(['livecopy', '--save-plan', plan, one.url, url])
  isOver = true
  const { status, stdout } = await run(['apply', '--json', '-j', '1', '--preflight', 'off', plan])
  t.equal(status, 3)
  t.match(JSON.parse(stdout), {
    totals: { created: 0, failed: 1 },
    error: { code: 'unauthenticated' },
  })
})

t.test('dumps and loads are planned as well', async t => {
  const [one, two] = await twoServers(t, [1, 2])
  const folder = t.testdir()
  const dump = join(folder, 'dump')
  await mkdir(dump)
  t.match(await run(['dump', '--save-plan', join(folder, 'd'), one.url, dump]), { status: 0 })
  t.same(await readdir(dump), [], 'nothing was done')
  t.match(await run(['apply', join(folder, 'd')]), { status: 0, stdout: /^2 images created/ })
  t.match(await run(['verify', dump]), { status: 0 })
  t.match(await run(['apply', join(folder, 'd')]), { status: 0, stdout: /2 the same/ })
  t.match(await run(['load', '--save-plan', join(folder, 'l'), two.url, dump]), { status: 0 })
  t.match(await run(['apply', join(folder, 'l')]), { status: 0, stdout: /^2 images created/ })
  t.match(await run(['compare', one.url, two.url]), { status: 0 })
})

t.test('each version of the API may be on either side of a plan', async t => {
  for (const versions of [
    ['--source-api', '1'],
    ['--target-api', '1'],
    ['--source-api', '1', '--target-api', '1'],
  ]) {
    t.test(versions.join(' '), async t => {
      const { plan, two } = await planned(
        t,
        [1, 2, 3],
        async (one, two) => {
          await one.patch(idOf(1), [
            { op: 'add', path: '/os_distro', value: 'débian' },
            { op: 'add', path: '/Two Words', value: 'no header' },
            { op: 'replace', path: '/tags', value: ['a', 'b'] },
          ])
          await run(['livecopy', ...versions, '--filter', 'name=image?3', one.url, two.url])
          await one.patch(idOf(3), set('min_disk', 3))
        },
        versions,
      )
      const [header] = await linesOf(plan)
      t.match(header, { [versions[0] === '--source-api' ? 'source' : 'target']: { api: 1 } })
      t.match(await run(['apply', plan]), {
        status: 0,
        stdout: /^2 images created \(30\.0 B\), 1 updated, 0 the same, 0 failed\n/,
      })
      t.match(await two.show(idOf(3)), { min_disk: 3 })
      t.match(await run(['apply', plan]), { status: 0, stdout: /3 the same/ })
    })
  }
})

t.test('new ids, owners and members are those of the plan', async t => {
  t.test('an image whose id is taken gets the one that the plan says', async t => {
    const folder = t.testdir()
    const ids = join(folder, 'ids')
    const { plan, two } = await planned(
      t,
      [1, 2],
      async (_, two) => {
        await two.create(bodyOf(1))
        await two.upload(idOf(1), 'another image of this id')
      },
      ['--on-conflict', 'new-id', '--id-map', ids],
      folder,
    )
    const [, step] = await linesOf(plan)
    const newId = String(step?.['new_id'])
    t.match(newId, /^[0-9a-f-]{36}$/)
    t.match(await run(['apply', plan]), {
      status: 0,
      stdout: /^2 images created/,
      stderr: new RegExp(`${idOf(1)} .image 1.: created as ${newId}, 15`),
    })
    t.match(await two.show(newId), { name: 'image 1', size: 15 })
    t.match(await readFile(ids, 'utf8'), `{"source":"${idOf(1)}","target":"${newId}"}\n`)
    t.match(await run(['apply', plan]), { status: 0, stdout: /2 the same/ })
  })

  t.test('one whose id was deleted gets one when it is created, and keeps it', async t => {
    const folder = t.testdir()
    const ids = join(folder, 'ids')
    const { plan, two } = await planned(
      t,
      [1],
      async (_, two) => {
        await two.create(bodyOf(1))
        await two.call('DELETE', `/v2/images/${idOf(1)}`)
      },
      ['--on-conflict', 'new-id', '--id-map', ids, '--provenance', 'it'],
      folder,
    )
    t.match(await run(['apply', plan]), { status: 0, stderr: /created as / })
    const { target } = JSON.parse(await readFile(ids, 'utf8')) as { readonly target: string }
    t.match(await run(['apply', plan]), { status: 0, stdout: /1 the same/ })
    await two.patch(target, set('name', 'mine'))
    t.match(await run(['apply', plan]), {
      status: 1,
      stderr: /has it with another name, which it did not take, or somebody changed since the plan/,
    })
  })

  t.test('an image belongs to whom the plan says, and is shared with whom it says', async t => {
    const folder = t.testdir()
    const projects = join(folder, 'projects')
    await writeFile(projects, 'north: south\nfriend: ally\n')
    const { plan, two } = await planned(
      t,
      [1],
      async one => {
        await one.patch(idOf(1), set('owner', 'north'))
        await one.patch(idOf(1), set('visibility', 'shared'))
        await one.call('POST', `/v2/images/${idOf(1)}/members`, { body: { member: 'friend' } })
      },
      ['--map-projects', projects, '--members'],
      folder,
    )
    t.match((await linesOf(plan))[1], { image: { owner: 'south' }, members: [{ project: 'ally' }] })
    t.match(await run(['apply', plan]), { status: 0 })
    t.match(await two.show(idOf(1)), { owner: 'south' })
    const members = await two.call('GET', `/v2/images/${idOf(1)}/members`)
    t.match(members.json, { members: [{ member_id: 'ally' }] })
    t.match(await run(['apply', plan]), { status: 0, stdout: /1 the same/ })
    await two.call('DELETE', `/v2/images/${idOf(1)}/members/ally`)
    t.match(await run(['apply', plan]), { status: 0, stderr: /updated: members/ })
  })
})
