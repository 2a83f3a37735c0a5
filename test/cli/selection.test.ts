import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { toMetadata } from '../../lib/endpoint/layout.ts'
import type { Image } from '../../lib/image/image.ts'
import { imageToV2 } from '../../lib/wire/v2-image.ts'
import { runCommand } from '../support/command.ts'
import { idOf, imageOf } from '../support/images.ts'
import { sendJson, startListener } from '../support/listener.ts'
import { run } from '../support/program.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const MARK = 'glance_replicator_source'
const DATA = Buffer.from('some bytes')

/** A series of each of two systems, and some others. */
const IMAGES: readonly Image[] = [
  of(1, 'debian-11', '2021-08-14', { os_distro: 'debian', hw_disk_bus: 'virtio' }),
  of(2, 'debian-12', '2023-06-10', { os_distro: 'debian', hw_disk_bus: 'scsi' }),
  of(3, 'ubuntu-22.04', '2022-04-21', { os_distro: 'ubuntu' }),
  of(4, 'ubuntu-24.04', '2024-04-25', { os_distro: 'ubuntu', note: 'new' }, { tags: ['lts'] }),
  of(5, 'rescue', '2020-01-01', {}, { hidden: true, visibility: 'community' }),
  of(6, 'rescue', '2020-01-02', {}, { visibility: 'private', minRam: 512 }),
]

function of(
  n: number,
  name: string,
  created: string,
  properties: Readonly<Record<string, string>>,
  fields: Partial<Image> = {},
): Image {
  const createdAt = new Date(created)
  return imageOf(n, DATA, {
    name,
    createdAt,
    properties: new Map(Object.entries(properties)),
    ...fields,
  })
}

t.test('which images', async t => {
  const [dump, one] = [await dumpOf(t), await startTestServer(t)]
  await run(['load', one.url, dump])
  for (const { words, images } of [
    { words: ['--filter', 'name=debian-*'], images: [1, 2] },
    { words: ['--filter', 'os_distro', '--filter', 'not name=*-1*'], images: [3, 4] },
    { words: ['--filter', 'tag=lts or visibility=private'], images: [4, 6] },
    { words: ['--filter', 'hidden'], images: [5] },
    { words: ['--filter', 'os_distro=debian and hw_disk_bus=scsi and size<=10'], images: [2] },
    { words: ['--filter', 'updated<1000w'], images: [1, 2, 3, 4, 5, 6] },
    { words: ['--exclude', 'name=debian-*', '--exclude', 'os_distro=ubuntu'], images: [5, 6] },
    { words: ['--filter', 'os_distro', '--exclude', 'name~/^ubuntu/'], images: [1, 2] },
  ]) {
    t.test(words.join(' '), async t => {
      t.same(await chosen(['size', ...words, one.url]), images, 'of a server')
      t.same(await chosen(['size', ...words, `dir:${dump}`]), images, 'of a dump')
    })
  }
  for (const { words, images } of [
    { words: ['--newest', '1'], images: [4] },
    { words: ['--newest', '2', '--filter', 'not os_distro=ubuntu'], images: [1, 2] },
    { words: ['--newest', '1', '--per', 'os_distro'], images: [2, 4, 6] },
    { words: ['--newest', '1', '--per', 'name~/^([a-z]+)-/'], images: [2, 4, 6] },
    { words: ['--newest', '1', '--per', 'name'], images: [1, 2, 3, 4, 6] },
    { words: ['--newest', '9', '--per', 'visibility'], images: [1, 2, 3, 4, 5, 6] },
  ]) {
    t.test(words.join(' '), async t => {
      t.same(await chosen(['size', ...words, `dir:${dump}`]), images)
    })
  }

  t.test('are the same for every command', async t => {
    const [two, other] = [await startTestServer(t), join(t.testdir(), 'other')]
    const words = ['--filter', 'name=debian-*', '--exclude', 'name=*-11']
    await mkdir(other)
    t.same(await chosen(['compare', ...words, one.url, two.url]), [2])
    t.same(await chosen(['dump', ...words, one.url, other]), [2])
    t.same(await chosen(['livecopy', ...words, one.url, two.url]), [2])
    t.match(await run(['compare', ...words, one.url, two.url]), {
      status: 0,
      stdout: '0 images missing (0.0 B), 0 different, 1 the same\n',
    })
    const three = await startTestServer(t)
    t.same(await chosen(['load', '--filter', 'hidden or protected', three.url, dump]), [5])
    t.match(await run(['size', three.url]), { stdout: /across 1 images/ })
  })

  t.test('not selected is not missing, whatever the target has', async t => {
    const two = await startTestServer(t)
    await run(['load', '--filter', 'name=ubuntu-*', two.url, dump])
    await two.patch(idOf(3), [{ op: 'replace', path: '/name', value: 'other' }])
    t.match(await run(['compare', '--filter', 'name=*-24.04', one.url, two.url]), {
      status: 0,
      stdout: '0 images missing (0.0 B), 0 different, 1 the same\n',
    })
    t.match(await run(['compare', '--newest', '1', `dir:${dump}`, two.url]), { status: 0 })
  })
})

