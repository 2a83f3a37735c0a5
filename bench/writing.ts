import { places } from './databases.ts'
import { race, table } from './measure.ts'

/** What it takes to write ten times as many images, each with 5 properties: time, and no more memory. */
export async function writing(): Promise<string> {
  const tables: string[] = []
  for await (const place of places()) {
    await using made = place
    let url = ''
    const prepare = async () => {
      url = await made.create()
      process.env['BENCH_CONNECTION'] = url
    }
    const contestants = [10_000, 100_000].map(count => ({
      name: `${made.engine}, ${count} images`,
      command: `node dist/bench/write-images.js ${count}`,
      prepare,
    }))
    tables.push(table(await race(contestants, 1)))
  }
  return tables.join('\n\n')
}
