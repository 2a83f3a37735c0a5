import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { programWords, startCommand } from '../test/support/command.ts'
import { Service } from '../test/real/support/service.ts'

const [NODE = '', ...WORDS] = programWords([])

/** The built program as a shell runs it; the variable LENS holds what else Node is told, such as to take a profile. */
export const OURS = [NODE, '$LENS', ...WORDS].join(' ')

export interface OurServerOptions {
  /** Where its rows and images are. */
  readonly dataDir: string
  /** 0, the default, is one process. */
  readonly workers?: number
  /** The default is any. */
  readonly port?: number
  /** What Node is told besides. */
  readonly lens?: readonly string[]
}

/** Our server as the built program, v1 and v2, without authentication. */
export class OurServer extends Service implements AsyncDisposable {
  readonly pid: number
  readonly #stop: () => Promise<void>

  private constructor(url: string, pid: number, stop: () => Promise<void>) {
    super(url)
    this.pid = pid
    this.#stop = stop
  }

  static async start({
    dataDir,
    workers = 0,
    port = 0,
    lens = [],
  }: OurServerOptions): Promise<OurServer> {
    await mkdir(dataDir, { recursive: true })
    const config = join(dataDir, 'glance-api.conf')
    await writeFile(config, `[DEFAULT]\nworkers = ${workers}\n`)
    const words = ['serve', '--port', String(port), '--data-dir', dataDir, '--config', config]
    const program = await startCommand(NODE, [...lens, ...WORDS, ...words])
    const line = await program.firstLine()
    return new OurServer(line.replace('listening on ', ''), program.pid, async () => {
      program.kill('SIGTERM')
      await program.outcome
    })
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }

  /** As a service manager does it, so that it writes what it was to write in the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop()
  }
}