t.test('--images-from', async t => {
  const folder = t.testdir({
    dump: {},
    list: `\ufeff# what we want\r\n\r\n  ${idOf(1)} \r\nrescue\n`,
    more: `nothing\nubuntu-24.04\n${idOf(99)}\n`,
    none: '# nothing\n',
  })
  const dump = await fill(join(folder, 'dump'))
  const from = async (list: string, ...words: readonly string[]) =>
    await run(['size', '--json', '--images-from', join(folder, list), ...words, `dir:${dump}`])

  t.test('takes ids and names, and a name for all that have it', async t => {
    const { status, stdout } = await from('list')
    t.equal(status, 0)
    t.match(JSON.parse(stdout), { images: [1, 5, 6].map(n => ({ id: idOf(n) })), not_found: [] })
  })

  t.test('tells what is not there, does the rest and exits with 1', async t => {
    const { status, stdout, stderr } = await from('more')
    t.equal(status, 1)
    t.match(JSON.parse(stdout), { images: [{ id: idOf(4) }], not_found: ['nothing', idOf(99)] })
    t.match(stderr, /^nothing: no image of the source has this id or name$/m)
    const [one, two] = [await startTestServer(t), await startTestServer(t)]
    await run(['load', one.url, dump])
    const more = ['--images-from', join(folder, 'more')]
    t.match(await run(['compare', ...more, one.url, two.url]), { status: 1, stderr: /^nothing: / })
    t.match(await run(['livecopy', ...more, one.url, two.url]), {
      status: 1,
      stdout: '1 image created (10.0 B), 0 updated, 0 the same, 0 failed\n',
      stderr: /^nothing: /m,
    })
    t.match(await run(['compare', ...more, one.url, two.url]), { status: 1, stdout: /1 the same/ })
  })

  t.test('and --filter together: what both choose; what is only filtered out is there', async t => {
    const { status, stdout } = await from('list', '--filter', 'hidden')
    t.equal(status, 0)
    t.match(JSON.parse(stdout), { images: { length: 1 }, not_found: [] })
  })

  t.test('with an empty list chooses nothing', async t => {
    t.match(await from('none'), { status: 0, stdout: /"images":0/ })
  })

  t.test('reads standard input', async t => {
    const program = `"${process.execPath}" dist/bin/glance-replicator.js`
    const line = `echo debian-12 | ${program} size --images-from - "dir:${dump}"`
    t.match(await runCommand('sh', ['-c', line]), {
      status: 0,
      stdout: 'Total size is 10 bytes (10.0 B) across 1 images\n',
    })
  })
})

t.test('what the service can filter it is asked to, and believed only so far', async t => {
  const asked: string[] = []
  const one = await startTestServer(t)
  await run(['load', one.url, await dumpOf(t)])
  const front = await startListener(t, (request, response) => {
    asked.push(decodeURIComponent(request.url ?? ''))
    const relay = async () => {
      const answer = await fetch(`${one.url}${request.url}`)
      response.writeHead(answer.status, { 'content-type': 'application/json' })
      response.end(await answer.text())
    }
    void relay()
  })
  const words = ['--filter', 'name=debian-12 and updated<30d and (hidden or size<1K) and !hidden']
  t.match(await run(['size', ...words, front]), { status: 0, stdout: /across 1 images/ })
  const listings = asked.filter(path => path.includes('visibility=all'))
  t.equal(listings.length, 1, 'the hidden ones are not listed')
  t.match(listings[0], /&name=debian-12&updated_at=gte:2.*Z&/)
  asked.length = 0
  t.match(await run(['size', '--source-api', '1', ...words, front]), { stdout: /across 1 images/ })
  t.match(asked.at(-1), /^\/v1\/images\/detail\?name=debian-12&is_public=None/)
})

