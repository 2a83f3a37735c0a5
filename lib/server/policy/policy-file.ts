import { GlanceError, messageOf } from '../../errors.ts'
import type { Check, RuleTable } from './check.ts'
import { parseCheck, parseCheckList } from './parse-check.ts'

/**
 * Reads a policy file: names of rules and the rules, as a JSON object or as YAML. Of YAML it takes what such files
 * need: one `name: rule` after the other, with or without quotes, comments, rules that go on in indented lines, and
 * the block forms `>` and `|`. Of a name that is there several times the last counts.
 * @throws {GlanceError} `usage`, naming the line or the rule.
 */
export function parsePolicyFile(text: string, path: string): RuleTable {
  const entries = text.trimStart().startsWith('{')
    ? jsonEntries(text, path)
    : yamlEntries(text, path)
  return new Map(entries.map(({ name, rule, place }) => [name, checkOf(rule, name, place)]))
}

interface Entry {
  readonly name: string
  readonly rule: unknown
  /** The file, and the line if it is known; for messages. */
  readonly place: string
}

function checkOf(rule: unknown, name: string, place: string): Check {
  try {
    if (typeof rule === 'string') return parseCheck(rule)
    if (Array.isArray(rule)) return parseCheckList(rule)
    throw new SyntaxError('it has to be text')
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new GlanceError('usage', `${place}: rule '${name}': ${error.message}`, { cause: error })
  }
}

function jsonEntries(text: string, path: string): Entry[] {
  try {
    const rules = Object.entries(JSON.parse(text) as object) // It begins with a brace.
    return rules.map(([name, rule]: [string, unknown]) => ({ name, rule, place: path }))
  } catch (error) {
    throw new GlanceError('usage', `${path}: ${messageOf(error)}`, { cause: error })
  }
}

function yamlEntries(text: string, path: string): Entry[] {
  const open: { name: string; first: string; more: string[]; place: string }[] = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const place = `${path}, line ${index + 1}`
    if (/^\s*(?:#|$)/.test(line) || line === '---' || line === '...') continue
    const last = open.at(-1)
    if (/^\s/.test(line)) {
      if (last === undefined) throw wrong(place, 'an indented line that goes on with nothing')
      last.more.push(line.trim())
    } else {
      open.push({ ...splitEntry(line, place), more: [], place })
    }
  }
  return open.map(({ name, first, more, place }) => {
    const isBlock = /^[>|][+-]?(?:\s+#.*)?$/.test(first)
    const value = isBlock ? more.join(' ') : scalar([first, ...more].join(' ').trim(), place)
    return { name, rule: value, place }
  })
}

function splitEntry(line: string, place: string): { name: string; first: string } {
  const [, quoted, plain, first] =
    /^(?:("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|([^"'#[\]{},&*!|>%@`\s][^#]*?))\s*:(?:\s+(.*))?$/.exec(
      line,
    ) ?? []
  const name = quoted === undefined ? plain : scalar(quoted, place)
  if (typeof name !== 'string') throw wrong(place, `'${line}' has to be 'name: "rule"'`)
  return { name, first: first?.trim() ?? '' }
}

/** The value of a YAML scalar or of a list in JSON, without a comment after it. */
function scalar(text: string, place: string): unknown {
  const [, quoted] = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|\[.*\])\s*(?:#.*)?$/.exec(text) ?? []
  if (quoted === undefined) return plainScalar(text.replace(/(?:^|\s+)#.*$/, ''), place)
  if (quoted.startsWith("'")) return quoted.slice(1, -1).replaceAll("''", "'")
  try {
    return JSON.parse(quoted) as unknown
  } catch (error) {
    throw wrong(place, messageOf(error))
  }
}

function plainScalar(text: string, place: string): string {
  if (text === '') throw wrong(place, 'there is no rule; one that lets everybody through is ""')
  if (/^["'[\]{},&*!|>%@`]/.test(text) || /:(?:\s|$)/.test(text)) {
    throw wrong(place, `${text} has to be in quotes`)
  }
  return text
}

function wrong(place: string, message: string): GlanceError {
  return new GlanceError('usage', `${place}: ${message}`)
}
