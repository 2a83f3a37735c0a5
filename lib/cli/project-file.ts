import { readFile } from 'node:fs/promises'
import { GlanceError, messageOf } from '../errors.ts'
import type { ProjectList } from '../keystone/projects.ts'

/** One line of a file of projects, as it was typed. */
export interface ProjectLine {
  readonly source: string
  readonly target: string
}

/** Reads lines of the form `SOURCE: TARGET`, which is YAML. @throws {GlanceError} `usage`, naming what is wrong and where. */
export async function readProjectFile(file: string): Promise<readonly ProjectLine[]> {
  const wrong = (why: string, cause?: unknown) =>
    new GlanceError('usage', `--map-projects ${file}: ${why}`, { cause })
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw wrong(messageOf(cause), cause)
  })
  const { isMap, isScalar, LineCounter, parseDocument } = await import('yaml')
  const lineCounter = new LineCounter()
  // By this schema whatever stands there is text, also what looks like a number.
  const document = parseDocument(text, { schema: 'failsafe', lineCounter })
  const [error] = document.errors
  if (error !== undefined) throw wrong(error.message.replaceAll(/\s*\n[\s\S]*/g, ''), error)
  const { contents } = document
  if (contents === null) return []
  if (!isMap(contents)) throw wrong('expected lines of the form SOURCE: TARGET')
  return contents.items.map(({ key, value }) => {
    const [source, target] = [key, value].map(node =>
      isScalar(node) && typeof node.value === 'string' ? node.value.trim() : '',
    )
    if (source && target) return { source, target }
    const start = isScalar(key) ? key.range?.[0] : undefined
    const { line } = lineCounter.linePos(start ?? 0)
    throw wrong(`line ${line}: expected SOURCE: TARGET, each an id, a name or DOMAIN/NAME`)
  })
}

/**
 * The id of the project that is meant by an id, a name or `DOMAIN/NAME`; undefined where there is none. Without a list
 * it is the text itself. @throws {GlanceError} `usage` for a name that only a list explains, or that several have.
 */
export function projectIdOf(
  text: string,
  list: ProjectList | undefined,
  side: 'source' | 'target',
): string | undefined {
  if (list === undefined) {
    if (!text.includes('/')) return text
    throw new GlanceError(
      'usage',
      `--map-projects: '${text}': no Keystone is known for the ${side}: name its projects by their ids, or name a cloud`,
    )
  }
  const { projects, complete } = list
  if (projects.some(({ id }) => id === text)) return text
  const named = projects.filter(
    ({ name, domainId, domainName }) =>
      `${domainId}/${name}` === text || `${domainName}/${name}` === text,
  )
  const [first, ...others] = named.length > 0 ? named : projects.filter(({ name }) => name === text)
  if (first === undefined)
    return isIdLike(text) && (side === 'source' || !complete) ? text : undefined
  if (others.length === 0) return first.id
  const domains = [first, ...others].map(({ domainId, domainName }) => domainName ?? domainId)
  throw new GlanceError(
    'usage',
    `--map-projects: '${text}': the ${side} has it in several domains (${domains.join(', ')}): write DOMAIN/NAME`,
  )
}

/** Owners may be projects that were deleted, or that we are not told of. */
function isIdLike(text: string): boolean {
  return /^[0-9a-f]{32}$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
}
