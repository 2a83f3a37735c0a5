import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { messageOf } from '../../errors.ts'
import { boundedLines } from '../../stream/lines.ts'
import type { Clock } from '../clock.ts'
import { printable } from '../format.ts'
import type { Log } from '../log.ts'
import type { UnattendedOptions } from './options.ts'
import { durationOf, hasChanges, resultOf, type RunEnd, summaryDocument } from './run-record.ts'

/** What hooks are run in. */
export interface HookSurroundings {
  readonly environment: Readonly<NodeJS.ProcessEnv>
  readonly clock: Clock
  readonly log: Log
}

/** Milliseconds between the request to end and the end. */
const KILL_MS = 5000
/** Milliseconds that what it left running may go on to print what is waited for. */
const PRINT_MS = 1000
/** Bytes of a line that are logged. */
const LONGEST_LINE = 4096

/**
 * Runs the commands that are asked for after such an end, one after the other. Resolves to whether all of them did
 * what they should; one that did not is a warning.
 */
export async function runHooks(
  { onChange, onSuccess, onFailure, hookTimeout = 0 }: UnattendedOptions,
  end: RunEnd,
  surroundings: HookSurroundings,
): Promise<boolean> {
  const result = resultOf(end)
  let fine = true
  for (const [option, command, isDue] of [
    ['--on-change', onChange, hasChanges(end)],
    ['--on-success', onSuccess, result === 'success'],
    ['--on-failure', onFailure, result === 'failure'],
  ] as const) {
    if (command === undefined || !isDue) continue
    const fault = await runHook(option, command, hookTimeout, end, surroundings)
    if (fault === undefined) continue
    surroundings.log.warning(`${option}: ${fault}`)
    fine = false
  }
  return fine
}

/** Resolves to what went wrong. What the command prints goes to the log. */
async function runHook(
  option: string,
  command: string,
  timeoutMs: number,
  end: RunEnd,
  { environment, clock, log }: HookSurroundings,
): Promise<string | undefined> {
  // In a group of its own it can be ended with all that it started, and Ctrl-C is not meant for it.
  const child = spawn('sh', ['-c', command], {
    env: { ...environment, ...variablesOf(end) },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  const tell = async (stream: Readable) => {
    try {
      for await (const { text, isWhole } of boundedLines(stream, LONGEST_LINE))
        log.notice(`${option}: ${printable(text)}${isWhole ? '' : '…'}`)
    } catch {} // It was closed, since nobody waits for it any more.
  }
  const told = Promise.all([tell(child.stdout), tell(child.stderr)])
  child.stdin.on('error', () => {}) // It need not read.
  child.stdin.end(`${JSON.stringify(summaryDocument(end))}\n`)
  const send = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal)
    } catch {} // All of it has ended.
  }
  let late = false
  const timers = [
    clock.after(timeoutMs, () => {
      late = true
      send('SIGTERM')
    }),
    clock.after(timeoutMs + KILL_MS, () => send('SIGKILL')),
  ]
  // Who insists on the end of the program leaves nothing of it behind.
  const onExit = () => send('SIGKILL')
  process.once('exit', onExit)
  try {
    await once(child, 'exit')
    // What left the group, as a daemon does, may hold the pipes for ever.
    timers.push(clock.after(PRINT_MS, () => close(child)))
    await told
  } catch (error) {
    return `sh: ${messageOf(error)}`
  } finally {
    process.off('exit', onExit)
    for (const timer of timers) timer[Symbol.dispose]()
    close(child)
  }
  if (late) return `ended after ${timeoutMs / 1000} seconds, see --hook-timeout`
  if (child.signalCode !== null) return `ended by ${child.signalCode}`
  return child.exitCode === 0 ? undefined : `exit status ${child.exitCode}`
}

function close({ stdin, stdout, stderr }: ChildProcessWithoutNullStreams): void {
  for (const stream of [stdin, stdout, stderr]) stream.destroy()
}

function variablesOf(end: RunEnd): Readonly<Record<string, string>> {
  const { name, exitStatus, results } = end
  const countOf = (result: string) => results.get(result)?.images ?? 0
  const count = (result: string) => String(countOf(result))
  const variables = {
    command: name.command,
    job: name.job ?? '',
    ...name.ends,
    result: resultOf(end),
    exit_status: String(exitStatus),
    duration: String(durationOf(end)),
    created: count('created'),
    updated: count('updated'),
    removed: String(countOf('hidden') + countOf('deactivated') + countOf('deleted')),
    failed: count('failed'),
    bytes: String(results.get('created')?.bytes ?? 0),
  }
  return Object.fromEntries(
    Object.entries(variables).map(([key, value]) => [
      `GLANCE_REPLICATOR_${key.toUpperCase()}`,
      value,
    ]),
  )
}
