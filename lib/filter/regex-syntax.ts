import { GlanceError } from '../errors.ts'

/** What a regular expression says. */
export type Node =
  | { readonly type: 'character'; readonly takes: (character: string) => boolean }
  | { readonly type: 'assertion'; readonly what: '^' | '$' | 'b' | 'B' }
  | { readonly type: 'sequence' | 'choice'; readonly nodes: readonly Node[] }
  /** `index`: which capture it is; null for none. */
  | { readonly type: 'group'; readonly index: number | null; readonly node: Node }
  | {
      readonly type: 'repeat'
      readonly node: Node
      readonly least: number
      /** Infinity when there is no end. */
      readonly most: number
      readonly greedy: boolean
    }

/** Groups within groups, at most. */
const DEEPEST = 50

/**
 * Reads a regular expression of JavaScript, by its rules for Unicode, without what would need to look back or ahead.
 * Single characters and classes are JavaScript's own. @throws {GlanceError} `usage`, naming what is wrong.
 */
export function parseRegex(source: string, ignoreCase: boolean): { readonly node: Node } {
  let at = 0
  let groups = 0

  function choice(depth: number): Node {
    if (depth > DEEPEST) throw bad(`has more than ${DEEPEST} groups within each other`)
    const nodes = [sequence(depth)]
    while (source[at] === '|') {
      at += 1
      nodes.push(sequence(depth))
    }
    return nodes.length === 1 && nodes[0] !== undefined ? nodes[0] : { type: 'choice', nodes }
  }

  function sequence(depth: number): Node {
    const nodes: Node[] = []
    while (at < source.length && source[at] !== '|' && source[at] !== ')') {
      nodes.push(repeated(atom(depth)))
    }
    return { type: 'sequence', nodes }
  }

  function atom(depth: number): Node {
    const character = source[at]
    if (character === '(') return group(depth)
    if (character === '^' || character === '$') {
      at += 1
      return { type: 'assertion', what: character }
    }
    const [boundary] = match(/\\[bB]/y)
    if (boundary !== undefined) {
      return { type: 'assertion', what: boundary === '\\b' ? 'b' : 'B' }
    }
    const [looksBack] = match(/\\(?:[1-9]|k<)/y)
    if (looksBack !== undefined) throw bad(`cannot refer back to what a group matched`)
    const [one] = match(CHARACTER)
    if (one === undefined) throw bad(`has a '${source[at]}' that means nothing there`)
    return { type: 'character', takes: taking(one) }
  }

  function group(depth: number): Node {
    const [opening = '(', kind, name] = match(/\((\?(?:<([A-Za-z_$][\w$]*)>|[:=!]|<[=!])?)?/y)
    if (kind !== undefined && kind !== '?:' && name === undefined) {
      throw bad(`has a '${opening}', and only (…), (?:…) and (?<name>…) are known`)
    }
    const index = kind === '?:' ? null : (groups += 1)
    const node = choice(depth + 1)
    if (source[at] !== ')') throw bad("has a '(' that is not closed")
    at += 1
    return { type: 'group', index, node }
  }

  function repeated(node: Node): Node {
    const [all, sign, from, comma, to] = match(/(?:([*+?])|\{(\d{1,4})(,(\d{1,4})?)?\})/y)
    if (all === undefined) return node
    if (node.type === 'assertion') throw bad(`cannot repeat '${node.what}'`)
    const least = sign === undefined ? Number(from) : sign === '+' ? 1 : 0
    const most =
      sign === undefined
        ? comma === undefined
          ? least
          : Number(to ?? Infinity)
        : sign === '?'
          ? 1
          : Infinity
    if (most < least) throw bad(`has the numbers of '${all}' the wrong way`)
    const greedy = match(/\?/y)[0] === undefined
    return { type: 'repeat', node, least, most, greedy }
  }

  function taking(atom: string): (character: string) => boolean {
    if (/^[^\\[.]$/u.test(atom) && !ignoreCase) return character => character === atom
    try {
      const pattern = new RegExp(`^(?:${atom})$`, ignoreCase ? 'iu' : 'u')
      return character => pattern.test(character)
    } catch {
      throw bad(`has '${atom}', which means nothing`)
    }
  }

  /** What stands here, if it is that; it is then done with. */
  function match(pattern: RegExp): readonly (string | undefined)[] {
    pattern.lastIndex = at
    const found = pattern.exec(source)
    if (found === null) return []
    at += found[0].length
    return found
  }

  function bad(how: string): GlanceError {
    return new GlanceError('usage', `the regular expression /${source}/ ${how}`)
  }

  const node = choice(0)
  if (at < source.length) throw bad("has a ')' without a '('")
  return { node }
}

/** What stands for one character: an escape, a class, or a character without a meaning of its own. */
const CHARACTER =
  /\\(?:u\{[\da-f]+\}|u[\da-f]{4}|x[\da-f]{2}|c[a-z]|[pP]\{[^}]*\}|.)|\[(?:\\.|[^\]\\])*\]|[^\\[\](){}*+?|^$]/isuy
