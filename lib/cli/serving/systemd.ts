import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { GlanceError, messageOf } from '../../errors.ts'

/** The first descriptor that systemd hands over (sd_listen_fds(3)). */
const FIRST_FD = 3

/**
 * The descriptor at which systemd listens for us, by its socket unit; undefined when it does not. Programs that we start
 * do not take it for theirs: the variables are removed. @throws {GlanceError} `usage` for several.
 */
export function takeListener(environment: NodeJS.ProcessEnv): number | undefined {
  const { LISTEN_PID: pid, LISTEN_FDS: count } = environment
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete environment[name]
  if (pid !== String(process.pid) || count === undefined || count === '0') return undefined
  if (count === '1') return FIRST_FD
  throw new GlanceError(
    'usage',
    `LISTEN_FDS is ${count}: the socket unit has to listen at one place`,
  )
}

/** Tells systemd how we are, where it wants to know (`Type=notify`). */
export interface ServiceManager {
  ready(): Promise<void>
  reloading(): Promise<void>
  stopping(): Promise<void>
}

/**
 * Node has no datagrams on local sockets; systemd's own systemd-notify has, so that the unit needs
 * `NotifyAccess=all`. `warn` is told of what cannot be told.
 */
export function serviceManager(
  environment: Readonly<NodeJS.ProcessEnv>,
  warn: (message: string) => void,
): ServiceManager {
  const say = async (...variables: readonly string[]) => {
    if (environment['NOTIFY_SOCKET'] === undefined) return
    try {
      await notify(variables, environment)
    } catch (error) {
      warn(`systemd is not told ${variables[0]}: ${messageOf(error)}`)
    }
  }
  return {
    ready: () => say('READY=1', `MAINPID=${process.pid}`),
    // Of the same clock as CLOCK_MONOTONIC.
    reloading: () => say('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping: () => say('STOPPING=1'),
  }
}

async function notify(variables: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  // In a group of its own Ctrl-C does not end it.
  const child = spawn('systemd-notify', variables, {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
    env,
  })
  const [said] = await Promise.all([text(child.stderr), once(child, 'close')])
  if (child.exitCode !== 0)
    throw new Error(said.trim() || `systemd-notify ended (${child.exitCode})`)
}
