import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { runCommand, runProgram } from '../support/command.ts'
import { idOf } from '../support/images.ts'
import { Embedded } from './support/embedded.ts'
import { DEBIAN_PYTHON } from './support/python.ts'

const PYTHON = '/usr/bin/python3'
const ID = idOf(1)

t.test("the v1 module of Debian's python-glanceclient works with our server", async t => {
  await using server = await Embedded.start()
  const script = `
import io, sys
from glanceclient.v1 import client

glance = client.Client(sys.argv[1], token='none')
image = glance.images.create(
    id=sys.argv[2], name='rom', disk_format='raw', container_format='bare', owner='somebody',
    data=io.BytesIO(b'some data'), properties={'arch': 'x86', 'os': 'none'}, is_public=True)
print(image.status, image.size, image.is_public, image.owner)
print([i.id for i in glance.images.list()] == [image.id])
print(b''.join(glance.images.data(image.id)))
updated = glance.images.update(image.id, name='new', properties={'os': 'linux'}, purge_props=False)
print(updated.name, sorted(updated.properties.items()))
updated = glance.images.update(image.id, properties={'os': 'linux'}, purge_props=True)
print(updated.name, sorted(updated.properties.items()))
shown = glance.images.get(image.id)
print(shown.name, shown.properties, shown.is_public, shown.size)
for n in range(25):
    glance.images.create(name='more', is_public=True)
print(len(list(glance.images.list(page_size=10))), len(list(glance.images.list(limit=7))))
glance.image_members.create(image, 'member', can_share=True)
print([(m.member_id, m.can_share) for m in glance.image_members.list(image=image)])
print([(m.image_id == image.id, m.can_share) for m in glance.image_members.list(member='member')])
glance.image_members.replace(image, [{'member_id': 'other'}])
print([(m.member_id, m.can_share) for m in glance.image_members.list(image=image)])
glance.image_members.delete(image.id, 'other')
glance.images.delete(image)
print([i.id for i in glance.images.list() if i.id == image.id])
`
  const { status, stdout, stderr } = await runCommand(PYTHON, ['-c', script, server.url, ID], {
    environment: DEBIAN_PYTHON,
  })
  t.equal(status, 0, stderr)
  t.strictSame(stdout.trimEnd().split('\n'), [
    'active 9 True somebody',
    'True',
    "b'some data'",
    "new [('arch', 'x86'), ('os', 'linux')]",
    "new [('os', 'linux')]",
    "new {'os': 'linux'} True 9",
    '26 7',
    "[('member', True)]",
    '[(True, True)]',
    "[('other', False)]",
    '[]',
  ])
})

t.test('the original replicator works between two of our servers', async t => {
  await using source = await Embedded.start()
  await using target = await Embedded.start()
  const folder = t.testdir({ dump: {}, 1: 'some data', 2: 'more data of it' })
  const [from, to] = [source, target].map(({ url }) => new URL(url).host)
  if (from === undefined || to === undefined) throw new TypeError('two servers')
  // What has no value on any side breaks that program off: it has to be told not to look at it.
  const names = 'created_at date deleted_at location updated_at virtual_size checksum owner'
  const replicate = async (...words: string[]) => {
    const args = ['-m', 'glance.cmd.replicator', '--debug', '--dontreplicate', names, ...words]
    const { status, stdout, stderr } = await runCommand(PYTHON, args, {
      environment: DEBIAN_PYTHON,
    })
    t.equal(status, 0, stderr)
    return stdout + stderr
  }

  for (const n of [1, 2]) {
    const formats = { disk_format: 'raw', container_format: 'bare' }
    await source.create({ id: idOf(n), name: `image ${n}`, os: 'none', ...formats })
    await source.upload(idOf(n), join(folder, String(n)))
  }

  const size = /^Total size is 24 bytes .*$/m.exec(await replicate('size', from))?.[0]
  t.match(await runProgram(['size', source.url]), { status: 0, stdout: `${size}\n` })
  t.match(await replicate('compare', from, to), /entirely missing/)
  await replicate('livecopy', from, to)
  for (const [n, data] of [
    [1, 'some data'],
    [2, 'more data of it'],
  ] as const) {
    const answer = await fetch(`${target.url}/v2/images/${idOf(n)}/file`)
    t.equal(await answer.text(), data)
    t.match(await target.image(idOf(n)), { name: `image ${n}`, os: 'none', status: 'active' })
  }
  t.notMatch(await replicate('compare', from, to), /entirely missing/)
  t.notMatch(await replicate('livecopy', from, to), /ERROR/)
  await replicate('dump', from, join(folder, 'dump'))
  t.strictSame((await readdir(join(folder, 'dump'))).toSorted(), [
    idOf(1),
    `${idOf(1)}.img`,
    idOf(2),
    `${idOf(2)}.img`,
  ])
  t.equal(await readFile(join(folder, 'dump', `${idOf(2)}.img`), 'utf8'), 'more data of it')

  await using third = await Embedded.start()
  t.match(await runProgram(['load', third.url, join(folder, 'dump')]), {
    status: 0,
    stdout: /^2 images created .* 0 failed$/m,
  })
  t.match(await runProgram(['compare', source.url, third.url, '-D', names]), { status: 0 })
})
