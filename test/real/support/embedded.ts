import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type CommandOptions,
  type Outcome,
  type RunningCommand,
  startProgram,
} from '../../support/command.ts'
import { Service } from './service.ts'

export interface EmbeddedOptions extends CommandOptions {
  /** Options of the `[DEFAULT]` section of its configuration file. */
  readonly settings?: Settings
  /** Options of its other sections. */
  readonly sections?: Readonly<Record<string, Settings>>
  /** Options of the command besides those that it needs. */
  readonly words?: readonly string[]
}

type Settings = Readonly<Record<string, string | number>>

/** Our own server, as the command `serve` starts it, until it is disposed of. */
export class Embedded extends Service implements AsyncDisposable {
  readonly #folder: string
  readonly #program: RunningCommand

  private constructor(url: string, folder: string, program: RunningCommand) {
    super(url)
    this.#folder = folder
    this.#program = program
  }

  static async start({
    settings = {},
    sections = {},
    words = [],
    ...options
  }: EmbeddedOptions = {}): Promise<Embedded> {
    const folder = await mkdtemp(join(tmpdir(), 'embedded-'))
    const config = join(folder, 'glance-api.conf')
    // Boot images are no disks, and what looks like a partition table in them is none.
    const formats = { image_format: { gpt_safety_checks_nonfatal: 'mbr' } }
    const all = Object.entries({ DEFAULT: settings, ...formats, ...sections })
    await writeFile(config, all.map(sectionOf).join(''))
    const data = join(folder, 'data')
    const program = await startProgram(
      ['serve', '--port', '0', '--data-dir', data, '--config', config, ...words],
      options,
    )
    try {
      const line = await program.firstLine()
      return new Embedded(line.replace('listening on ', ''), folder, program)
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  get pid(): number {
    return this.#program.pid
  }

  /** Stops it as a service manager does, and resolves to how it ended. */
  async stop(): Promise<Outcome> {
    this.#program.kill('SIGTERM')
    return await this.#program.outcome
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

function sectionOf([name, settings]: readonly [string, Settings]): string {
  const lines = Object.entries(settings).map(([option, value]) => `${option} = ${value}\n`)
  return `[${name}]\n${lines.join('')}`
}
