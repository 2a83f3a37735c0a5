import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'

/**
 * A name that no other writer has, nor will have: host, process, when the kernel started it, since process numbers come
 * again, and a random part. What is written under it can be told to be nobody's once the process is gone.
 */
export async function writerName(): Promise<string> {
  const started = (await startedAt(process.pid)) ?? UNKNOWN
  return [HOST, process.pid, started, randomBytes(4).toString('hex')].join('-')
}

/** Whether `writer` was a process of this host and is gone. Of other hosts' nobody here knows. */
export async function isGone(writer: string): Promise<boolean> {
  const [host, pid = '', started] = writer.split('-')
  if (host !== HOST || !/^\d+$/.test(pid)) return false
  const now = await startedAt(Number(pid))
  return now === undefined ? !isAlive(Number(pid)) : now !== started
}

const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)

/** Where the kernel does not tell when a process was started. */
const UNKNOWN = '0'

/** Clock ticks from the start of the system (proc(5): field 22); undefined where there is no such process, or no /proc. */
async function startedAt(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // The second field is the program's name in parentheses, which may hold anything.
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19]
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
