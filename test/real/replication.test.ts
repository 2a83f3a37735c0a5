import { mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { runCommand } from '../support/command.ts'
import { idOf } from '../support/images.ts'
import { Embedded } from './support/embedded.ts'
import { Glance } from './support/glance.ts'
import { fill, type RealImage, realImages } from './support/images.ts'
import { idsOf, replicator } from './support/replicator.ts'
import type { Service } from './support/service.ts'

const QUEUED = idOf(0x71)
const DEACTIVATED = idOf(0x72)

for (const { title, Source, Target } of [
  { title: "from Debian's Glance to Debian's Glance", Source: Glance, Target: Glance },
  { title: "from Debian's Glance to our server", Source: Glance, Target: Embedded },
  { title: "from our server to Debian's Glance", Source: Embedded, Target: Glance },
]) {
  t.test(title, async t => {
    const folder = t.testdir()
    const images = await realImages(folder)
    const ids = images.map(({ id }) => id)
    // Pages of two, so that every listing has several.
    const settings = { api_limit_max: 2, limit_param_default: 2 }
    await using source = await Source.start({ settings })
    await using target = await Target.start({ settings })
    await using third = await Target.start()
    await fill(source, images)
    await registerWithoutUse(source, images)
    const page = await source.expect(200, 'GET', 'images?limit=1000')
    t.match(page, { images: { length: 2 }, next: /marker=/ }, 'a listing has pages')

    await t.test('compare tells what is missing and changes nothing', async t => {
      const { status, results } = await replicator('compare', source.address, target.address)
      t.equal(status, 1)
      t.strictSame(idsOf(results, 'missing'), ids)
      t.strictSame(idsOf(results, 'no_data'), [QUEUED, DEACTIVATED])
      t.strictSame((await target.call('GET', 'images')).document['images'], [])
    })

    await t.test('livecopy brings every image, byte for byte, with all its metadata', async t => {
      const { status, results } = await replicator('livecopy', source.address, target.address)
      t.equal(status, 0)
      t.strictSame(idsOf(results, 'created').toSorted(), ids)
      await same(t, source, target, images)
      await noImage(t, target, QUEUED, DEACTIVATED)
    })

    await t.test('after it, compare finds no difference and a second one does nothing', async t => {
      const compared = await replicator('compare', source.address, target.address)
      t.match(compared, { status: 0, results: { totals: { missing: 0, differs: 0 } } })
      const updated = await Promise.all(ids.map(async id => (await target.image(id))['updated_at']))
      const again = await replicator('livecopy', source.address, target.address)
      t.match(again, { status: 0, results: { totals: { created: 0, updated: 0, failed: 0 } } })
      t.strictSame(
        await Promise.all(ids.map(async id => (await target.image(id))['updated_at'])),
        updated,
      )
    })

    await t.test('metadata that changed is found field by field, and brought', async t => {
      const [first = '', second = '', hidden = ''] = ids
      await source.change(first, { name: 'iPXE, réédité', tags: ['rom', 'new'], added: 'value' })
      await source.change(second, { visibility: 'private', min_ram: 128 })
      await source.change(hidden, { os_hidden: false })
      await target.change(first, { stray: 'only here' })
      const compared = await replicator('compare', source.address, target.address)
      t.equal(compared.status, 1)
      const fields = compared.results.images
        .filter(({ result }) => result === 'differs')
        .map(({ id, differences = [] }) => [id, differences.map(({ field }) => field).toSorted()])
      t.strictSame(fields, [
        [first, ['added', 'name', 'stray', 'tags']],
        [second, ['min_ram', 'visibility']],
        [hidden, ['os_hidden']],
      ])
      const { status, results } = await replicator('livecopy', source.address, target.address)
      t.match({ status, totals: results.totals }, { status: 0, totals: { updated: 3, created: 0 } })
      await same(t, source, target, images)
      t.equal((await replicator('compare', source.address, target.address)).status, 0)
    })

    await t.test('size is the same on both sides', async t => {
      const there = await replicator('size', source.address)
      const here = await replicator('size', target.address)
      t.match([there.status, here.status], [0, 0])
      t.strictSame(here.results.totals, there.results.totals)
      t.equal(here.results.totals['images'], images.length)
    })

    await t.test('a dump loaded into another service makes it the same again', async t => {
      const dump = join(folder, 'dump')
      await mkdir(dump)
      const dumped = await replicator('dump', source.address, dump)
      t.equal(dumped.status, 0)
      const loaded = await replicator('load', third.address, dump)
      t.equal(loaded.status, 0)
      await same(t, source, third, images)
      t.equal((await replicator('compare', source.address, third.address)).status, 0)
    })
  })
}

/** What every cloud has as well: a record that got no data, and an image that is out of use. */
async function registerWithoutUse(service: Service, [image]: readonly RealImage[]): Promise<void> {
  await service.create({ id: QUEUED, name: 'never uploaded' })
  await service.create({ ...image?.fields, id: DEACTIVATED })
  await service.upload(DEACTIVATED, image?.file ?? '')
  await service.expect(204, 'POST', `images/${DEACTIVATED}/actions/deactivate`)
}

/** What `there` serves is what was uploaded `here`: as `cmp` and `qemu-img check` see it, and in every field. */
async function same(
  t: Test,
  here: Service,
  there: Service,
  images: readonly RealImage[],
): Promise<void> {
  const folder = t.testdir()
  for (const { id, file, fields } of images) {
    t.strictSame(
      await there.replicable(id),
      await here.replicable(id),
      `metadata of ${basename(file)}`,
    )
    if ((await there.image(id))['size'] === 0) continue
    const served = join(folder, id)
    await there.download(id, served)
    const compared = await runCommand('cmp', [served, file])
    t.equal(compared.status, 0, `data of ${basename(file)}`)
    if (fields['disk_format'] === 'qcow2') {
      const checked = await runCommand('qemu-img', ['check', '-f', 'qcow2', served])
      t.equal(checked.status, 0, 'qemu-img check')
    }
  }
}

async function noImage(t: Test, service: Service, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) t.equal((await service.call('GET', `images/${id}`)).status, 404)
}
