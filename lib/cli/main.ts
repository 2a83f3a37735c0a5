import type { Writable } from 'node:stream'
import { WriteStream } from 'node:tty'
import type { StandardStreams } from '../endpoint/archive.ts'
import { messageOf } from '../errors.ts'
import { type Clock, SYSTEM_CLOCK } from './clock.ts'
import { checkCommand } from './check-command.ts'
import type { AnyCommand, CommandContext, Program } from './command.ts'
import { confirm } from './confirm.ts'
import { errorRow } from './differences.ts'
import { EXIT_STATUS, exitStatusOf, type ExitStatus, OutputFailed } from './exit-status.ts'
import { printable } from './format.ts'
import { type DumpOptions, isDump, rangesOf } from './dumps.ts'
import type { Identified, IdentitySurroundings } from './identity.ts'
import { lineStream } from './line-stream.ts'
import { CommandLog, lineIn, type Log } from './log.ts'
import type { LogFields, Severity } from './log-sink.ts'
import { apiFor, type ApiOptions, type CommonOptions, type EndpointOptions } from './options.ts'
import { humanOutput, jsonLines, jsonOutput, type Output } from './output.ts'
import { parse, PROGRAM } from './parse.ts'
import { lines, openBar, type Progress } from './progress.ts'
import type { Side } from './tokens.ts'
import { type PaceOptions, requestRate } from './transfer-options.ts'
import { requireNames, Unattended } from './unattended/unattended.ts'

/** Where Linux has its syslog listen. */
const SYSLOG_SOCKET = '/dev/log'

/** What the program is run in. */
export interface Surroundings {
  /** Where archives come from and go to, asked for only then. */
  readonly streams: StandardStreams
  readonly stdout: Writable
  readonly stderr: Writable
  readonly environment: Readonly<NodeJS.ProcessEnv>
  /** Stops the command; its reason is a `Stopped`. */
  readonly signal: AbortSignal
  readonly version: string
  /** Default: that of the system. */
  readonly clock?: Clock
  /** The job that the command is of. */
  readonly job?: string
  /** Told what happens, instead of standard error. */
  readonly show?: (message: string, severity: Severity) => void
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
    if (asked.type === 'shorthand') {
      const { words, job } = await asked.shorthand.expand(asked.options, {
        place: placeOf(surroundings),
        check: checkFor(surroundings),
      })
      return await main(words, { ...surroundings, job })
    }
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
  surroundings: Surroundings,
): Promise<ExitStatus> {
  const { streams, stdout, stderr, environment, signal, clock = SYSTEM_CLOCK, job } = surroundings
  const taken = command.takesOutput?.(options) === true
  const serves = command.serves?.(options) === true
  // Where results share standard error with what is told, a document for programs has it for itself.
  const bare = taken && options.json
  const terminal = stderr instanceof WriteStream && stderr.isTTY && !serves && !bare
  using progress: Progress = terminal
    ? await openBar(stderr, () => performance.now())
    : lines(text => stderr.write(text))
  const now = () => clock.now()
  const line = lineIn(options.logFormat, now)
  const show = (message: string, severity: Severity, fields?: LogFields) => {
    if (bare || (severity === 'notice' && progress.shown)) return
    progress.interrupt(options.logFormat === 'json' ? line(severity, message, fields) : message)
  }
  await using log = await CommandLog.open({
    level: options.debug ? 'debug' : options.verbose ? 'info' : 'notice',
    file: options.logFile,
    syslog: options.syslog ? SYSLOG_SOCKET : undefined,
    format: options.logFormat,
    show: surroundings.show ?? show,
    clock: now,
  })
  const told = options.logFormat === 'json' ? lineStream(text => show(text, 'notice')) : stderr
  const results = taken ? (options.json ? stderr : told) : stdout
  const json = serves ? jsonLines(results) : jsonOutput(results, command.rows)
  const output = options.json ? json : humanOutput(command, options, results)
  async function failed(reason: unknown): Promise<Ending> {
    if (options.json && !serves) {
      await output.end({ error: errorRow(reason) }).catch(() => {}) // Then that is what is told.
    }
    log.error(describe(reason))
    if (reason instanceof Error && reason.cause !== undefined)
      log.debug(`because: ${messageOf(reason.cause)}`)
    return { summary: { error: errorRow(reason) }, status: exitStatusOf(reason) }
  }
  try {
    const around = { job, environment, clock, log }
    await using run = await Unattended.begin(command, options, around)
    const within = AbortSignal.any([signal, run.over])
    const ends = opener(options, streams, { ...placeOf(surroundings), log, signal: within })
    const program = programFor(surroundings, clock, log)
    const ask = (question: string) =>
      confirm(question, { input: streams.input(), output: stderr }, within)
    const context = {
      ...ends,
      streams,
      log,
      confirm: ask,
      progress,
      signal: within,
      closing: run.closing,
      program,
    }
    const ending = async () => {
      try {
        return await carryOut(command, options, context, output, run, signal)
      } catch (error) {
        return await failed(error)
      }
    }
    const { summary, status } = await ending()
    return await run.end(summary, status)
  } catch (error) {
    return (await failed(error)).status
  }
}

