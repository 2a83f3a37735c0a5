import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type RunningCommand, startProgram } from './command.ts'
import { soon } from './soon.ts'

/** `serve` with a configuration, in processes of its own. */
export interface TestService extends RunningCommand {
  readonly url: string
  readonly port: number
  readonly folder: string
  /** Replaces the configuration, which nobody reads yet. */
  configure(...lines: readonly string[]): void
  /** Resolves when so many lines of its log match. */
  until(pattern: RegExp, times?: number): Promise<void>
  log(): string
  /** The processes of its workers. */
  workers(): readonly number[]
}

/** Starts it in a folder of its own, with `lines` for its configuration besides the place of its data. */
export async function startService(
  t: Test,
  lines: readonly string[],
  {
    words = [],
    environment = {},
    folder = t.testdir(),
    onStarted = async () => {},
  }: {
    readonly words?: readonly string[]
    readonly environment?: Readonly<Record<string, string>>
    readonly folder?: string
    /** Told when there is a process, which may not serve yet. */
    readonly onStarted?: (pid: number) => Promise<void>
  } = {},
): Promise<TestService> {
  const config = join(folder, 'glance.conf')
  const logFile = join(folder, 'log')
  const configure = (...lines: readonly string[]) => {
    const all = ['[DEFAULT]', `data_dir = ${folder}/data`, 'bind_port = 0', ...lines, '']
    writeFileSync(config, all.join('\n'))
  }
  configure(...lines)
  const running = await startProgram(
    ['serve', '--config', config, '--log-file', logFile, ...words],
    { environment },
  )
  t.teardown(() => running[Symbol.asyncDispose]())
  await onStarted(running.pid)
  const url = (await running.firstLine()).replace('listening on ', '')
  const log = () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '')
  return {
    ...running,
    url,
    port: Number(new URL(url).port),
    folder,
    configure,
    log,
    until: async (pattern, times = 1) => {
      while (
        log()
          .split('\n')
          .filter(line => pattern.test(line)).length < times
      )
        await soon()
    },
    workers: () => childrenOf(running.pid),
  }
}

/** The processes that one has started and that have not ended. */
export function childrenOf(pid: number): readonly number[] {
  const path = `/proc/${pid}/task/${pid}/children`
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  return text.split(' ').filter(Boolean).map(Number).filter(isAlive)
}

/** Whether there is a process, other than one that has ended and that nobody has taken note of. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** Resolves when none of them is there any more. */
export async function untilGone(pids: readonly number[]): Promise<void> {
  while (pids.some(isAlive)) await soon()
}
