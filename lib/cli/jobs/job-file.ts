import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { ValidateFunction } from 'ajv'
import { GlanceError, isGlanceError } from '../../errors.ts'
import type { Place } from '../../keystone/cloud-files.ts'
import type { AnyCommand } from '../command.ts'
import { dumpAddress, shownEnd, STANDARD } from '../dumps.ts'
import { type Job, type Setting, type Settings, wordsOf } from './job.ts'
import { faultOf, type KnownBy } from './job-faults.ts'
import { fileSchema, JOB_KEYS, jobSchema, optionsOf, optionsOfAll } from './job-schema.ts'
import { parseSchedule } from './schedule.ts'
import { readYaml, type YamlFile } from './yaml-file.ts'

const NAME = 'glance-replicator.yaml'

/** What a file is held to. */
export interface JobRules {
  /** Those that jobs may run. */
  readonly commands: readonly AnyCommand[]
  /** @throws {GlanceError} `usage` for words that are no command line. */
  check(words: readonly string[]): Promise<void>
}

/** A file that has been held to its schema. */
interface JobDocument {
  readonly defaults?: Settings
  readonly jobs: Readonly<Record<string, Settings>>
}

/**
 * The file that is meant: the one given, else the first that is there of the current directory, the user's and the
 * system's. @throws {GlanceError} `usage` when there is none.
 */
export async function findJobFile(
  given: string | undefined,
  { environment, folder }: Place,
): Promise<string> {
  if (given !== undefined) return given
  const home = environment['HOME'] || undefined
  const own = environment['XDG_CONFIG_HOME'] || (home === undefined ? '' : join(home, '.config'))
  const folders = [
    folder,
    ...(own === '' ? [] : [join(own, 'glance-replicator')]),
    '/etc/glance-replicator',
  ]
  for (const path of folders.map(folder => join(folder, NAME))) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    )
    if (isThere) return path
  }
  throw new GlanceError(
    'usage',
    `there is no ${NAME} in ${folders.join(', ')}; name one by --config`,
  )
}

/** The jobs of a file, in their order. @throws {GlanceError} `usage`, with file, line and column. */
export async function readJobs(path: string, rules: JobRules): Promise<readonly Job[]> {
  const { commands, check } = rules
  const [file, compile] = await Promise.all([readYaml(path), compiler()])
  const hold = (schema: object, content: unknown, at: readonly string[], known: KnownBy) => {
    const validate = compile(schema)
    if (validate(content)) return
    const [error] = validate.errors ?? []
    throw error === undefined ? file.fault(at, 'it is wrong') : faultOf(file, error, at, known)
  }
  hold(fileSchema(commands), file.content ?? {}, [], path =>
    path[0] === 'defaults'
      ? ['time-zone', ...Object.keys(optionsOfAll(commands))]
      : ['defaults', 'jobs'],
  )
  const { defaults = {}, jobs } = file.content as JobDocument // It has been held to the schema.
  const read: Job[] = []
  for (const [name, settings] of Object.entries(jobs)) {
    const at = ['jobs', name]
    const command = commands.find(({ name }) => name === settings['command'])
    if (command === undefined) throw file.fault(at, 'it has no command') // The schema demands one.
    const ends = Object.keys(command.positionals)
    hold(jobSchema(command), settings, at, () => [
      ...JOB_KEYS,
      ...ends,
      ...Object.keys(optionsOf(command)),
    ])
    read.push(await jobOf(name, command, settings, defaults, file, check))
  }
  return read
}

let compiling: Promise<(schema: object) => ValidateFunction> | undefined

/** Loads ajv when a file is first read. It keeps what it compiled for a schema, which is the same object each time. */
function compiler(): Promise<(schema: object) => ValidateFunction> {
  compiling ??= import('ajv').then(({ Ajv }) => {
    const ajv = new Ajv({ allowUnionTypes: true, inlineRefs: false })
    return schema => ajv.compile(schema)
  })
  return compiling
}

/** What stands at one place of the command line. */
function endsIn(setting: Setting | undefined): readonly string[] {
  return setting === undefined ? [] : [setting].flat().map(String)
}

async function jobOf(
  name: string,
  command: AnyCommand,
  given: Settings,
  { 'time-zone': zone, ...defaults }: Settings,
  file: YamlFile,
  check: JobRules['check'],
): Promise<Job> {
  const at = ['jobs', name]
  const { command: _, schedule, 'time-zone': ownZone, ...own } = given
  for (const end of Object.keys(command.positionals)) {
    const isStandard = (text: string) => dumpAddress(text) === STANDARD
    if (endsIn(own[end]).some(isStandard)) {
      const hint = 'a job has no standard input or output; name a file'
      throw file.fault([...at, end], `${end}: ${hint}`)
    }
    if (endsIn(own[end]).every(text => text === shownEnd(end, text))) continue
    const hint = 'credentials do not belong into an address; name a cloud of clouds.yaml'
    throw file.fault([...at, end], `${end}: ${hint}`)
  }
  const options = optionsOf(command)
  const common = Object.entries(defaults).filter(([option]) => Object.hasOwn(options, option))
  const settings = { ...Object.fromEntries(common), ...own }
  for (const [option, value] of Object.entries(settings)) {
    if (Object.hasOwn(command.positionals, option) || !endsIn(value).includes('-')) continue
    const where = Object.hasOwn(own, option) ? [...at, option] : ['defaults', option]
    throw file.fault(where, `${option}: a job has no standard input or output; name a file`)
  }
  try {
    const timeZone = ownZone ?? zone
    const when =
      schedule === undefined
        ? undefined
        : await parseSchedule(
            String(schedule),
            timeZone === undefined ? undefined : String(timeZone),
          )
    const job = { name, command, settings, schedule: when }
    await check(wordsOf(job))
    return job
  } catch (error) {
    if (!isGlanceError(error, 'usage')) throw error
    // Messages begin with what they are about.
    const [, key = ''] = /^(?:--)?([a-z-]+): /.exec(error.message) ?? []
    const isOwn = Object.hasOwn(given, key)
    const where = isOwn ? [...at, key] : Object.hasOwn(defaults, key) ? ['defaults', key] : at
    // What points at a place of the option has no room here.
    const [first = ''] = error.message.split('\n')
    const message = first.replace(/^--/, '').replace(/; see '[^']*'$/, '')
    throw file.fault(where, `job '${name}': ${message}`, where === at ? 'key' : 'value')
  }
}
