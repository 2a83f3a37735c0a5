import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Seconds after which a command is taken for stuck. */
const STUCK = 1800

export interface Timed {
  readonly output: string
  readonly seconds: number
  readonly userSeconds: number
  readonly systemSeconds: number
  readonly peakMiB: number
  /** By all the processors of this machine, whoever made them work. */
  readonly busySeconds: number
}

/** What a shell command takes, by the kernel's accounts, which `wait4` gives to a parent. */
export async function timed(command: string): Promise<Timed> {
  const script = [
    'import json, resource, subprocess, sys, time',
    // Seconds that the processors of this machine have been at work, all together: neither idle nor waiting.
    'def busy():',
    '    with open("/proc/stat") as stat: ticks = [int(word) for word in stat.readline().split()[1:9]]',
    '    return (sum(ticks) - ticks[3] - ticks[4]) / 100',
    'before, began = busy(), time.monotonic()',
    `done = subprocess.run(["timeout", "${STUCK}", "bash", "-o", "pipefail", "-c", sys.argv[1]], capture_output=True)`,
    'took, at_work = time.monotonic() - began, busy() - before',
    'used = resource.getrusage(resource.RUSAGE_CHILDREN)',
    'print(json.dumps([done.returncode, took, at_work, used.ru_utime, used.ru_stime, used.ru_maxrss / 1024, done.stdout.decode(), done.stderr.decode(errors="replace")[-2000:]]))',
  ].join('\n')
  const child = spawn('/usr/bin/python3', ['-c', script, command], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, LENS: '' },
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more))
  await once(child, 'close')
  // What the script prints.
  const [status, seconds, busySeconds, userSeconds, systemSeconds, peakMiB, output, told] =
    JSON.parse(text) as [...[number, number, number, number, number, number], ...[string, string]]
  if (status !== 0) throw new Error(`exit status ${status}: ${command}\n${told}`)
  return { output, seconds, userSeconds, systemSeconds, peakMiB, busySeconds }
}

/** Does something that is not measured. */
export async function shell(command: string, lens: readonly string[] = []): Promise<void> {
  const child = spawn('bash', ['-o', 'pipefail', '-c', command], {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { ...process.env, LENS: lens.join(' ') },
  })
  await once(child, 'close')
  if (child.exitCode !== 0) throw new Error(`exit status ${child.exitCode}: ${command}`)
}
