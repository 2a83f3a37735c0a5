import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** Seen from `dist/test/support`. */
const PROGRAM = fileURLToPath(new URL('../../bin/glance-replicator.js', import.meta.url))
/** What its first line tells Node, besides the name of the program. */
const NODE_OPTIONS = (/^#!.* node (.*)$/m.exec(readFileSync(PROGRAM, 'utf8'))?.[1] ?? '').split(' ')

export interface CommandOptions {
  /** On top of ours without the variables of OpenStack's clients; undefined takes a variable out. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Where it runs. Default: where we do. */
  readonly folder?: string
}

/** How a command ended, and what it said. */
export interface Outcome {
  /** Null when a signal ended it. */
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A command under way. Disposal kills it. */
export interface RunningCommand extends AsyncDisposable {
  readonly pid: number
  /** Rejects only when it could not be started. */
  readonly outcome: Promise<Outcome>
  kill(signal: NodeJS.Signals): void
  /** The first line of its standard output. Rejects, with all that it said, when it ends before. */
  firstLine(): Promise<string>
}

/** Runs the built program to its end. */
export async function runProgram(
  words: readonly string[],
  options: CommandOptions = {},
): Promise<Outcome> {
  const [command = '', ...rest] = programWords(words)
  return await runCommand(command, rest, options)
}

/** The built program with these words, as a shell would run it. */
export function programWords(words: readonly string[]): readonly string[] {
  return [process.execPath, ...NODE_OPTIONS, PROGRAM, ...words]
}

/** Starts the built program. */
export async function startProgram(
  words: readonly string[],
  options: CommandOptions = {},
): Promise<RunningCommand> {
  const [command = '', ...rest] = programWords(words)
  return await startCommand(command, rest, options)
}

/** Runs any program to its end. */
export async function runCommand(
  command: string,
  words: readonly string[],
  options: CommandOptions = {},
): Promise<Outcome> {
  const running = await startCommand(command, words, options)
  return await running.outcome
}

/** Starts any program, without what the test runner loads into Node. Its status is 127 when there is none of that name. */
export async function startCommand(
  command: string,
  words: readonly string[],
  { environment = {}, folder }: CommandOptions = {},
): Promise<RunningCommand> {
  // The runner has its way into every program that we start, and makes it as slow again; `env` takes that out, and
  // becomes the program.
  const child = spawn('/usr/bin/env', ['-u', 'NODE_OPTIONS', command, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...cleanEnvironment(), ...environment },
    cwd: folder,
  })
  const ended = once(child, 'close')
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (texts[name] += text))
  }
  const lines = once(createInterface(child.stdout), 'line', { signal: endOf(child) })
  lines.catch(() => {}) // Not everybody asks for it.
  await once(child, 'spawn')
  const outcome = ended.then(() => ({
    status: child.exitCode,
    signal: child.signalCode,
    ...texts,
  }))
  return {
    pid: child.pid ?? 0, // It has been spawned.
    outcome,
    kill: signal => void child.kill(signal),
    firstLine: async () => {
      try {
        const [text] = (await lines) as [string] // Lines are text.
        return text
      } catch (cause) {
        const { status, stderr } = await outcome
        throw new Error(`${command} ended (${status}) without a line:\n${stderr}`, { cause })
      }
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await outcome
    },
  }
}

function endOf(child: ChildProcess): AbortSignal {
  const controller = new AbortController()
  child.once('close', () => controller.abort())
  return controller.signal
}

/** Ours, free of the credentials and clouds of whoever runs the tests. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('OS_')))
}
