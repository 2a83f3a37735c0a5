import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from '../../support/command.ts'
import { DEBIAN_PYTHON } from './python.ts'

/**
 * Runs a client. Its words are those of `line`, which are separated by blanks, and then `more`. Resolves to what it
 * printed; rejects, with what it complained of, when it fails.
 */
export type Client = (line: string, ...more: readonly string[]) => Promise<string>

/** Debian's `glance`, asking the service at `url`. Its homes are made in `folder`. */
export function glanceClient(folder: string, url: string): Client {
  const connect = ['--os-auth-token', 'none', '--os-image-url', url]
  // As from cron: an input that is there, be it empty, would be the data of the image.
  return clientOf(folder, ['sh', '-c', 'exec "$@" <&-', 'sh', '/usr/bin/glance', ...connect])
}

/** Debian's `openstack` with these options before all others. It dies where it has no input. */
export function openstackClient(folder: string, options: readonly string[]): Client {
  return clientOf(folder, ['/usr/bin/openstack', ...options])
}

/** What tells `openstack` where to ask without saying who does. */
export function nobodyAt(url: string): readonly string[] {
  return ['--os-auth-type', 'none', '--os-endpoint', url]
}

function clientOf(folder: string, [command = '', ...options]: readonly string[]): Client {
  return async (line, ...more) => {
    // The glance client 4.1 keeps the schema of images at home, and dies of its own options when it finds it there.
    const HOME = await mkdtemp(join(folder, 'home-'))
    const environment = { ...DEBIAN_PYTHON, HOME, COLUMNS: '200', LC_ALL: 'C.UTF-8' }
    const words = [...options, ...line.split(' '), ...more]
    const { status, stdout, stderr } = await runCommand(command, words, { environment })
    if (status !== 0) throw new Error(`${line} ${more.join(' ')}: ${stderr}`)
    return stdout
  }
}

/** The cells of a table as clients draw it, row by row, without its head. What it wraps is a row of its own. */
export function tableOf(text: string): readonly (readonly string[])[] {
  const rows = text.split('\n').filter(line => line.startsWith('|'))
  return rows.slice(1).map(row =>
    row
      .split('|')
      .slice(1, -1)
      .map(cell => cell.trim()),
  )
}

/** A table of names and values; what it wraps is put together again, without the blank that was there. */
export function rowsOf(text: string): Readonly<Record<string, string>> {
  const rows: Record<string, string> = {}
  let last = ''
  for (const [name = '', value = ''] of tableOf(text)) {
    if (name !== '') last = name
    rows[last] = `${rows[last] ?? ''}${value}`
  }
  return rows
}

/** The rest of the columns of the row that begins with `name`; undefined when there is none. */
export function rowOf(text: string, name: string): readonly string[] | undefined {
  return tableOf(text)
    .find(([first]) => first === name)
    ?.slice(1)
}

/** The first column of a table. */
export function namesIn(text: string): readonly string[] {
  return tableOf(text).map(([name = '']) => name)
}
