import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** A process and those that it has started. */
export function familyOf(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return [pid, ...children.split(' ').filter(Boolean).map(Number)]
}

/** Bytes of memory that these processes take up together, what they share counted once. */
export function memoryOf(pids: readonly number[]): number {
  const sizes = pids.map(pid => {
    const [, kilobytes] = /^Pss:\s+(\d+) kB$/m.exec(
      readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'),
    ) ?? [null, 'nothing']
    return Number(kilobytes) * 1024
  })
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** What the descriptors of these processes are of, such as `socket` or a path; in order, several times what several are of. */
export function descriptorsOf(pids: readonly number[]): readonly string[] {
  const all = pids.flatMap(pid => {
    const folder = `/proc/${pid}/fd`
    return readdirSync(folder).flatMap(fd => {
      try {
        return [readlinkSync(`${folder}/${fd}`).replace(/:\[\d+\]$/, '')]
      } catch {
        return [] // It has been closed since.
      }
    })
  })
  return all.toSorted()
}

/** How many connections somebody has with a port of this machine. */
export function connectionsTo(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const lines = ['tcp', 'tcp6'].flatMap(name =>
    readFileSync(`/proc/net/${name}`, 'utf8').split('\n').slice(1, -1),
  )
  return lines.filter(line => {
    const [, at = '', , state] = line.trim().split(/\s+/)
    return at.endsWith(local) && state === ESTABLISHED
  }).length
}

/** As the kernel has it (include/net/tcp_states.h). */
const ESTABLISHED = '01'

/** The middle one in order. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
