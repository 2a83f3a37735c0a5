import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GlanceError, messageOf } from '../errors.ts'
import { type Fields, isFields } from './documents.ts'

/** Where clouds.yaml is looked for. */
export interface Place {
  readonly environment: Readonly<NodeJS.ProcessEnv>
  /** The current directory. */
  readonly folder: string
}

/** A file that was found. */
export interface CloudFile {
  readonly path: string
  readonly document: Fields
}

/**
 * Reads the first file of this name (`clouds`, `secure`, `clouds-public`) that is there and may be read, as
 * openstacksdk does: what `variable` names, then in the current directory, the user's directories of configuration, the
 * site's, and /etc/openstack, each as .yaml, .yml and .json. Undefined when there is none.
 * @throws {GlanceError} `usage` for what cannot be understood, and for a file that `variable` names and is not there.
 */
export async function findFile(
  name: string,
  variable: string | undefined,
  place: Place,
): Promise<CloudFile | undefined> {
  const named = variable === undefined ? undefined : place.environment[variable]
  if (variable !== undefined && named) return await readNamed(named, variable)
  for (const folder of foldersOf(place)) {
    for (const ending of ['yaml', 'yml', 'json']) {
      const path = join(folder, `${name}.${ending}`)
      const text = await readFile(path, 'utf8').catch(absent)
      if (text !== undefined) return { path, document: await parse(path, text) }
    }
  }
  return undefined
}

async function readNamed(path: string, variable: string): Promise<CloudFile> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new GlanceError('usage', `${variable}: ${messageOf(cause)}`, { cause })
  })
  return { path, document: await parse(path, text) }
}

/** In the order in which they are looked into. */
export function foldersOf({ environment, folder }: Place): readonly string[] {
  const home = environment['SNAP_REAL_HOME'] || environment['HOME'] || ''
  const users = [environment['XDG_CONFIG_HOME'] ?? '', home === '' ? '' : join(home, '.config')]
  const sites = (environment['XDG_CONFIG_DIRS'] || '/etc/xdg').split(':')
  const below = [...users, ...sites]
    .filter(path => path !== '')
    .map(path => join(path, 'openstack'))
  return [...new Set([folder, ...below, '/etc/openstack'])]
}

function absent(error: unknown): undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES' || code === 'EISDIR') return
  throw new GlanceError('usage', messageOf(error), { cause: error })
}

/** As PyYAML reads it: YAML 1.1, of two equal keys the last. What the file says is in no message. */
async function parse(path: string, text: string): Promise<Fields> {
  const { LineCounter, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text, {
    version: '1.1',
    schema: 'yaml-1.1',
    prettyErrors: false,
    lineCounter: lines,
    uniqueKeys: false,
    intAsBigInt: true,
    logLevel: 'silent',
    customTags: tags => tags.filter(tag => tag !== 'timestamp' && !isTimestamp(tag)),
  })
  const [error] = document.errors
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0])
    const what = error.code.toLowerCase().replaceAll('_', ' ')
    throw new GlanceError('usage', `${path}: line ${line}, column ${col}: ${what}`)
  }
  const content: unknown = document.toJS()
  if (content === null || content === undefined) return {}
  if (isFields(content)) return content
  throw new GlanceError('usage', `${path}: expected settings by name, as in 'clouds:'`)
}

function isTimestamp(tag: unknown): boolean {
  return isFields(tag) && tag['tag'] === 'tag:yaml.org,2002:timestamp'
}
