import { once } from 'node:events'
import { GlanceError, messageOf } from '../../errors.ts'
import { Channel } from '../../replicate/channel.ts'
import type { AnyCommand, Command, CommandContext } from '../command.ts'
import { EXIT_STATUS, type ExitStatus } from '../exit-status.ts'
import { countOf, formatDuration } from '../format.ts'
import { wordsOf } from '../jobs/job.ts'
import { JOB_FILE } from '../jobs/options.ts'
import { type JobEvent, Scheduler } from '../jobs/scheduler.ts'
import type { CommonOptions } from '../options.ts'

interface DaemonOptions extends CommonOptions {
  readonly config: string | undefined
}

/** What happened to a job. */
export interface DaemonRow {
  readonly event: JobEvent['event']
  readonly job: string
  /** When it happened, in ISO 8601. */
  readonly time: string
  /** When the job is due again, in ISO 8601; null for never, and when it has just been started. */
  readonly next: string | null
  /** Of a job that has finished; else null. */
  readonly exit_status: ExitStatus | null
  /** Seconds that it took; else null. */
  readonly duration: number | null
}

/** The command that runs jobs of the file when they are due; a job may be any of these commands. */
export function daemonOf(
  commands: readonly AnyCommand[],
): Command<DaemonOptions, DaemonRow, object> {
  return {
    name: 'daemon',
    summary: 'Run the jobs of glance-replicator.yaml when they are due, until stopped',
    serves: () => true,
    positionals: {},
    options: JOB_FILE,

    async *run({ config }, { log, program, signal }) {
      const { findJobFile, readJobs } = await import('../jobs/job-file.ts')
      const { clock, place, check } = program
      const path = await findJobFile(config, place)
      const read = async () => {
        const jobs = await readJobs(path, { commands, check })
        if (jobs.some(({ schedule }) => schedule !== undefined)) return jobs
        throw new GlanceError('usage', `${path}: no job has a schedule, so there is nothing to do`)
      }
      const jobs = await read()
      const rows = new Channel<DaemonRow>(() => {})
      const scheduler = new Scheduler({
        clock,
        run: async job => await program.run(wordsOf(job), job.name),
        tell: event => rows.put(rowOf(event, clock.now())),
      })
      using _ = onHangUp(async () => {
        const jobs = await read()
        if (signal.aborted) return
        log.notice(`${path} was read anew: ${countOf(jobs.length, 'job')}`)
        scheduler.set(jobs)
      }, log)
      const stopping = (async () => {
        if (!signal.aborted) await once(signal, 'abort')
        await scheduler.stop()
        rows.close()
      })()
      scheduler.set(jobs)
      yield* rows
      await stopping
      return {}
    },

    exitStatus: () => EXIT_STATUS.done,

    views: { row: describe, summary: () => 'stopped' },
  }
}

/** Has the file read anew whenever SIGHUP comes; one that is wrong changes nothing. */
function onHangUp(read: () => Promise<void>, log: CommandContext['log']): Disposable {
  const reload = () => {
    void log.reopen().catch((error: unknown) => log.error(messageOf(error)))
    void read().catch((error: unknown) =>
      log.error(`the jobs stay as they were: ${messageOf(error)}`),
    )
  }
  process.on('SIGHUP', reload)
  return { [Symbol.dispose]: () => void process.off('SIGHUP', reload) }
}

function rowOf(event: JobEvent, now: Date): DaemonRow {
  const next = event.event === 'started' ? null : event.next
  const finished = event.event === 'finished' ? event : undefined
  return {
    event: event.event,
    job: event.job,
    time: now.toISOString(),
    next: next?.toISOString() ?? null,
    exit_status: finished?.exitStatus ?? null,
    duration: finished === undefined ? null : finished.took / 1000,
  }
}

function describe({ event, job, next, exit_status, duration }: DaemonRow): string {
  const due = next === null ? 'it is not due again' : `next at ${next}`
  switch (event) {
    case 'scheduled':
      return `${job}: ${due}`
    case 'started':
      return `${job}: started`
    case 'left_out':
      return `${job}: still runs, so this time is left out; ${due}`
    case 'finished':
      return `${job}: finished with exit status ${exit_status} after ${formatDuration(duration ?? 0)}; ${due}`
  }
}
