import type { Writable } from 'node:stream'
import { WriteStream } from 'node:tty'
import yargs, { type Argv } from 'yargs'
import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import type { AnyCommand, CommandContext } from './command.ts'
import { COMMANDS, GROUPS } from './commands.ts'
import { EXIT_STATUS, exitStatusOf, type ExitStatus, Stopped } from './exit-status.ts'
import { CommandLog } from './log.ts'
import { checkOptions, COMMON, type CommonOptions, type EndpointOptions } from './options.ts'
import { humanOutput, jsonLines, jsonOutput } from './output.ts'
import { lines, openBar, type Progress } from './progress.ts'
import { tokenFor } from './tokens.ts'

const PROGRAM = 'glance-replicator'

/** What the program is run in. */
export interface Surroundings {
  readonly stdout: Writable
  readonly stderr: Writable
  readonly environment: Readonly<NodeJS.ProcessEnv>
  /** Stops the command; its reason is a {@link Stopped}. */
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
    if (asked.type === 'text') {
      stdout.write(`${asked.text}\n`)
      return EXIT_STATUS.done
    }
    return await execute(asked.command, asked.options, surroundings)
  } catch (error) {
    const status = exitStatusOf(error)
    // What is not expected is a fault of ours, and shown with all that helps to find it.
    const shown =
      status === EXIT_STATUS.fault && error instanceof Error ? error.stack : messageOf(error)
    stderr.write(`${PROGRAM}: ${shown}\n`)
    return status
  }
}

type Asked =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'command'; readonly command: AnyCommand; readonly options: CommonOptions }

/** @throws {GlanceError} `usage`, with a hint where to read on. */
async function parse(argv: readonly string[], version: string): Promise<Asked> {
  let chosen: Extract<Asked, { type: 'command' }> | undefined
  const helpWanted = argv[0] === 'help'
  const words = helpWanted ? [...argv.slice(1), '--help'] : argv
  requireCommand(words)
  const parser = yargs()
    .scriptName(PROGRAM)
    .usage(
      '$0 <command> [options]\n\nCompare, copy and size the images of OpenStack Glance services',
    )
    .options(COMMON)
    .command('help [command]', 'Tell about a command')
    .version(version)
    .help('help')
    .alias('h', 'help')
    .epilogue(
      `'${PROGRAM} help COMMAND' tells about a command; the manual is glance-replicator(1).`,
    )
    .strict()
    .demandCommand(1, 'which command?')
    .wrap(100)
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error) => {
      throw new GlanceError('usage', `${message || messageOf(error)}; see '${PROGRAM} help'`)
    })
  // yargs has given every option of COMMON its default.
  registerAll(parser, (command, options) => {
    chosen = { type: 'command', command, options: options as CommonOptions }
  })
  let text = ''
  await parser.parseAsync(
    words.length === 0 ? ['--help'] : [...words],
    {},
    (_error, _options, output) => {
      text = output
    },
  )
  return chosen ?? { type: 'text', text }
}

/** Tells yargs of every command, by itself or in its group; `choose` is told of the one that is asked for. */
function registerAll(parser: Argv, choose: (command: AnyCommand, options: unknown) => void): void {
  const register = (parser: Argv, command: AnyCommand, word: string) => {
    const names = Object.keys(command.positionals)
    parser.command(
      [word, ...names.map(name => `<${name}>`)].join(' '),
      command.summary,
      builder => {
        for (const name of names) builder.positional(name, command.positionals[name] ?? {})
        return builder.options(command.options)
      },
      options => {
        checkOptions(options)
        choose(command, options)
      },
    )
  }
  for (const command of COMMANDS) {
    if (!command.name.includes(' ')) register(parser, command, command.name)
  }
  for (const [group, summary] of Object.entries(GROUPS)) {
    parser.command(`${group} <command>`, summary, parser => {
      for (const command of COMMANDS) {
        const [first, word] = command.name.split(' ')
        if (first === group && word !== undefined) register(parser, command, word)
      }
      return parser
    })
  }
}

/** @throws {GlanceError} `usage` for a command that there is not, which yargs would call an argument. */
function requireCommand([named, second]: readonly string[]): void {
  if (named === undefined || named.startsWith('-')) return
  const isGroup = Object.hasOwn(GROUPS, named)
  if (isGroup && second === undefined) {
    throw new GlanceError('usage', `${named} wants a command; see '${PROGRAM} help ${named}'`)
  }
  const name = isGroup ? `${named} ${second}` : named
  const isOption = isGroup && second?.startsWith('-')
  if (isOption || COMMANDS.some(command => command.name === name)) return
  throw new GlanceError('usage', `unknown command '${name}'; see '${PROGRAM} help'`)
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
    syslog: options.syslog,
    show: (line, severity) => {
      if (severity !== 'notice' || !progress.shown) progress.interrupt(line)
    },
    clock: () => new Date(),
  })
  const open: CommandContext['open'] = async (address, side, { writable = false } = {}) => {
    const [{ openEndpoint }, { fixedToken }] = await Promise.all([
      import('../endpoint/open.ts'),
      import('../keystone/token-source.ts'),
    ])
    const endpointOptions = options as EndpointOptions // Commands that open endpoints have these.
    const endpoint = await openEndpoint(address, {
      writable,
      tokens: fixedToken(await tokenFor(side, endpointOptions, environment)),
      timeoutMs: endpointOptions.timeout * 1000,
      attempts: endpointOptions.attempts,
      chunkSize: endpointOptions.chunksize,
      signal,
    })
    log.debug(`opened ${endpoint.name}`)
    return endpoint
  }
  const json = command.serves === true ? jsonLines(stdout) : jsonOutput(stdout, command.rows)
  const output = options.json ? json : humanOutput(command, options, stdout)
  const rows = command.run(options, { open, log, progress, signal })
  try {
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
    if (error instanceof Stopped || !isGlanceError(error)) throw error
    log.debug(error.stack ?? error.message)
    throw error
  }
}
