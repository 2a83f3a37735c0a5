import t from 'tap'
import { join } from 'node:path'
import { filesIn } from '../support/files.ts'
import { storeKilledSuite } from '../support/store-killed-suite.ts'

const MIB = 1024 * 1024

storeKilledSuite(
  t,
  'the file store',
  async parent => {
    const folder = join(parent, 'images')
    return {
      type: 'file',
      settings: [`filesystem_store_datadir = ${folder}`],
      segment: MIB,
      contents: async () => filesIn(folder),
    }
  },
  2,
)
