import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { GlanceError, messageOf } from '../errors.ts'
import { parseOsloConfig, type Setting } from '../server/oslo-config.ts'
import { STANDARD } from './dumps.ts'

/** A database that is to be imported, as the user names it. */
export interface ImportSource {
  /** As SQLAlchemy writes it; it may hold a password. */
  readonly url: string
  /** What its locations are encrypted with; null when nobody says. */
  readonly encryptionKey: string | null
  /** Whether everybody who may list this machine's processes saw the password. */
  readonly exposed: boolean
}

/** Where Glance has had the URL of its database, the latest first: of `[database]` since 2013, of `[DEFAULT]` before. */
const URL_OPTIONS = [
  ['database', 'connection'],
  ['database', 'sql_connection'],
  ['DEFAULT', 'sql_connection'],
] as const

/**
 * What `text` names: a URL, `-` for one on standard input, or else a file that has nothing but one, or that is a
 * configuration of Glance, whose database is meant. @throws {GlanceError} `usage`, never with the URL.
 */
export async function importSource(
  text: string,
  keyFile: string | undefined,
  input: () => Readable,
): Promise<ImportSource> {
  const givenKey = keyFile === undefined ? null : firstLine(await read(keyFile))
  // Whatever is wrong with it, it is no name of a file, which would be told.
  if (text.includes('://')) {
    const exposed = /^[^/]*:\/\/[^/]*:[^/]*@/.test(text)
    return { url: text, encryptionKey: givenKey, exposed }
  }
  if (SCHEME.test(text)) {
    const message =
      'that is neither a file nor a URL: one is written as engine://user@host/database'
    throw new GlanceError('usage', message)
  }
  const isStandard = text === STANDARD
  const name = isStandard ? 'standard input' : text
  const content = isStandard ? await readAll(input()) : await read(text)
  const first = content.split(/\r?\n/).find(line => /^[^#;\s]/.test(line)) ?? ''
  if (isUrl(first)) return { url: first.trim(), encryptionKey: givenKey, exposed: false }
  const { interpolated } = await import('../server/options/read.ts')
  const settings = isStandard ? [] : interpolated(parseOsloConfig(content, text))
  const url = URL_OPTIONS.map(([section, option]) => lastOf(settings, section, option)).find(
    url => url !== undefined,
  )
  if (url === undefined) {
    const wanted = isStandard ? 'the URL of a database' : 'a URL, or a [database] connection'
    throw new GlanceError('usage', `${name}: expected ${wanted}`)
  }
  const key = lastOf(settings, 'DEFAULT', 'metadata_encryption_key') ?? null
  return { url, encryptionKey: givenKey ?? key, exposed: false }
}

/** What begins so was to be a URL, and may hold a password. A file of such a name is named by `./` before it. */
const SCHEME = /^[a-z][a-z0-9+]*:\//i

function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+]*:\/\//.test(text)
}

/** An option that is set to nothing is as one that is not there. */
function lastOf(settings: readonly Setting[], section: string, option: string) {
  const found = settings.findLast(one => one.section === section && one.option === option)
  return found?.value === '' ? undefined : found?.value
}

async function read(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new GlanceError('usage', `${file}: ${messageOf(cause)}`, { cause })
  })
}

/** Characters that a URL with a password may have. */
const MOST = 65_536

async function readAll(input: Readable): Promise<string> {
  let text = ''
  for await (const chunk of input) {
    text += String(chunk)
    if (text.length > MOST) throw new GlanceError('usage', 'standard input: that is no URL')
  }
  return text
}

function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0] ?? ''
}
