import test from 'node:test'
import { storeSuite } from 'glance-replicator/compliance'
import { openStore } from './shelf.ts'

storeSuite(test, {
  create: async t => ({
    store: await openStore({ id: 'shelf', options: { shelf_folder: t.testdir() } }, {}),
  }),
  skip: {
    'recovery removes what a crash left of a write': 'nobody cuts off a write here',
    'a store that is full says so and keeps what it has': 'it asks the disk, which has no end here',
  },
})
