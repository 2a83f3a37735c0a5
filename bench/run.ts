import { dump, load } from './files.ts'
import { livecopy } from './livecopy.ts'
import { table } from './measure.ts'
import { paging } from './paging.ts'
import { start } from './start.ts'
import { writing } from './writing.ts'

/** `npm run bench [NAME…]`: figures are ratios to the first contestant of each table, taken in one run. */
const BENCHMARKS: Readonly<Record<string, () => Promise<string>>> = {
  start: async () => table(await start()),
  livecopy: async () => table(await livecopy()),
  dump: async () => table(await dump()),
  load: async () => table(await load()),
  paging,
  writing,
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(BENCHMARKS)
for (const name of names) {
  const benchmark = BENCHMARKS[name]
  if (benchmark === undefined) {
    console.error(`no benchmark '${name}'; there are: ${Object.keys(BENCHMARKS).join(', ')}`)
    process.exitCode = 2
  } else {
    console.log(`${name}\n${await benchmark()}\n`)
  }
}
