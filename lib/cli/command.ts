import type { Options, PositionalOptions } from 'yargs'
import type { StandardStreams } from '../endpoint/archive.ts'
import type { Endpoint } from '../endpoint/endpoint.ts'
import type { ProjectList } from '../keystone/projects.ts'
import type { Place } from '../keystone/cloud-files.ts'
import type { Clock } from './clock.ts'
import type { ExitStatus } from './exit-status.ts'
import type { Log } from './log.ts'
import type { Progress } from './progress.ts'
import type { Side } from './tokens.ts'

/** How an endpoint is opened. */
interface Access {
  /** Default false. */
  readonly writable?: boolean
  /** The version of the API to speak with it. Default: as the options say. */
  readonly api?: 1 | 2 | undefined
}

/** What a command is given besides its own options. */
export interface CommandContext {
  /** Opens what the user named, with the credentials of its side. The command disposes of it. */
  open(address: string, side: Side, access?: Access): Promise<Endpoint>
  /** The projects of what the user named, as far as we may know them; undefined where there is no Keystone to ask. */
  projects(address: string, side: Side): Promise<ProjectList | undefined>
  /** Of the program itself, asked for only by what reads or writes them. */
  readonly streams: StandardStreams
  readonly log: Log
  /** Asks whoever sits at the terminal; null when nobody does. */
  confirm(question: string): Promise<boolean | null>
  /** Shown on standard error while the command runs, when that is a terminal. */
  readonly progress: Progress
  readonly signal: AbortSignal
  /** Fires when nothing new is to be begun; what is under way may go on until `signal` does. */
  readonly closing: AbortSignal
  readonly program: Program
}

/** This program itself, for commands that run others of its commands. */
export interface Program {
  readonly clock: Clock
  /** Where it runs. */
  readonly place: Place
  /** @throws {GlanceError} `usage` for words that are no command line. */
  check(words: readonly string[]): Promise<void>
  /**
   * Runs the command line of a job until it ends, or is stopped as the program is. What it prints and tells goes to
   * our log. Never rejects.
   */
  run(words: readonly string[], job: string): Promise<ExitStatus>
}

/** A command, whatever its options and results. */
export type AnyCommand = Command<object, object, object>

/**
 * One command of the program: typed options in, data out. It yields rows as they come, so that a million of them need
 * no more memory than one, and returns what they add up to. It never prints and never exits.
 */
export interface Command<O, Row extends object, Summary extends object> {
  /** One word, or that of a group and its own. */
  readonly name: string
  /** One line, imperative, no full stop. */
  readonly summary: string
  /** In the order of the command line; all are required, but the last ones may say `demandOption: false`. */
  readonly positionals: Readonly<Record<string, PositionalOptions>>
  readonly options: Readonly<Record<string, Options>>
  /** Whether it runs until it is stopped, which is then its proper end. Default: never. */
  serves?(options: O): boolean
  /** Whether standard output is what it copies to, so that results are told on standard error. Default: never. */
  takesOutput?(options: O): boolean
  /** What `--json` calls the rows. Default `images`. */
  readonly rows?: string
  run(options: O, context: CommandContext): AsyncGenerator<Row, Summary, void>
  exitStatus(summary: Summary): ExitStatus
  /** Renderings for people; programs get rows and summary as JSON (`--json`), which is what the types are. */
  readonly views: {
    /** Undefined for a row that is not worth a line, or that the log told of already. */
    row(row: Row, options: O): string | undefined
    /** Undefined where the log tells it, since standard output is for something else. */
    summary(summary: Summary, options: O): string | undefined
  }
}

/** A command that stands for the command line of another. */
export interface Shorthand extends Pick<
  AnyCommand,
  'name' | 'summary' | 'positionals' | 'options'
> {
  /** @throws {GlanceError} `usage`. */
  expand(
    options: object,
    program: Pick<Program, 'place' | 'check'>,
  ): Promise<{ readonly words: readonly string[]; readonly job: string }>
}
