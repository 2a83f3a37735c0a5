import type { Test } from '../test.ts'
import { IMPORTING_PROPERTY } from '../../database/usage.ts'
import { at, id, insertAll, type Open, record } from './records.ts'

const NOTHING = { storedBytes: 0, stagedBytes: 0, images: 0, uploading: 0 }

export function usageCases(t: Test, open: Open): void {
  const at1 = { url: 'file:///one', metadata: {} }
  const at2 = { url: 'file:///two', metadata: {} }
  const onItsWay = (stores: string) => new Map([[IMPORTING_PROPERTY, stores]])

  t.test('is nothing where there is nothing', async t => {
    const database = await open(t)
    t.strictSame(await database.images.usage('a'), NOTHING)
    t.strictSame(await database.images.usage(null), NOTHING)
  })

  t.test('is that of one project, or of none', async t => {
    const database = await open(t)
    await insertAll(database, [
      record(1, { owner: 'a', status: 'active', size: 5, locations: [at1] }),
      record(2, { owner: 'b', status: 'active', size: 7, locations: [at1] }),
      record(3, { owner: null, status: 'active', size: 11, locations: [at1] }),
    ])
    t.strictSame(await database.images.usage('a'), { ...NOTHING, storedBytes: 5, images: 1 })
    t.strictSame(await database.images.usage('A'), NOTHING)
    t.strictSame(await database.images.usage(null), { ...NOTHING, storedBytes: 11, images: 1 })
  })

  t.test('counts data once for each place where it is', async t => {
    const database = await open(t)
    const large = 2 ** 40
    await insertAll(database, [
      record(1, { owner: 'a', status: 'active', size: large, locations: [at1, at2] }),
      record(2, { owner: 'a', status: 'deactivated', size: 3, locations: [at1] }),
      record(3, { owner: 'a', status: 'active', size: 100, locations: [] }),
      record(4, { owner: 'a', status: 'queued', size: null }),
    ])
    const { storedBytes, images } = await database.images.usage('a')
    t.equal(storedBytes, 2 * large + 3)
    t.equal(images, 4)
  })

  t.test('leaves out an image, when told to', async t => {
    const database = await open(t)
    await insertAll(database, [
      record(1, { owner: 'a', status: 'active', size: 5, locations: [at1] }),
      record(2, { owner: 'a', status: 'active', size: 7, locations: [at1] }),
    ])
    t.match(await database.images.usage('a', { except: id(1) }), { storedBytes: 7, images: 1 })
    t.match(await database.images.usage('a', { except: id(3) }), { storedBytes: 12, images: 2 })
  })

  t.test('tells data that waits or is on its way', async t => {
    const database = await open(t)
    await insertAll(database, [
      record(1, { owner: 'a', status: 'saving', size: 1 }),
      record(2, { owner: 'a', status: 'uploading', size: 10 }),
      record(3, { owner: 'a', status: 'importing', size: 100 }),
      record(4, { owner: 'a', status: 'active', size: 1000, properties: onItsWay('two') }),
      record(5, { owner: 'a', status: 'active', size: 10_000, properties: onItsWay('') }),
      record(6, { owner: 'a', status: 'importing', size: 100_000, properties: onItsWay('x') }),
    ])
    t.strictSame(await database.images.usage('a'), {
      storedBytes: 0,
      stagedBytes: 101_110,
      images: 6,
      uploading: 5,
    })
  })

  t.test('is over when an image is deleted or killed', async t => {
    const database = await open(t)
    const size = { owner: 'a', size: 5, locations: [at1] }
    await insertAll(database, [
      record(1, { ...size, status: 'active' }),
      record(2, { ...size, status: 'killed' }),
    ])
    await database.images.update(id(1), { status: 'deleted', updatedAt: at(9) }, ['active'])
    t.strictSame(await database.images.usage('a'), NOTHING)
  })

  t.test('in a transaction is as it is there', async t => {
    const database = await open(t)
    await database.transaction(async tx => {
      await tx.images.insert(record(1, { owner: 'a' }))
      t.match(await tx.images.usage('a'), { images: 1 })
    })
  })
}
