import { GlanceError } from '../../errors.ts'
import type { AnyCommand } from '../command.ts'
import type { Schedule } from './schedule.ts'

/** What an option or an argument is set to. */
export type Setting = string | number | boolean | readonly (string | number)[]
export type Settings = Readonly<Record<string, Setting>>

/** A command with its arguments and options, under a name. */
export interface Job {
  readonly name: string
  readonly command: AnyCommand
  /** Arguments, and options by their long names. */
  readonly settings: Settings
  /** Undefined for a job that is only run by hand. */
  readonly schedule: Schedule | undefined
}

/**
 * The command line that a job stands for, with some options set otherwise. An end that is not said is the cloud that an
 * option names for it. @throws {GlanceError} `usage` for an argument that is missing.
 */
export function wordsOf({ command, settings }: Job, given: Settings = {}): readonly string[] {
  const all = { ...settings, ...given }
  const names = Object.keys(command.positionals)
  const ends = names.flatMap(name => {
    const end = all[name] ?? (hasCloud(all, name) ? 'cloud:' : undefined)
    if (end === undefined) throw new GlanceError('usage', `${name} is missing`)
    return [end].flat().map(String)
  })
  const options = Object.entries(all).filter(([name]) => !names.includes(name))
  return [command.name, ...ends, ...options.flatMap(([name, value]) => wordsFor(name, value))]
}

function hasCloud(settings: Settings, end: string): boolean {
  if (end !== 'source' && end !== 'target') return false
  return settings['cloud'] !== undefined || settings[`${end}-cloud`] !== undefined
}

function wordsFor(name: string, value: Setting): readonly string[] {
  if (typeof value === 'boolean') return [value ? `--${name}` : `--no-${name}`]
  return [value].flat().map(value => `--${name}=${value}`)
}
