import t from 'tap'
import { fillPool, leftOutByHints } from '../support/filters.ts'
import { idOf } from '../support/images.ts'
import { Glance } from './support/glance.ts'
import { idsOf, replicator } from './support/replicator.ts'

t.test("filters, with Debian's Glance asked for what it can filter", async t => {
  await using source = await Glance.start()
  await using target = await Glance.start()
  await fillPool(source.url)

  await t.test('it leaves nothing out that a filter matches', async t => {
    t.ok((await leftOutByHints(source.url, 2)) > 0)
  })

  await t.test('livecopy brings what is chosen, and then it is the same', async t => {
    const words = ['--filter', 'name=debian or tag=lts and hidden', '--exclude', 'size=0']
    const ends = [source.address, target.address]
    const copied = await replicator('livecopy', ...words, '--set', 'origin=one', ...ends)
    t.equal(copied.status, 0)
    t.strictSame(idsOf(copied.results, 'created'), [idOf(2)])
    t.match(await target.image(idOf(2)), { origin: 'one', os_distro: 'debian' })
    const compared = await replicator('compare', ...words, '--set', 'origin=one', ...ends)
    t.match(compared, { status: 0, results: { totals: { same: 1 } } })
  })
})
