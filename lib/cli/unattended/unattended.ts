import { GlanceError, messageOf } from '../../errors.ts'
import type { AnyCommand } from '../command.ts'
import { shownEnd } from '../dumps.ts'
import { EXIT_STATUS, type ExitStatus, TimeOver } from '../exit-status.ts'
import { writableFile, writeAtomically } from './atomic-file.ts'
import { type HookSurroundings, runHooks } from './hooks.ts'
import { writeMetrics } from './metrics.ts'
import type { DeadlineOptions, UnattendedOptions } from './options.ts'
import { lockRun } from './run-lock.ts'
import { RunRecord, summaryDocument } from './run-record.ts'

export interface RunSurroundings extends HookSurroundings {
  /** The job that is run; undefined for a run by hand. */
  readonly job: string | undefined
}

type RunOptions = UnattendedOptions &
  DeadlineOptions & { readonly dryRun?: boolean; readonly savePlan?: string | undefined }

/** What is around a run that nobody looks at: a lock, a limit of time, files and commands that tell how it went. */
export class Unattended implements AsyncDisposable {
  /** Fires when nothing new is to be begun. */
  readonly closing: AbortSignal
  /** Fires when everything is to end. */
  readonly over: AbortSignal
  readonly #options: RunOptions
  readonly #surroundings: RunSurroundings
  readonly #record: RunRecord
  readonly #lock: AsyncDisposable | undefined
  readonly #timers: readonly Disposable[]

  private constructor(
    options: RunOptions,
    surroundings: RunSurroundings,
    record: RunRecord,
    lock: AsyncDisposable | undefined,
  ) {
    this.#options = options
    this.#surroundings = surroundings
    this.#record = record
    this.#lock = lock
    const [closing, over] = [new AbortController(), new AbortController()]
    const { maxDuration, grace = 0 } = options
    const reason = new TimeOver()
    const { clock } = surroundings
    this.#timers =
      maxDuration === undefined
        ? []
        : [
            clock.after(maxDuration, () => closing.abort(reason)),
            clock.after(maxDuration + grace, () => over.abort(reason)),
          ]
    this.closing = closing.signal
    this.over = over.signal
  }

  /**
   * @throws {Busy} when another run has the lock; {GlanceError} `usage` for files that cannot be written. Nothing is
   * told of a run that was not begun.
   */
  static async begin(
    command: AnyCommand,
    options: object,
    surroundings: RunSurroundings,
  ): Promise<Unattended> {
    const given = options as RunOptions // Commands without these options have none of them set.
    requireNames(given)
    const files = {
      summaryFile: await fileOf('--summary-file', given.summaryFile),
      metricsFile: await fileOf('--metrics-file', given.metricsFile),
    }
    const lock = given.lock === undefined ? undefined : await lockRun(given.lock)
    const name = {
      command: command.name,
      job: surroundings.job ?? null,
      ends: endsOf(command, options),
    }
    const record = new RunRecord(name, surroundings.clock.now())
    return new Unattended({ ...given, ...files }, surroundings, record, lock)
  }

  row(row: object): void {
    this.#record.add(row)
  }

  /**
   * Tells how the run went, and resolves to the exit status of the program: that of the run, but that a success that
   * could not be told is none.
   */
  async end(summary: object, exitStatus: ExitStatus): Promise<ExitStatus> {
    const { clock, log } = this.#surroundings
    const end = this.#record.end(summary, exitStatus, clock.now())
    const { summaryFile, metricsFile, savePlan } = this.#options
    const dryRun = this.#options.dryRun === true || savePlan !== undefined
    const written = await Promise.all([
      summaryFile === undefined ||
        attempt('--summary-file', async () => {
          await writeAtomically(summaryFile, `${JSON.stringify(summaryDocument(end), null, 2)}\n`)
        }),
      metricsFile === undefined ||
        dryRun ||
        attempt('--metrics-file', async () => {
          await writeMetrics(metricsFile, end)
        }),
    ])
    const hooked = dryRun || (await runHooks(this.#options, end, this.#surroundings))
    if (exitStatus !== EXIT_STATUS.done) return exitStatus
    if (written.includes(false)) return EXIT_STATUS.output
    return hooked ? EXIT_STATUS.done : EXIT_STATUS.differences

    async function attempt(option: string, write: () => Promise<void>): Promise<boolean> {
      try {
        await write()
        return true
      } catch (error) {
        log.error(`${option}: ${messageOf(error)}`)
        return false
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) timer[Symbol.dispose]()
    await this.#lock?.[Symbol.asyncDispose]()
  }
}

/** @throws {GlanceError} `usage` for a file without a name. */
export function requireNames(options: object): void {
  const { lock, summaryFile, metricsFile } = options as RunOptions // As above.
  for (const [option, path] of [
    ['--lock', lock],
    ['--summary-file', summaryFile],
    ['--metrics-file', metricsFile],
  ]) {
    if (path === '') throw new GlanceError('usage', `${option}: expected the name of a file`)
  }
}

async function fileOf(option: string, path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : await writableFile(option, path)
}

/** The positional arguments, without what should not be there: a user name and a password. */
export function endsOf(
  { positionals }: Pick<AnyCommand, 'positionals'>,
  options: object,
): Readonly<Record<string, string>> {
  const given = options as Readonly<Record<string, unknown>>
  return Object.fromEntries(
    Object.keys(positionals).map(name => [
      name,
      [given[name]]
        .flat()
        .map(text => shownEnd(name, String(text)))
        .join(' '),
    ]),
  )
}
