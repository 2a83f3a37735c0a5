import { chmod, chown, copyFile, mkdir, mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from '../../support/command.ts'
import { type Daemon, freePort, startDaemon } from './daemon.ts'
import { waitUntil } from './wait.ts'

/** What it takes to run a database server of Debian's. */
export interface ServerKind {
  readonly name: 'postgresql' | 'mysql'
  /** Whose it is when we are root, since it refuses to be root's. */
  readonly user: string
  /** Makes what it keeps in `folder`, with an administrator who has {@link PASSWORD}. */
  readonly prepare: (folder: string) => Promise<readonly (readonly string[])[]>
  /** The program and its options. `folder` has a certificate for 127.0.0.1, not for localhost, and its key. */
  readonly words: (folder: string, port: number) => Promise<readonly string[]>
  /** Runs a statement as the administrator; rejects while the server does not answer. */
  readonly administer: (port: number, statement: string) => Promise<void>
  /** The statements that make a database which is {@link USER}'s. */
  readonly creation: (database: string) => readonly string[]
}

/** What has to be percent-encoded in a URL. */
export const USER = 'glance@home'
export const PASSWORD = 'p@ss:w/rd %?#ü'

/** How the database is reached: by default at 127.0.0.1 and the port of the server. */
export interface Place {
  readonly host?: string
  /** From the question mark on. */
  readonly options?: string
}

/** A database server of its own on loopback, until it is disposed of. */
export class DatabaseServer implements AsyncDisposable {
  readonly kind: ServerKind
  readonly folder: string
  #port = 0
  #daemon: Daemon | undefined
  #databases = 0

  private constructor(kind: ServerKind, folder: string) {
    this.kind = kind
    this.folder = folder
  }

  static async start(kind: ServerKind): Promise<DatabaseServer> {
    const folder = await mkdtemp(join(await placeOfFiles(), `${kind.name}-`))
    const server = new DatabaseServer(kind, folder)
    try {
      await server.#prepare()
      server.#port = await freePort()
      await server.restart().catch(async () => {
        // Somebody else took the port meanwhile.
        server.#port = await freePort()
        await server.restart()
      })
      return server
    } catch (error) {
      await server[Symbol.asyncDispose]()
      throw error
    }
  }

  get port(): number {
    return this.#port
  }

  /** The URL of a new, empty database. */
  async database(place: Place = {}): Promise<string> {
    this.#databases += 1
    const name = `glance_${this.#databases}`
    for (const statement of this.kind.creation(name)) {
      await this.kind.administer(this.#port, statement)
    }
    return this.#urlOf(name, place)
  }

  #urlOf(name: string, { host = `127.0.0.1:${this.#port}`, options = '' }: Place): string {
    const [user, password] = [USER, PASSWORD].map(encodeURIComponent)
    return `${this.kind.name}://${user}:${password}@${host}/${name}${options}`
  }

  /** Runs a statement as the administrator. */
  async administer(statement: string): Promise<void> {
    await this.kind.administer(this.#port, statement)
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    await this.#daemon?.stop()
    this.#daemon = undefined
  }

  /** Lets it take connections and answer nobody, until {@link resume}. */
  async freeze(): Promise<void> {
    await this.#daemon?.signal('SIGSTOP')
  }

  async resume(): Promise<void> {
    await this.#daemon?.signal('SIGCONT')
  }

  /** Starts it again where it was, and waits for it. */
  async restart(): Promise<void> {
    const words = await this.kind.words(this.folder, this.#port)
    const log = join(this.folder, 'log')
    const as = isRoot()
      ? [`--reuid=${this.kind.user}`, `--regid=${this.kind.user}`, '--init-groups']
      : []
    await waitUntil(`${this.kind.name} answers at ${this.#port}`, async () => {
      // What a killed one has left behind may be in the way for a moment.
      if (this.#daemon === undefined || this.#daemon.hasEnded()) {
        this.#daemon = await startDaemon([...as, ...words], { folder: this.folder, log })
      }
      return await this.kind.administer(this.#port, 'select 1').then(
        () => true,
        () => false,
      )
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10 })
  }

  async #prepare(): Promise<void> {
    const owner = isRoot() ? await idsOf(this.kind.user) : undefined
    for (const path of [this.folder, join(this.folder, 'data')]) {
      await mkdir(path, { recursive: true })
      if (owner !== undefined) await chown(path, owner.user, owner.group)
    }
    for (const name of ['server.pem', 'server.key']) {
      const path = join(this.folder, name)
      await copyFile(join('fixtures/tls', name), path)
      await chmod(path, 0o600)
      if (owner !== undefined) await chown(path, owner.user, owner.group)
    }
    for (const [command = '', ...words] of await this.kind.prepare(this.folder)) {
      const as = isRoot() ? ['runuser', '-u', this.kind.user, '--'] : []
      const [program = '', ...all] = [...as, command, ...words]
      const { status, stderr, stdout } = await runCommand(program, all)
      if (status !== 0) throw new Error(`${command}:\n${stdout}${stderr}`)
    }
  }
}

/** Bytes that a server, and one beside it, have room in. */
const ROOM = 2 * 1024 ** 3

/** In memory where that has room: making a table takes MariaDB a twentieth of the time then. */
async function placeOfFiles(): Promise<string> {
  const memory = '/dev/shm'
  const found = await statfs(memory).catch(() => undefined)
  const free = found === undefined ? 0 : found.bavail * found.bsize
  return free >= ROOM ? memory : tmpdir()
}

const isRoot = () => process.getuid?.() === 0

async function idsOf(user: string): Promise<{ user: number; group: number }> {
  const [own, group] = await Promise.all(
    ['-u', '-g'].map(async which => Number((await runCommand('id', [which, user])).stdout)),
  )
  return { user: own ?? 0, group: group ?? 0 }
}