/** How a command ended, and with what. */
interface Ending {
  readonly summary: object
  readonly status: ExitStatus
}

/** Runs a command and prints what it comes to; `stop` is what stops it from outside. */
async function carryOut(
  command: AnyCommand,
  options: CommonOptions,
  context: CommandContext,
  output: Output<object, object>,
  run: Unattended,
  stop: AbortSignal,
): Promise<Ending> {
  const rows = command.run(options, context)
  for (;;) {
    const { done, value } = await rows.next()
    if (done === true) {
      context.progress[Symbol.dispose]()
      await output.end(value)
      const stopped = stop.aborted && command.serves?.(options) !== true
      // Of an archive that broke off nobody else says why.
      if (stop.reason instanceof OutputFailed && command.takesOutput?.(options) === true)
        context.log.error(describe(stop.reason))
      return {
        summary: value,
        status: stopped ? exitStatusOf(stop.reason) : command.exitStatus(value),
      }
    }
    run.row(value)
    try {
      await output.row(value)
    } catch (error) {
      await rows.return(undefined as never) // What it has open is closed; what it adds up to is nobody's.
      throw error
    }
  }
}

function placeOf({ environment }: Surroundings): Program['place'] {
  return { environment, folder: process.cwd() }
}

function checkFor({ version }: Surroundings): Program['check'] {
  return async words => {
    const asked = await parse(words, version)
    if (asked.type !== 'command') return
    const { command, options } = asked
    requireNames(options)
    await checkCommand(command, options)
  }
}

function programFor(surroundings: Surroundings, clock: Clock, log: Log): Program {
  return {
    clock,
    place: placeOf(surroundings),
    check: checkFor(surroundings),
    run: async (words, job) => {
      const show = (line: string, severity: Severity) => {
        log[severity === 'error' || severity === 'warning' ? severity : 'notice'](`${job}: ${line}`)
      }
      const stdout = lineStream(line => show(line, 'notice'))
      const stderr = lineStream(line => show(line, 'error'))
      // A signal of its own, so that one that lives for months does not gather listeners.
      const stop = new AbortController()
      const onStop = () => stop.abort(surroundings.signal.reason)
      surroundings.signal.addEventListener('abort', onStop)
      if (surroundings.signal.aborted) onStop()
      try {
        return await main(words, {
          ...surroundings,
          stdout,
          stderr,
          show,
          job,
          signal: stop.signal,
        })
      } finally {
        surroundings.signal.removeEventListener('abort', onStop)
      }
    },
  }
}

/** Opens endpoints with the credentials and the limits that the user gave. */
function opener(
  options: CommonOptions,
  streams: StandardStreams,
  surroundings: IdentitySurroundings,
): Pick<CommandContext, 'open' | 'projects'> {
  // Commands that open endpoints have these.
  const given = options as EndpointOptions & ApiOptions & PaceOptions & Partial<DumpOptions>
  const ranges = rangesOf(given)
  /** By side and address: who asks twice for one does so with one token. */
  const known = new Map<string, Promise<Identified>>()
  const identified = async (address: string, side: Side) => {
    if (isDump(address)) return undefined
    const key = `${side} ${address}`
    const { identify } = await import('./identity.ts')
    const found = known.get(key) ?? identify(address, side, given, surroundings)
    known.set(key, found)
    return await found
  }
  const projects: CommandContext['projects'] = async (address, side) =>
    await (await identified(address, side))?.projects?.({ signal: surroundings.signal })
  const open: CommandContext['open'] = async (address, side, { writable = false, api } = {}) => {
    const [{ openEndpoint }, { fixedToken }, { RateLimit }] = await Promise.all([
      import('../endpoint/open.ts'),
      import('../keystone/token-source.ts'),
      import('../stream/limit-rate.ts'),
    ])
    const rate = requestRate(given)
    const found = (await identified(address, side)) ?? { address, tokens: fixedToken(null) }
    return await openEndpoint(found.address, {
      ...found,
      writable,
      timeoutMs: given.timeout * 1000,
      stallMs: (given.stallTimeout ?? given.timeout) * 1000,
      attempts: given.attempts,
      requests: rate === null ? undefined : new RateLimit(() => rate),
      chunkSize: given.chunksize,
      sparse: given.sparse,
      ...ranges,
      streams,
      api: api ?? apiFor(side, given),
      signal: surroundings.signal,
    })
  }
  return { open, projects }
}

/**
 * One line; of what is wrong with the command line, which is the user's own text, as many as help to see where; of what is
 * not expected, and so a fault of ours, all that helps to find it.
 */
function describe(error: unknown): string {
  const status = exitStatusOf(error)
  if (status === EXIT_STATUS.fault && error instanceof Error) return `${PROGRAM}: ${error.stack}`
  const lines = messageOf(error).split(status === EXIT_STATUS.usage ? '\n' : /(?!)/)
  return `${PROGRAM}: ${lines.map(printable).join('\n')}`
}
