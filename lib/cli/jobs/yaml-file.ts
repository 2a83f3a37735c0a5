import { readFile } from 'node:fs/promises'
import type { Document, LineCounter, Pair } from 'yaml'
import { GlanceError, messageOf } from '../../errors.ts'

/** A YAML document that knows where in its file everything stands. */
export interface YamlFile {
  readonly content: unknown
  /**
   * An error that says where it is: at the value of a path of keys, or at the last of the keys. Of what is not there
   * itself, as it was merged or is missing, it is the nearest thing around it.
   */
  fault(path: readonly string[], message: string, at?: 'key' | 'value'): GlanceError
}

/** @throws {GlanceError} `usage`; what the file says is in no message. */
export async function readYaml(path: string): Promise<YamlFile> {
  const yaml = await import('yaml')
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new GlanceError('usage', messageOf(cause), { cause })
  })
  const lines = new yaml.LineCounter()
  const document = yaml.parseDocument(text, {
    prettyErrors: false,
    lineCounter: lines,
    merge: true,
    logLevel: 'silent',
  })
  const [error] = document.errors
  if (error !== undefined) {
    throw faultAt(path, lines, error.pos[0], error.code.toLowerCase().replaceAll('_', ' '))
  }
  return {
    content: contentOf(path, document),
    fault: (keys, message, at = 'value') =>
      faultAt(path, lines, positionOf(yaml, document, keys, at), message),
  }
}

function contentOf(path: string, document: Document): unknown {
  try {
    return document.toJS()
  } catch (cause) {
    // An alias of nothing, or of too much.
    throw new GlanceError('usage', `${path}: ${messageOf(cause)}`, { cause })
  }
}

function positionOf(
  { isAlias, isMap, isNode, isScalar }: typeof import('yaml'),
  document: Document,
  path: readonly string[],
  at: 'key' | 'value',
): number {
  let node: unknown = document.contents
  let position = 0
  for (const [i, key] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document)
    if (!isMap(node)) break
    const isKey = ({ key: its }: Pair) => isScalar(its) && String(its.value) === key
    const pair: Pair | undefined = node.items.find(isKey)
    if (pair === undefined) break
    const wanted =
      i === path.length - 1 && at === 'value' && isNode(pair.value) ? pair.value : pair.key
    if (isNode(wanted)) position = wanted.range?.[0] ?? position
    node = pair.value
  }
  return position
}

function faultAt(path: string, lines: LineCounter, offset: number, message: string): GlanceError {
  const { line, col } = lines.linePos(offset)
  // An empty file has no lines.
  const [shownLine, column] = [Math.max(line, 1), Math.max(col, 1)]
  return new GlanceError('usage', `${path}: line ${shownLine}, column ${column}: ${message}`)
}
