/**
 * The main job, as a person would do it by hand: two clouds on this machine, images in the first, and the commands
 * that bring them to the second, to a disk, and to a third. Leaves nothing behind.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const PROGRAM = ['dist/bin/glance-replicator.js']
const folder = mkdtempSync(join(tmpdir(), 'glance-replicator-demo-'))
const stop = new AbortController()
const children = []
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  process.on(signal, () => {
    process.exitCode = status
    stop.abort(new Error(`stopped by ${signal}`))
  })
}

function type(...words) {
  console.log(`\n$ ${words.map(word => (/\s/.test(word) ? `'${word}'` : word)).join(' ')}`)
}

/** Starts the program, unless we are to stop. What runs when we end is stopped then. */
function start(words, stdio) {
  stop.signal.throwIfAborted()
  const child = spawn(process.execPath, [...PROGRAM, ...words], { stdio })
  children.push(child)
  return child
}

/** Rejects when it happens after we are to stop, or not before. */
async function event(emitter, name) {
  const happened = await once(emitter, name, { signal: stop.signal }).catch(error => {
    throw stop.signal.reason ?? error
  })
  stop.signal.throwIfAborted()
  return happened
}

/** Starts a service with the embedded defaults on a free port, and resolves to its host:port. */
async function serve(name) {
  const words = ['serve', '--port', '0', '--data-dir', join(folder, name)]
  type('glance-replicator', ...words, '&')
  const server = start(words, ['ignore', 'pipe', 'inherit'])
  const [line] = await Promise.race([
    event(createInterface(server.stdout), 'line'),
    event(server, 'exit').then(() =>
      Promise.reject(new Error(`the service '${name}' did not start`)),
    ),
  ])
  console.log(line)
  return new URL(line.split(' ').at(-1)).host
}

/** Runs a command as typed, and checks its exit status. */
async function run(expected, ...words) {
  type('glance-replicator', ...words)
  const [status] = await event(start(words, 'inherit'), 'exit')
  console.log(`(exit status ${status})`)
  if (status !== expected) throw new Error(`expected exit status ${expected}`)
}

try {
  const one = await serve('one')
  const two = await serve('two')
  await run(0, 'load', one, 'fixtures/images')
  await run(1, 'compare', one, two)
  await run(0, 'livecopy', one, two)
  await run(0, 'compare', one, two)
  await run(0, 'size', two)

  const dump = join(folder, 'dump')
  type('mkdir', dump)
  mkdirSync(dump)
  await run(0, 'dump', two, dump)
  const three = await serve('three')
  await run(0, 'load', three, dump)
  await run(0, 'compare', one, three)
  console.log('\nAll images of the first cloud are in the second, in the dump and in the third.')
} catch (error) {
  console.error(`demo: ${error.message}`)
  process.exitCode ??= 1
} finally {
  for (const child of children) {
    child.kill('SIGTERM')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  rmSync(folder, { recursive: true, force: true })
}
