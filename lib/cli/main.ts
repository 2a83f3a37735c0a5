import type { Writable } from 'node:stream'
import { WriteStream } from 'node:tty'
import { messageOf } from '../errors.ts'
import type { AnyCommand, CommandContext } from './command.ts'
import { errorRow } from './differences.ts'
import { EXIT_STATUS, exitStatusOf, type ExitStatus } from './exit-status.ts'
import { printable } from './format.ts'
import type { IdentitySurroundings } from './identity.ts'
import { CommandLog } from './log.ts'
import { apiFor, type ApiOptions, type CommonOptions, type EndpointOptions } from './options.ts'
import { type PaceOptions, requestRate } from './transfer-options.ts'
import { humanOutput, jsonLines, jsonOutput } from './output.ts'
import { parse, PROGRAM } from './parse.ts'
import { lines, openBar, type Progress } from './progress.ts'

/** Where Linux has its syslog listen. */
const SYSLOG_SOCKET = '/dev/log'

/** What the program is run in. */
export interface Surroundings {
  readonly stdout: Writable
  readonly stderr: Writable
  readonly environment: Readonly<NodeJS.ProcessEnv>
  /** Stops the command; its reason is a `Stopped`. */
  readonly signal: AbortSignal
  readonly version: string
}

/** Runs the program with these arguments and resolves to its exit status. Never rejects. */
export async function main(
  argv: readonly string[],
  surroundings: Surroundings,
): Promise<ExitStatus> {
  const { stdout, stderr } = surroundings
  try {
    const asked = await parse(argv, surroundings.version)
    if (asked.type === 'command') return await execute(asked.command, asked.options, surroundings)
    stdout.write(`${asked.text}\n`)
    return EXIT_STATUS.done
  } catch (error) {
    stderr.write(`${describe(error)}\n`)
    return exitStatusOf(error)
  }
}

async function execute(
  command: AnyCommand,
  options: CommonOptions,
  { stdout, stderr, environment, signal }: Surroundings,
): Promise<ExitStatus> {
  const terminal = stderr instanceof WriteStream && stderr.isTTY && command.serves !== true
  using progress: Progress = terminal
    ? await openBar(stderr, () => performance.now())
    : lines(text => stderr.write(text))
  await using log = await CommandLog.open({
    level: options.debug ? 'debug' : options.verbose ? 'info' : 'notice',
    file: options.logFile,
    syslog: options.syslog ? SYSLOG_SOCKET : undefined,
    show: (line, severity) => {
      if (severity !== 'notice' || !progress.shown) progress.interrupt(line)
    },
    clock: () => new Date(),
  })
  const json = command.serves === true ? jsonLines(stdout) : jsonOutput(stdout, command.rows)
  const output = options.json ? json : humanOutput(command, options, stdout)
  const open = opener(options, { environment, folder: process.cwd(), log, signal })
  try {
    const rows = command.run(options, { open, log, progress, signal })
    for (;;) {
      const { done, value } = await rows.next()
      if (done === true) {
        progress[Symbol.dispose]()
        await output.end(value)
        const stopped = signal.aborted && command.serves !== true
        return stopped ? exitStatusOf(signal.reason) : command.exitStatus(value)
      }
      await output.row(value)
    }
  } catch (error) {
    if (options.json && command.serves !== true) {
      await output.end({ error: errorRow(error) }).catch(() => {}) // Then that is what is told.
    }
    log.error(describe(error))
    if (error instanceof Error && error.cause !== undefined)
      log.debug(`because: ${messageOf(error.cause)}`)
    return exitStatusOf(error)
  }
}

/** Opens endpoints with the credentials and the limits that the user gave. */
function opener(
  options: CommonOptions,
  surroundings: IdentitySurroundings,
): CommandContext['open'] {
  return async (address, side, { writable = false } = {}) => {
    const [{ openEndpoint }, { identify }, { fixedToken }, { RateLimit }] = await Promise.all([
      import('../endpoint/open.ts'),
      import('./identity.ts'),
      import('../keystone/token-source.ts'),
      import('../stream/limit-rate.ts'),
    ])
    const given = options as EndpointOptions & ApiOptions & PaceOptions // Commands that open endpoints have these.
    const rate = requestRate(given)
    const identified = address.startsWith('dir:')
      ? { address, tokens: fixedToken(null) }
      : await identify(address, side, given, surroundings)
    return await openEndpoint(identified.address, {
      ...identified,
      writable,
      timeoutMs: given.timeout * 1000,
      stallMs: (given.stallTimeout ?? given.timeout) * 1000,
      attempts: given.attempts,
      requests: rate === null ? undefined : new RateLimit(() => rate),
      chunkSize: given.chunksize,
      api: apiFor(side, given),
      signal: surroundings.signal,
    })
  }
}

/** One line; of what is not expected, and so a fault of ours, all that helps to find it. */
function describe(error: unknown): string {
  const fault = exitStatusOf(error) === EXIT_STATUS.fault && error instanceof Error
  return `${PROGRAM}: ${fault ? error.stack : printable(messageOf(error))}`
}
