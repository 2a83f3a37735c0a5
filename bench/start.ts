import { type Figures, race } from './measure.ts'

/** How long the help text takes, next to Node alone. */
export async function start(): Promise<Figures[]> {
  return await race(
    [
      { name: 'node, nothing', command: 'node -e 0' },
      { name: '--help', command: 'node dist/bin/glance-replicator.js --help' },
      { name: '--version', command: 'node dist/bin/glance-replicator.js --version' },
    ],
    11,
  )
}
