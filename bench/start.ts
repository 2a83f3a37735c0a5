import type { Benchmark } from './context.ts'
import { race } from './measure.ts'
import { OURS } from './ours.ts'

/** How long the help text takes, next to Node alone. */
export const start: Benchmark = {
  summary: 'the help text, next to Node that does nothing',
  expectedSeconds: 10,
  async *run(context) {
    yield await race(
      { bench: 'start', name: 'start', title: 'starting', unit: 'starts' },
      [
        { name: 'node, nothing', isPeer: true, amount: 1, command: `${process.execPath} -e 0` },
        { name: '--help', amount: 1, command: `${OURS} --help` },
        { name: '--version', amount: 1, command: `${OURS} --version` },
      ],
      context,
    )
  },
}
