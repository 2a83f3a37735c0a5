import type { Options } from 'yargs'
import { GlanceError } from '../../errors.ts'
import type { AnyCommand, Shorthand } from '../command.ts'
import { type Setting, type Settings, wordsOf } from '../jobs/job.ts'
import { JOB_FILE } from '../jobs/options.ts'
import { COMMON } from '../options.ts'

interface RunOptions {
  readonly job: string
  readonly config: string | undefined
}

/** The command that runs a job of the file, which may be any of these commands. */
export function runOf(commands: readonly AnyCommand[]): Shorthand {
  // Any of theirs may be set otherwise, so none has a default, and its text is left as it is: they are read once more,
  // as those of the command.
  const theirs = commands.flatMap(({ options }) =>
    Object.entries(options).map(([name, { type, alias = [], requiresArg = false, describe }]) => {
      const option: Options = { alias, requiresArg, describe, hidden: true, ...(type && { type }) }
      return [name, option] as const
    }),
  )
  // The other names of these are known already.
  const common = Object.entries<Options>(COMMON).map(
    ([name, option]) => [name, { ...option, alias: [], default: undefined }] as const,
  )
  const options: Readonly<Record<string, Options>> = Object.fromEntries([...theirs, ...common])
  return {
    name: 'run',
    summary: 'Run a job of glance-replicator.yaml',
    positionals: {
      job: { type: 'string', describe: 'Its name; options of its command may follow' },
    },
    options: { ...options, ...JOB_FILE },

    async expand(given, { place, check }) {
      const { findJobFile, readJobs } = await import('../jobs/job-file.ts')
      const { job: name, config } = given as RunOptions // As the options above say.
      const path = await findJobFile(config, place)
      const jobs = await readJobs(path, { commands, check })
      const job = jobs.find(job => job.name === name)
      if (job === undefined) {
        const known = jobs.map(({ name }) => name).join(', ')
        throw new GlanceError('usage', `${path}: there is no job '${name}'; it has ${known}`)
      }
      return { words: wordsOf(job, settingsIn(given, Object.keys(options))), job: name }
    },
  }
}

/** Those of these options that were given. */
function settingsIn(given: object, names: readonly string[]): Settings {
  const all = given as Readonly<Record<string, Setting | undefined>> // As yargs reads what the options say.
  return Object.fromEntries(
    names.flatMap(name => {
      const value = all[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}
