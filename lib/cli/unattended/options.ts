import type { Options } from 'yargs'
import { parseDuration } from './duration.ts'

/** Options of commands that run where nobody looks on. */
export interface UnattendedOptions {
  readonly lock?: string | undefined
  readonly summaryFile?: string | undefined
  readonly metricsFile?: string | undefined
  readonly onChange?: string | undefined
  readonly onSuccess?: string | undefined
  readonly onFailure?: string | undefined
  /** Milliseconds. */
  readonly hookTimeout?: number | undefined
}

/** Options of those that may be told when to stop. */
export interface DeadlineOptions {
  /** Milliseconds. */
  readonly maxDuration?: number | undefined
  /** Milliseconds. */
  readonly grace?: number | undefined
}

const GROUP = 'Unattended:'

const text = (describe: string) =>
  ({ type: 'string', requiresArg: true, group: GROUP, describe }) as const

/** An option whose text is a time; given more than once it is left as it is, for who refuses that. */
const time = (name: string, describe: string) => ({
  ...text(describe),
  coerce: (given: unknown) =>
    typeof given === 'string' ? parseDuration(`--${name}`, given) : given,
})

export const UNATTENDED: Readonly<Record<string, Options>> = {
  lock: text('Run only when nobody else has locked FILE, else exit at once with status 75'),
  'summary-file': text('Write what the run came to to FILE, as JSON, however it ended'),
  'metrics-file': text("Write metrics to FILE for Prometheus's textfile collector"),
  'on-change': text('Run COMMAND by sh when something was changed'),
  'on-success': text('Run COMMAND by sh when the exit status is 0'),
  'on-failure': text('Run COMMAND by sh when something failed'),
  'hook-timeout': {
    ...time('hook-timeout', 'How long such a COMMAND may take'),
    default: '5m',
  },
}

export const DEADLINE: Readonly<Record<string, Options>> = {
  'max-duration': time('max-duration', 'Begin no further image after TIME, such as 90m or 6h'),
  grace: {
    ...time('grace', 'How long the images under way may then go on'),
    default: '10m',
  },
}
