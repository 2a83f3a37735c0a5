#!/usr/bin/env -S node --max-semi-space-size=2
// Image data is made of buffers that live for a moment: a small nursery, in MiB, gives them back sooner, and a copy peaks
// at three quarters of the memory.
import { readFileSync } from 'node:fs'
import { OutputFailed, Stopped } from '../lib/cli/exit-status.ts'
import { main } from '../lib/cli/main.ts'

const controller = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    const stopped = new Stopped(name)
    // Who insists is obeyed at once; what is half-made is then left to the next run.
    if (controller.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143)
    controller.abort(stopped)
  })
}
// A file that may not grow further is a failed write of one image, not the end of the program.
process.on('SIGXFSZ', () => {})
// Nobody reads on, as in `glance-replicator compare … | head`: what is under way is undone first.
process.stdout.on('error', error => controller.abort(new OutputFailed(error)))
process.stderr.on('error', () => {}) // Then nothing more is told.

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string } // Our own file.

let archived = false
process.exitCode = await main(process.argv.slice(2), {
  streams: {
    input: () => process.stdin,
    output: () => {
      archived = true
      return process.stdout
    },
  },
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  signal: controller.signal,
  version,
})
// Who was stopped does not wait for the reader of an archive that is of no use any more, and may never read on.
if (archived && controller.signal.aborted) process.exit()
