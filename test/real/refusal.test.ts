import t from 'tap'
import { idOf } from '../support/images.ts'
import { Glance } from './support/glance.ts'
import { fill, realImages } from './support/images.ts'
import { replicator } from './support/replicator.ts'

t.test("what Glance's own policy keeps for administrators", async t => {
  const images = (await realImages(t.testdir())).slice(0, 1)
  await using source = await Glance.start()
  await using target = await Glance.start({ policy: {} })
  await fill(source, images)
  await source.change(idOf(1), { owner: 'a5e7e0f2c3d14b6f8a9b0c1d2e3f4a5b' })
  t.equal((await target.call('GET', 'tasks')).status, 403)

  await t.test('public visibility is refused and reported, the rest is carried', async t => {
    const { status, results } = await replicator('livecopy', source.address, target.address)
    t.equal(status, 1)
    t.match(results.images, [{ id: idOf(1), result: 'created', error: null }])
    t.strictSame(
      results.images[0]?.refused?.map(({ field }) => field),
      ['visibility'],
    )
    t.strictSame(await target.replicable(idOf(1)), {
      ...(await source.replicable(idOf(1))),
      visibility: 'private',
      owner: null,
    })
  })

  await t.test('the owner is not carried and no difference, the visibility is one', async t => {
    const { status, results } = await replicator('compare', source.address, target.address)
    t.equal(status, 1)
    const [image] = results.images
    t.strictSame(
      image?.differences?.map(({ field }) => field),
      ['visibility'],
    )
    t.match(
      results.not_carried?.find(({ field }) => field === 'owner'),
      { reason: /administrator/ },
    )
  })

  await t.test('nothing differs when visibility is left out', async t => {
    const words = ['-D', 'visibility', source.address, target.address]
    t.equal((await replicator('compare', ...words)).status, 0)
    t.match(await replicator('livecopy', ...words), { status: 0, results: { totals: { same: 1 } } })
  })
})
