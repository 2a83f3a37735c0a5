import { isMap, isScalar, LineCounter, type ParsedNode, parseDocument } from 'yaml'
import { GlanceError } from '../../errors.ts'
import type { Check, RuleTable } from './check.ts'
import { parseCheck, parseCheckList } from './parse-check.ts'

/**
 * Reads a policy file: names of rules and the rules, as YAML, of which JSON is a part. Of a name that is there several
 * times the last counts. @throws {GlanceError} `usage`, naming the line.
 */
export function parsePolicyFile(text: string, path: string): RuleTable {
  const lines = new LineCounter()
  const wrong = (offset: number, message: string) => {
    const { line } = lines.linePos(offset)
    return new GlanceError('usage', `${path}, line ${line}: ${message}`)
  }
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
  })
  const [fault] = [...document.errors, ...document.warnings]
  if (fault !== undefined) throw wrong(fault.pos[0], said(fault))
  const { contents } = document
  if (contents === null || (isScalar(contents) && contents.value === null)) return new Map()
  if (!isMap(contents)) throw wrong(contents.range[0], 'it has to be \'name: "rule"\'')
  return new Map(
    contents.items.map(({ key, value }) => {
      if (!isScalar(key) || typeof key.value !== 'string') {
        throw wrong(key.range[0], 'the name of a rule has to be text')
      }
      try {
        return [key.value, checkOf(value)] as const
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error
        throw wrong(key.range[0], `rule '${key.value}': ${error.message}`)
      }
    }),
  )
}

/** @throws {SyntaxError} when it is no rule. */
function checkOf(node: ParsedNode | null): Check {
  // An exclamation mark without quotes gives a type to what comes after it, which may be nothing: a rule for everybody.
  if (node?.tag !== undefined) {
    throw new SyntaxError(`a rule that begins with ${node.tag} has to be in quotes`)
  }
  const value: unknown = node?.toJSON()
  if (typeof value === 'string') return parseCheck(value)
  if (Array.isArray(value)) return parseCheckList(value)
  if (value === undefined || value === null) {
    throw new SyntaxError('there is no rule; one that lets everybody through is ""')
  }
  throw new SyntaxError('it has to be text')
}

function said({ code, message }: { readonly code: string; readonly message: string }): string {
  const words = `${message.charAt(0).toLowerCase()}${message.slice(1)}`
  return code === 'BAD_SCALAR_START' ? `${words}: it has to be in quotes` : words
}
