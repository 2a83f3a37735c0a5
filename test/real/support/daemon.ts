import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { DEBIAN_PYTHON } from './python.ts'

/** A service of Debian's, on its way up or running. */
export interface Daemon {
  readonly pid: number
  hasEnded(): boolean
  /** All that it has said. */
  log(): Promise<string>
  stop(): Promise<void>
  /** Stops it in the middle of what it does, with the processes that it has started, until `SIGCONT`. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): Promise<void>
}

/** Starts a program that writes what it says to the file `log`, in `folder`. */
export async function startDaemon(
  words: readonly string[],
  { folder, log }: { readonly folder: string; readonly log: string },
): Promise<Daemon> {
  const output = openSync(log, 'a')
  // It dies with us even when we are killed, and leads a group, so that its children are stopped with it.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...words], {
    stdio: ['ignore', output, output],
    cwd: folder,
    env: { ...process.env, ...DEBIAN_PYTHON },
    detached: true,
  })
  closeSync(output)
  await once(child, 'spawn')
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  return {
    pid: child.pid ?? 0, // It has been spawned.
    hasEnded,
    log: async () => await readFile(log, 'utf8'),
    stop: async () => {
      if (hasEnded() || child.pid === undefined) return
      const exit = once(child, 'exit')
      process.kill(-child.pid, 'SIGKILL')
      await exit
    },
    signal: async name => {
      if (child.pid === undefined) return
      for (const pid of [child.pid, ...(await childrenOf(child.pid))]) process.kill(pid, name)
    },
  }
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.trim().split(/\s+/).filter(Boolean).map(Number)
}

/** A port that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new TypeError('not a TCP port')
  return address.port
}
