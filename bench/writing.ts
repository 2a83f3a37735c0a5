import { type Benchmark, scaled } from './context.ts'
import { places } from './databases.ts'
import { race } from './measure.ts'

/** What it takes to write ten times as many images, each with 5 properties: time, and no more memory. */
export const writing: Benchmark = {
  summary: 'ten times as many images into a database',
  expectedSeconds: 120,
  async *run(context) {
    for await (const place of places()) {
      await using made = place
      let url = ''
      const prepare = async () => {
        url = await made.create()
        process.env['BENCH_CONNECTION'] = url
      }
      const contestants = [10_000, 100_000]
        .map(count => scaled(context, count))
        .map(count => ({
          name: `${count} images`,
          amount: count,
          series: made.engine,
          prepare,
          command: `${process.execPath} dist/bench/write-images.js ${count}`,
        }))
      const title = `writing images into ${made.engine}`
      const about = { bench: 'writing', name: made.engine, title, unit: 'images' }
      yield await race(about, contestants, { ...context, rounds: 1 })
    }
  },
}
