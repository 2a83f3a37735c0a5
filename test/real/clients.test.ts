import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runCommand } from '../support/command.ts'
import { idOf } from '../support/images.ts'
import { glanceClient, nobodyAt, openstackClient, rowsOf } from './support/clients.ts'
import { Embedded } from './support/embedded.ts'

const ISO = '/usr/lib/ipxe/ipxe.iso'
const ID = idOf(1)

t.test("Debian's glance client works with our server", async t => {
  await using server = await Embedded.start()
  const folder = t.testdir()
  const glance = glanceClient(folder, server.url)

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
  t.strictSame(rowsOf(await glance('image-list --hidden true')), {})
})

t.test("Debian's openstack client works with our server", async t => {
  await using server = await Embedded.start()
  const folder = t.testdir()
  const openstack = openstackClient(folder, nobodyAt(server.url))
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

async function sameFile(t: Test, one: string, other: string): Promise<void> {
  t.equal((await runCommand('cmp', [one, other])).status, 0)
}
