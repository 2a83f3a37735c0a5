import { EXIT_STATUS } from '../exit-status.ts'
import { readIfFile, writeAtomically } from './atomic-file.ts'
import { durationOf, type RunEnd, type RunName } from './run-record.ts'

const PREFIX = 'glance_replicator_'
const LAST_SUCCESS = `${PREFIX}last_success_timestamp_seconds`
const LAST_SUCCESS_START = `${PREFIX}last_success_start_timestamp_seconds`

/** When the last run that succeeded ended and began, in seconds of Unix. */
interface LastSuccess {
  readonly ended: number
  readonly began: number
}

/**
 * Writes what a run came to in the text format of Prometheus. What a run that failed cannot tell, when the last success
 * was, is carried over from the file.
 */
export async function writeMetrics(path: string, end: RunEnd): Promise<void> {
  const before = await readIfFile(path)
  await writeAtomically(path, metricsText(end, lastSuccess(end, before)))
}

function lastSuccess({ name, startedAt, finishedAt, exitStatus }: RunEnd, before: string) {
  if (exitStatus === EXIT_STATUS.done) {
    return { ended: finishedAt.getTime() / 1000, began: startedAt.getTime() / 1000 }
  }
  const valueOf = (metric: string) => {
    const series = `${metric}${labels(name)} `
    const line = before.split('\n').find(line => line.startsWith(series))
    const value = Number(line?.slice(series.length) || Number.NaN)
    return Number.isFinite(value) ? value : undefined
  }
  const [ended, began] = [valueOf(LAST_SUCCESS), valueOf(LAST_SUCCESS_START)]
  return ended === undefined || began === undefined ? undefined : { ended, began }
}

function metricsText(end: RunEnd, success: LastSuccess | undefined): string {
  const { name, finishedAt, exitStatus, results } = end
  const own = (value: number | undefined): readonly Sample[] =>
    value === undefined ? [] : [[labels(name), value]]
  const byResult = (count: 'images' | 'bytes'): readonly Sample[] =>
    [...results].map(([result, tally]) => [labels(name, { result }), tally[count]])
  return [
    family('last_run_timestamp_seconds', 'When the last run ended.', own(secondsOf(finishedAt))),
    family('last_run_duration_seconds', 'How long it took.', own(durationOf(end))),
    family('last_run_exit_status', 'Its exit status; 0 is success.', own(exitStatus)),
    family(
      'last_success_timestamp_seconds',
      'When the last run with exit status 0 ended.',
      own(success?.ended),
    ),
    family('last_success_start_timestamp_seconds', 'When that run began.', own(success?.began)),
    family('images', 'Images by what the last run did with them.', byResult('images')),
    family('bytes', 'Their sizes.', byResult('bytes')),
    family(
      'lag_seconds',
      'Age of the oldest change of the source that the target may not have, at the end of the last run.',
      own(lagOf(end, success)),
    ),
  ].join('')
}

/** Seconds. What was not looked at may have changed since the last success began; undefined when there was none. */
function lagOf({ oldestPending, finishedAt }: RunEnd, success: LastSuccess | undefined) {
  if (oldestPending === null) return 0
  const since = oldestPending === undefined ? success?.began : secondsOf(oldestPending)
  return since === undefined ? undefined : Math.max(secondsOf(finishedAt) - since, 0)
}

function secondsOf(time: Date): number {
  return time.getTime() / 1000
}

/** The labels, and the value. */
type Sample = readonly [string, number]

/** Nothing without samples. */
function family(name: string, help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return ''
  return [
    `# HELP ${PREFIX}${name} ${help}`,
    `# TYPE ${PREFIX}${name} gauge`,
    ...samples.map(([labels, value]) => `${PREFIX}${name}${labels} ${value}`),
    '',
  ].join('\n')
}

/** `job` is what Prometheus itself calls what it asks, so ours is `job_name`. */
function labels({ command, job, ends }: RunName, more: Readonly<Record<string, string>> = {}) {
  const all = { command, ...(job === null ? {} : { job_name: job }), ...ends, ...more }
  const pairs = Object.entries(all).map(([name, value]) => `${name}="${escaped(value)}"`)
  return `{${pairs.join(',')}}`
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