t.test('a service that refuses to filter lists everything', async t => {
  const image = imageToV2(imageOf(1, DATA, { name: 'debian-12' }))
  const url = await startListener(t, (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://relative/')
    if (searchParams.has('name')) return sendJson(response, 400, { message: 'no filters here' })
    sendJson(response, 200, { images: searchParams.has('os_hidden') ? [] : [image] })
  })
  for (const [filter, images] of [
    ['name=debian-12', 1],
    ['name=other', 0],
  ] as const) {
    const { status, stdout } = await run(['size', '--json', '--filter', filter, url])
    t.equal(status, 0)
    t.match(JSON.parse(stdout), { totals: { images } })
  }
})

t.test('fields', async t => {
  const dump = await dumpOf(t)
  for (const { title, words, image, expected } of [
    {
      title: '--set makes attributes and properties what they are to be',
      words: [
        '--set',
        'visibility=private',
        '--set',
        'tags=b, a',
        '--set',
        'hidden=true',
        '--set',
        'min_disk=3',
        '--set',
        'owner=us',
        '--set',
        'note=a=b',
      ],
      image: 4,
      expected: {
        visibility: 'private',
        tags: ['a', 'b'],
        os_hidden: true,
        min_disk: 3,
        owner: 'us',
        note: 'a=b',
        os_distro: 'ubuntu',
      },
    },
    {
      title: '--unset clears attributes, and drops properties by pattern',
      words: ['--unset', 'tags', '--unset', 'o*', '--unset', 'hidden'],
      image: 4,
      expected: { tags: [], os_distro: undefined, note: 'new', os_hidden: false },
    },
    {
      title: '--rename gives properties other names',
      words: ['--rename', 'hw_*=old_*_kind', '--rename', 'os_distro=distro'],
      image: 1,
      expected: { old_disk_bus_kind: 'virtio', distro: 'debian', hw_disk_bus: undefined },
    },
    {
      title: 'they are renamed first, then unset, then set',
      words: ['--set', 'os_distro=x', '--unset', 'new_*', '--rename', 'os_*=new_*'],
      image: 1,
      expected: { os_distro: 'x', new_distro: undefined, hw_disk_bus: 'virtio' },
    },
    {
      title: '--only carries what it names, and the formats',
      words: ['--only', 'name os_*'],
      image: 4,
      expected: {
        name: 'ubuntu-24.04',
        os_distro: 'ubuntu',
        note: undefined,
        tags: [],
        disk_format: 'raw',
        visibility: 'private',
      },
    },
    {
      title: '-D takes patterns, and what is set is set nevertheless',
      words: ['-D', 'hw_* os_distro vis*', '--set', 'os_distro=ours'],
      image: 1,
      expected: { hw_disk_bus: undefined, os_distro: 'ours', visibility: 'private' },
    },
    {
      title: '-D * leaves the formats, without which there is no data',
      words: ['-D', '*'],
      image: 1,
      expected: { disk_format: 'raw', container_format: 'bare', os_distro: undefined },
    },
    {
      title: '--rename takes a pattern of all',
      words: ['--rename', '*=old_*'],
      image: 1,
      expected: { old_os_distro: 'debian', os_distro: undefined },
    },
  ]) {
    t.test(title, async t => {
      const [one, two] = [await startTestServer(t), await startTestServer(t)]
      await run(['load', one.url, dump])
      t.match(await run(['livecopy', ...words, one.url, two.url]), {
        status: 0,
        stdout: /^6 images/,
      })
      t.match(await two.show(idOf(image)), { ...expected, status: 'active' })
      t.match(await run(['compare', ...words, one.url, two.url]), {
        status: 0,
        stdout: /6 the same/,
      })
      t.match(await run(['livecopy', ...words, one.url, two.url]), {
        status: 0,
        stdout: '0 images created (0.0 B), 0 updated, 6 the same, 0 failed\n',
      })
      const other = t.testdir()
      await run(['dump', ...words, one.url, other])
      t.match(await run(['compare', ...words, one.url, `dir:${other}`]), { status: 0 }, 'a dump')
    })
  }

  t.test('what is left out is left on the target as it is', async t => {
    const [one, two] = [await startTestServer(t), await startTestServer(t)]
    await Promise.all([one, two].map(async ({ url }) => await run(['load', url, dump])))
    await change(two, 1, { name: 'ours', os_distro: 'ours', mine: '1' })
    const only = ['--only', 'name os_v*']
    t.match(await run(['compare', ...only, one.url, two.url]), { status: 1, stdout: /name is/ })
    t.match(await run(['livecopy', ...only, one.url, two.url]), { stdout: /1 updated, 5 the same/ })
    t.match(await two.show(idOf(1)), { name: 'debian-11', os_distro: 'ours', mine: '1' })
    const unset = [...only, '--unset', 'm*']
    t.match(await run(['livecopy', ...unset, one.url, two.url]), {
      stdout: /1 updated, 5 the same/,
    })
    t.match(await two.show(idOf(1)), { os_distro: 'ours', mine: undefined })
    const { stdout } = await run(['compare', '--json', ...unset, one.url, two.url])
    t.match((JSON.parse(stdout) as { not_carried: { field: string }[] }).not_carried.slice(-8), [
      { field: 'visibility', reason: 'not among --only' },
    ])
  })

  t.test('that the source has no words for are set all the same', async t => {
    const [one, two] = [await startTestServer(t), await startTestServer(t)]
    await run(['load', one.url, dump])
    const words = ['--source-api', '1', '--set', 'tags=old']
    t.match(await run(['livecopy', ...words, one.url, two.url]), { status: 0 })
    t.match(await two.show(idOf(4)), { tags: ['old'] })
    await two.patch(idOf(4), [{ op: 'replace', path: '/tags', value: ['other'] }])
    t.match(await run(['livecopy', ...words, one.url, two.url]), {
      stdout: /1 updated, 5 the same/,
    })
    t.match(await two.show(idOf(4)), { tags: ['old'] })
  })

  t.test('an image of which two properties would get one name fails', async t => {
    const [one, two] = [await startTestServer(t), await startTestServer(t)]
    await run(['load', one.url, dump])
    const words = ['--rename', 'os_distro=x', '--rename', 'hw_disk_bus=x']
    const message = /image 0.*: --rename gives .* the same name, x, and one of them would be lost/
    const dry = await run(['livecopy', '--dry-run', ...words, one.url, two.url])
    t.match(dry, { status: 1, stdout: /^4 images to be created .* 2 failed\n/, stderr: message })
    t.match(await run(['compare', ...words, one.url, two.url]), { status: 1, stdout: message })
  })

  t.test('a mark is not carried under another name', async t => {
    const [one, two] = [await startTestServer(t), await startTestServer(t)]
    await run(['load', '--provenance', 'north', one.url, dump])
    await run(['livecopy', '--rename', 'glance_*=x_*', one.url, two.url])
    t.notOk('x_replicator_source' in (await two.show(idOf(1))))
  })

  t.test('an owner is set by an administrator only', async t => {
    const url = await startListener(t, (request, response) => {
      const isForbidden = request.url?.startsWith('/v2/tasks') === true
      sendJson(response, isForbidden ? 403 : 200, isForbidden ? {} : { images: [] })
    })
    t.match(await run(['load', '--set', 'owner=us', url, dump]), {
      status: 2,
      stderr: /--set owner: only an administrator of http.* sets it, and we are none\n$/,
    })
  })

  t.test('--filter goes by what the images are on the source', async t => {
    const two = await startTestServer(t)
    const words = ['--set', 'name=new', '--filter', 'name=rescue']
    t.same(await chosen(['load', ...words, two.url, dump]), [5, 6])
    t.match(await two.show(idOf(5)), { name: 'new' })
  })
})

