import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { type ErrorCode, GlanceError } from '../../errors.ts'
import type { RbdSettings } from './settings.ts'

/** How a program of Ceph's ended, and what it said. */
export interface Ending {
  /** Mostly the number of an error of the system; null when a signal ended it. */
  readonly status: number | null
  /** The end of it. */
  readonly stderr: string
}

/** A program under way. */
export interface Running {
  readonly stdin: Writable
  readonly stdout: Readable
  /** As soon as it has ended and its pipes are closed. Rejects when it could not be started. */
  readonly ended: Promise<Ending>
  /** Ends it at once, whatever it is waiting for. */
  kill(): void
}

/** Errors of the system that Ceph's programs end with. */
export const ERRNO = {
  ENOENT: 2,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  ENOSPC: 28,
  ENOTEMPTY: 39,
  EDQUOT: 122,
} as const

const CODES: ReadonlyMap<number | null, ErrorCode> = new Map([
  [ERRNO.ENOENT, 'not_found'],
  [ERRNO.EBUSY, 'conflict'],
  [ERRNO.ENOTEMPTY, 'conflict'],
  [ERRNO.EEXIST, 'duplicate'],
  [ERRNO.ENOSPC, 'over_limit'],
  [ERRNO.EDQUOT, 'over_limit'],
])

/** Characters of what a program says that are kept. */
const KEPT = 4096

/** Ceph's programs, told which cluster, as whom, and how long to try. No shell is between, and no key is among the words. */
export class CephPrograms {
  readonly store: string
  readonly #settings: RbdSettings

  constructor(store: string, settings: RbdSettings) {
    this.store = store
    this.#settings = settings
  }

  start(program: 'rbd' | 'rados', words: readonly string[]): Running {
    const { connectTimeout: seconds } = this.#settings
    const timeout = seconds === null ? [] : [`--client_mount_timeout=${seconds}`]
    return launch(program, [...this.#who(), ...timeout, ...words])
  }

  /**
   * Runs `rbd` to its end, whatever that is, and resolves to its output as well. The signal is for what changes nothing,
   * or can be done again: how far the rest got, nobody could say.
   */
  async rbd(
    words: readonly string[],
    signal?: AbortSignal,
  ): Promise<Ending & { readonly stdout: string }> {
    return await read(this.start('rbd', words), signal)
  }

  /** What `ceph` answers; undefined when it does not. */
  async ceph(words: readonly string[], signal?: AbortSignal): Promise<string | undefined> {
    const { connectTimeout: seconds } = this.#settings
    const timeout = seconds === null ? [] : ['--connect-timeout', String(seconds)]
    const running = launch('ceph', [...this.#who(), ...timeout, ...words])
    const { status, stdout } = await read(running, signal)
    return status === 0 ? stdout : undefined
  }

  /** What the configuration file says, without a cluster; undefined when it says nothing. */
  async configured(option: string): Promise<string | undefined> {
    const running = launch('ceph-conf', [...this.#who(), '--lookup', option])
    const { status, stdout } = await read(running)
    return status === 0 ? stdout.trim() : undefined
  }

  /** An ending that was not wanted, as an error that a store may have. */
  fault(asked: string, { status, stderr }: Ending): GlanceError {
    // What Ceph's libraries log may have more in it than a message should.
    const said = stderr.split('\n').findLast(line => /^(?:rbd|rados|error [a-z]+): /.test(line))
    const how = status === null ? 'was stopped' : `ended with status ${status}`
    const message = `store ${this.store}: ${asked} ${how}${said === undefined ? '' : `, ${said}`}`
    return new GlanceError(CODES.get(status) ?? 'unavailable', message)
  }

  #who(): readonly string[] {
    const { cephConf, user } = this.#settings
    return [
      ...(cephConf === null ? [] : ['--conf', cephConf]),
      ...(user === null ? [] : ['--id', user]),
    ]
  }
}

function launch(program: string, words: readonly string[]): Running {
  // In a group of its own: what ends us by the terminal is to reach it as the end of its pipes, of which it dies tidily.
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  // Who writes learns of it by the end of the program.
  child.stdin.on('error', () => {})
  const ended = endOf(program, child)
  ended.catch(() => {}) // Shown to whoever waits for it.
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    ended,
    kill: () => void child.kill('SIGKILL'),
  }
}

async function endOf(
  program: string,
  child: ChildProcessByStdio<Writable, Readable, Readable>,
): Promise<Ending> {
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-KEPT)
  })
  return await new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const missing = `there is no program ${program} here: install Ceph's programs (ceph-common)`
      const message = error.code === 'ENOENT' ? missing : `${program} cannot be run: ${error.code}`
      reject(new GlanceError('unavailable', message, { cause: error }))
    })
    child.once('close', status => resolve({ status, stderr }))
  })
}

async function read(
  running: Running,
  signal?: AbortSignal,
): Promise<Ending & { readonly stdout: string }> {
  signal?.throwIfAborted()
  signal?.addEventListener('abort', running.kill)
  try {
    running.stdin.end()
    const [stdout, ending] = await Promise.all([textOf(running.stdout), running.ended])
    signal?.throwIfAborted()
    return { ...ending, stdout }
  } finally {
    signal?.removeEventListener('abort', running.kill)
  }
}

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk) // No encoding is set.
  return Buffer.concat(chunks).toString()
}
