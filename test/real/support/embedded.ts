import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CommandOptions, type RunningCommand, startProgram } from '../../support/command.ts'
import { Service } from './service.ts'

export interface EmbeddedOptions extends CommandOptions {
  /** Options of the `[DEFAULT]` section of its configuration file. */
  readonly settings?: Readonly<Record<string, string | number>>
  /** Other sections of it, as text. */
  readonly sections?: string
  /** Options of the command besides those that it needs. */
  readonly words?: readonly string[]
}

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
    sections = '',
    words = [],
    ...options
  }: EmbeddedOptions = {}): Promise<Embedded> {
    const folder = await mkdtemp(join(tmpdir(), 'embedded-'))
    const config = join(folder, 'glance-api.conf')
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
    // Boot images are no disks, and what looks like a partition table in them is none.
    const formats = '[image_format]\ngpt_safety_checks_nonfatal = mbr\n'
    await writeFile(config, `[DEFAULT]\n${lines.join('')}${formats}${sections}`)
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