t.test('what cannot be is one clear error before anything is done', async t => {
  for (const { words, stderr } of [
    {
      words: ['--filter', 'name=ubuntu-*)'],
      stderr:
        "glance-replicator: --filter: unexpected ')' at column 14, expected 'and', 'or' or the end\n" +
        '  name=ubuntu-*)\n' +
        '               ^\n',
    },
    { words: ['--exclude', 'a='], stderr: /^[^\n]*: --exclude: unexpected end at column 3/ },
    { words: ['--filter', 'a\u001b[1m='], stderr: /a.\[1m=\n/ },
    { words: ['--images-from', '/nowhere'], stderr: /--images-from \/nowhere: ENOENT/ },
    { words: ['--newest', '0'], stderr: /--newest: expected a whole number from 1/ },
    { words: ['--per', 'name'], stderr: /--per: say how many of each by --newest/ },
    { words: ['--newest', '1', '--per', 'name~/(/'], stderr: /--per: .* not closed, at column 6/ },
    { words: ['--newest', '1', '--per', 'name or'], stderr: /--per: unexpected 'or' at column 6/ },
    {
      words: ['--set', 'visibility=pubic'],
      stderr: /--set visibility=pubic: visibility is to be one of public, .*, not 'pubic'/,
    },
    { words: ['--set', 'protected=1'], stderr: /protected is to be true or false, not '1'/ },
    { words: ['--set', 'min_ram=1G'], stderr: /min_ram is to be a whole number of MiB, not '1G'/ },
    { words: ['--set', 'id=1'], stderr: /--set: images are matched by their id/ },
    { words: ['--set', 'size=1'], stderr: /--set: size is made by the service/ },
    { words: ['--set', 'os_glance_x=1'], stderr: /no property may be called os_glance_x/ },
    { words: ['--set', 'name'], stderr: /--set name: expected KEY=VALUE/ },
    { words: ['--set', 'owner='], stderr: /owner is to be something/ },
    { words: ['--unset', 'visibility'], stderr: /every image has a visibility; -D visibility/ },
    { words: ['--unset', 'status'], stderr: /status is made by the service/ },
    { words: ['--rename', 'a*=b'], stderr: /--rename a\*=b: one \* on each side/ },
    { words: ['--rename', 'a='], stderr: /--rename a=: expected OLD=NEW/ },
    {
      words: ['--rename', 'name=title'],
      stderr: /name is an attribute, and only custom properties/,
    },
    { words: ['-D', 'id'], stderr: /cannot be left out/ },
    { words: ['-D', 'a[b'], stderr: /--dontreplicate: .*'a\[b' has a '\[' that is not closed/ },
    { words: ['--unset', '['], stderr: /--unset: .*'\[' has a '\[' that is not closed/ },
    { words: ['--only', '['], stderr: /--only: .*'\[' has a '\[' that is not closed/ },
    { words: ['--unset', 'owner'], stderr: /every image has an owner; -D owner/ },
    { words: ['--newest', '1', '--per', ''], stderr: /--per: .* expected the name of a field/ },
    { words: ['--set', `${MARK}=x`], stderr: /--set: .* is what we mark copies with; --prov/ },
    { words: ['--unset', MARK], stderr: /--unset: .* is what we mark copies with/ },
    { words: ['--rename', `a=${MARK}`], stderr: /--rename: .* is what we mark copies with/ },
    { words: ['--rename', `${MARK}=a`], stderr: /--rename: .* is what we mark copies with/ },
    {
      words: ['--newest', '1', '--delete', 'hide'],
      stderr: /--newest: .* --delete hide would remove nothing: leave one of them away/,
    },
  ]) {
    t.test(words.join(' '), async t => {
      const outcome = await run(['compare', ...words, '127.0.0.1:1', '127.0.0.1:1'])
      t.match(outcome, { status: 2, stdout: '', stderr })
    })
  }
})

/** The numbers of the images that a command tells of. */
async function chosen(words: readonly string[]): Promise<readonly number[]> {
  const [command = '', ...rest] = words
  const { stdout } = await run([command, '--json', ...rest])
  const { images } = JSON.parse(stdout) as { images: readonly { id: string }[] }
  return images.map(({ id }) => IMAGES.findIndex(image => image.id === id) + 1)
}

/** A directory with all of them. */
async function dumpOf(t: Test): Promise<string> {
  return await fill(t.testdir())
}

async function fill(folder: string): Promise<string> {
  for (const image of IMAGES) {
    await writeFile(join(folder, `${image.id}.img`), DATA)
    await writeFile(join(folder, image.id), toMetadata(image))
  }
  return folder
}

async function change(server: TestServer, n: number, fields: Readonly<Record<string, string>>) {
  const steps = Object.entries(fields).map(([name, value]) => ({
    op: 'add',
    path: `/${name}`,
    value,
  }))
  await server.patch(idOf(n), steps)
}
