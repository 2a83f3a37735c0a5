import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runCommand } from '../support/command.ts'
import { idOf } from '../support/images.ts'
import { Embedded } from './support/embedded.ts'
import { DEBIAN_PYTHON } from './support/python.ts'

const ISO = '/usr/lib/ipxe/ipxe.iso'
const ID = idOf(1)

t.test("Debian's glance client works with our server", async t => {
  await using server = await Embedded.start()
  const folder = t.testdir()
  const connect = ['--os-auth-token', 'none', '--os-image-url', server.url]
  const glance = clientOf(folder, '/usr/bin/glance', connect)

  const formats = '--disk-format iso --container-format bare'
  const metadata = '--name réseau --min-ram 64 --tag rom --property arch=x86'
  const created = await glance(`image-create --id ${ID} --file ${ISO} ${formats} ${metadata}`)
  t.match(rowsOf(created), { id: ID, status: 'active', name: 'réseau', arch: 'x86' })
  await glance('image-download --file', join(folder, 'copy'), ID)
  await sameFile(t, join(folder, 'copy'), ISO)
  await server.create({ id: idOf(2), disk_format: 'iso', container_format: 'bare' })
  await glance(`image-upload --file ${ISO} ${idOf(2)}`)
  t.match(rowsOf(await glance(`image-show ${idOf(2)}`)), { status: 'active', size: '2097152' })
  await glance(`image-delete ${idOf(2)}`)

  const changes = '--name network --visibility public --hidden true --property os=none'
  await glance(`image-update ${changes} --remove-property arch ${ID}`)
  await glance(`image-tag-update ${ID} new`)
  const shown = rowsOf(await glance(`image-show ${ID}`))
  t.match(shown, { name: 'network', visibility: 'public', os_hidden: 'True', os: 'none' })
  t.notOk('arch' in shown)
  t.strictSame((await server.replicable(ID))['tags'], ['new', 'rom'])
  t.notMatch(await glance('image-list'), ID)
  t.match(rowsOf(await glance('image-list --hidden true')), { [ID]: 'network' })

  await glance(`image-update --visibility shared ${ID}`)
  await glance(`member-create ${ID} a-project`)
  t.match(await glance(`member-list --image-id ${ID}`), /a-project +\| +pending/)
  await glance(`image-deactivate ${ID}`)
  t.match(rowsOf(await glance(`image-show ${ID}`)), { status: 'deactivated' })
  await glance(`image-reactivate ${ID}`)
  await glance(`image-delete ${ID}`)
  t.strictSame(rowsOf(await glance('image-list --hidden true')), { ID: 'Name' })
})

t.test("Debian's openstack client works with our server", async t => {
  await using server = await Embedded.start()
  const folder = t.testdir()
  const connect = ['--os-auth-type', 'none', '--os-endpoint', server.url]
  const openstack = clientOf(folder, '/usr/bin/openstack', connect)
  const show = async () => JSON.parse(await openstack(`image show ${ID} -f json`)) as unknown

  const formats = '--disk-format iso --container-format bare'
  const metadata = '--public --min-disk 1 --property arch=x86'
  await openstack(`image create --id ${ID} --file ${ISO} ${formats} ${metadata} réseau`)
  t.match(await show(), {
    id: ID,
    name: 'réseau',
    status: 'active',
    size: 2097152,
    visibility: 'public',
    min_disk: 1,
    properties: { arch: 'x86' },
  })
  t.equal(await openstack('image list -f value'), `${ID} réseau active\n`)
  await openstack('image save --file', join(folder, 'copy'), ID)
  await sameFile(t, join(folder, 'copy'), ISO)

  await openstack(`image set --name network --protected --tag rom --property os=none ${ID}`)
  t.match(await show(), { name: 'network', protected: true, tags: ['rom'] })
  await openstack(`image unset --tag rom --property arch ${ID}`)
  t.match(await server.image(ID), { tags: [], arch: undefined, os: 'none' })
  await openstack(`image set --unprotected ${ID}`)
  await openstack(`image delete ${ID}`)
  t.equal(await openstack('image list -f value'), '')
})

/**
 * Runs a client with these options before its own, which are the words of `line` and `more`. Resolves to what it
 * printed; rejects when it fails.
 */
function clientOf(folder: string, command: string, options: readonly string[]) {
  return async (line: string, ...more: readonly string[]): Promise<string> => {
    // The glance client 4.1 keeps the schema of images at home, and dies of its own options when it finds it there.
    const HOME = await mkdtemp(join(folder, 'home-'))
    const environment = { ...DEBIAN_PYTHON, HOME, COLUMNS: '200', LC_ALL: 'C.UTF-8' }
    const words = [...options, ...line.split(' '), ...more]
    const { status, stdout, stderr } = await runCommand(command, words, { environment })
    if (status !== 0) throw new Error(`${command} ${line}: ${stderr}`)
    return stdout
  }
}

/** The first two columns of a table as clients draw it. */
function rowsOf(table: string): Record<string, string> {
  const rows = table.matchAll(/^\| (\S+) +\| (.*?) +\|/gm)
  return Object.fromEntries([...rows].map(([, name = '', value = '']) => [name, value]))
}

async function sameFile(t: Test, one: string, other: string): Promise<void> {
  t.equal((await runCommand('cmp', [one, other])).status, 0)
}
