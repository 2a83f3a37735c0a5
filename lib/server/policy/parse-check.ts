import type { Check, Template } from './check.ts'

/**
 * Reads a rule in the language of oslo.policy, such as `role:admin or project_id:%(owner)s`; empty text lets everybody
 * through. `not` binds tighter than `and`, and that tighter than `or`.
 * @throws {SyntaxError} where oslo.policy would log an error and let nobody through.
 */
export function parseCheck(text: string): Check {
  if (text === '') return { type: 'always' }
  const tokens = tokensOf(text)
  const check = alternatives(tokens)
  const [left] = tokens
  if (left !== undefined) throw new SyntaxError(`'${left.text}' is unexpected`)
  return check
}

/**
 * Reads a rule in the form of before 2012: a list of alternatives, each a check or a list of checks that all have to
 * hold. An empty list lets everybody through. @throws {SyntaxError} as {@link parseCheck}, and for any other form.
 */
export function parseCheckList(list: readonly unknown[]): Check {
  if (list.length === 0) return { type: 'always' }
  const alternatives = list
    .map((inner: unknown) => (Array.isArray(inner) ? (inner as readonly unknown[]) : [inner]))
    .filter(inner => inner.length > 0)
    .map(inner => join('and', inner.map(parseListed)))
  return alternatives.length === 0 ? { type: 'never' } : join('or', alternatives)
}

function parseListed(text: unknown): Check {
  if (typeof text !== 'string') throw new SyntaxError('a list may only hold text')
  return parsePrimary(text)
}

interface Token {
  readonly type: '(' | ')' | 'and' | 'or' | 'not' | 'check'
  readonly text: string
}

/** Parentheses count only at the beginning and the end of a word: `%(owner)s` has some inside. */
function tokensOf(text: string): Token[] {
  return text.split(/\s+/).flatMap((word): Token[] => {
    const [, opening = '', rest = ''] = /^(\(*)(.*)$/s.exec(word) ?? []
    const inner = rest.replace(/\)+$/, '')
    const closing = rest.slice(inner.length)
    return [
      ...Array.from(opening, (): Token => ({ type: '(', text: '(' })),
      ...(inner === '' ? [] : [wordToken(inner)]),
      ...Array.from(closing, (): Token => ({ type: ')', text: ')' })),
    ]
  })
}

function wordToken(text: string): Token {
  const lower = text.toLowerCase()
  if (lower === 'and' || lower === 'or' || lower === 'not') return { type: lower, text }
  return { type: 'check', text }
}

// Each takes what it reads from the front of the tokens.

function alternatives(tokens: Token[]): Check {
  const checks = [conjunction(tokens)]
  while (tokens[0]?.type === 'or') {
    tokens.shift()
    checks.push(conjunction(tokens))
  }
  return join('or', checks)
}

function conjunction(tokens: Token[]): Check {
  const checks = [negation(tokens)]
  while (tokens[0]?.type === 'and') {
    tokens.shift()
    checks.push(negation(tokens))
  }
  return join('and', checks)
}

function negation(tokens: Token[]): Check {
  const token = tokens.shift()
  switch (token?.type) {
    case 'not':
      return { type: 'not', check: negation(tokens) }
    case '(': {
      const check = alternatives(tokens)
      if (tokens.shift()?.type !== ')') throw new SyntaxError("a ')' is missing")
      return check
    }
    case 'check':
      return parsePrimary(token.text)
    case ')':
    case 'and':
    case 'or':
      throw new SyntaxError(`'${token.text}' is unexpected`)
    case undefined:
      throw new SyntaxError('it ends where a check is missing')
  }
}

function join(type: 'and' | 'or', checks: readonly Check[]): Check {
  const [first] = checks
  return first !== undefined && checks.length === 1 ? first : { type, checks }
}

function parsePrimary(text: string): Check {
  if (text === '@') return { type: 'always' }
  if (text === '!') return { type: 'never' }
  const colon = text.indexOf(':')
  const kind = text.slice(0, colon)
  const match = text.slice(colon + 1)
  if (colon < 1) throw new SyntaxError(`'${text}' is no check: it has to be like 'role:admin'`)
  if (kind === 'http' || kind === 'https') return remoteCheck(text)
  if (kind === 'rule') return { type: 'rule', name: match }
  if (kind === 'role') return { type: 'role', role: parseTemplate(match) }
  const value = constantIn(kind)
  if (value !== undefined) return { type: 'constant', value, text: parseTemplate(match) }
  return { type: 'attribute', name: kind, text: parseTemplate(match) }
}

/** Parts of the target may stand in the path and the query, not where they would say which server is asked. */
function remoteCheck(text: string): Check {
  const [, server] = /^(https?:\/\/[^/?#%]+)(?:[/?#]|$)/.exec(text) ?? []
  if (server === undefined || !URL.canParse(server)) {
    throw new SyntaxError(`'${text}' is not the URL of a server`)
  }
  return { type: 'remote', url: parseTemplate(text) }
}

/** The text of a constant as Python writes it; undefined for the name of an attribute. */
function constantIn(kind: string): string | undefined {
  const [, , quoted] = /^(["'])([^"'\\]*)\1$/.exec(kind) ?? []
  if (quoted !== undefined) return quoted
  if (/^(?:True|False|None|\d+)$/.test(kind)) return kind
  if (/^[\w.]+$/.test(kind)) return undefined
  throw new SyntaxError(`'${kind}' is neither a constant nor an attribute of the caller`)
}

function parseTemplate(text: string): Template {
  const pieces: (string | { key: string })[] = []
  for (const [piece, key] of text.matchAll(/%\(([^)]*)\)s|%%|%|[^%]+/g)) {
    if (key !== undefined) pieces.push({ key })
    else if (piece === '%') throw new SyntaxError(`'${text}': a % has to be %(key)s or %%`)
    else pieces.push(piece === '%%' ? '%' : piece)
  }
  return pieces
}
