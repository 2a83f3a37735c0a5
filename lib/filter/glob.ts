import { GlanceError } from '../errors.ts'

/** One place of a pattern: any text, or one character that it takes. */
type Token = '*' | ((character: string) => boolean)

/**
 * What a pattern of the shell matches: `*` any text, `?` one character, `[a-z]` one of these, `[!a-z]` one that is none
 * of these; a backslash takes the meaning from the character behind it. Takes time by the product of the two lengths at
 * the most. @throws {GlanceError} `usage` for a pattern that ends in the middle of something.
 */
export function globMatcher(pattern: string): (text: string) => boolean {
  const tokens = parseGlob(pattern)
  return text => matches(tokens, Array.from(text))
}

/** Whether a pattern matches more than one text. */
export function isGlob(pattern: string): boolean {
  return /[*?[]/.test(pattern.replaceAll(/\\./gsu, ''))
}

/** The one text that a pattern without wildcards matches. */
export function unescapeGlob(pattern: string): string {
  return pattern.replaceAll(/\\(.)/gsu, '$1')
}

function matches(tokens: readonly Token[], characters: readonly string[]): boolean {
  let [token, character] = [0, 0]
  // Where the last star stands, and what comes after the text that it has taken so far.
  let [star, resume] = [-1, 0]
  while (character < characters.length) {
    const wanted = tokens[token]
    if (wanted === '*') {
      ;[star, resume] = [token, character]
      token += 1
    } else if (wanted?.(characters[character] ?? '') === true) {
      token += 1
      character += 1
    } else if (star >= 0) {
      resume += 1
      ;[token, character] = [star + 1, resume]
    } else return false
  }
  return tokens.slice(token).every(rest => rest === '*')
}

function parseGlob(pattern: string): Token[] {
  const characters = Array.from(pattern)
  const tokens: Token[] = []
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at]
    if (character === '*') tokens.push('*')
    else if (character === '?') tokens.push(() => true)
    else if (character === '[') {
      const { token, end } = parseClass(characters, at, pattern)
      tokens.push(token)
      at = end
    } else {
      if (character === '\\') at += 1
      const literal = characters[at]
      if (literal === undefined) throw bad(pattern, 'ends in a backslash')
      tokens.push(one => one === literal)
    }
  }
  return tokens
}

/** The class that opens at `start`; `end` is where it closes. */
function parseClass(
  characters: readonly string[],
  start: number,
  pattern: string,
): { token: Token; end: number } {
  const negated = characters[start + 1] === '!' || characters[start + 1] === '^'
  const first = start + (negated ? 2 : 1)
  const ranges: (readonly [string, string])[] = []
  let at = first
  const next = (): string => {
    if (characters[at] === '\\') at += 1
    const character = characters[at]
    if (character === undefined) throw bad(pattern, "has a '[' that is not closed")
    at += 1
    return character
  }
  // A bracket right at the beginning is one of the characters.
  while (at === first || characters[at] !== ']') {
    const low = next()
    const isRange = characters[at] === '-' && (characters[at + 1] ?? ']') !== ']'
    if (isRange) at += 1
    const high = isRange ? next() : low
    if (order(low) > order(high)) throw bad(pattern, `has the range ${low}-${high} the wrong way`)
    ranges.push([low, high])
  }
  const token = (character: string) => {
    const point = order(character)
    return negated !== ranges.some(([low, high]) => order(low) <= point && point <= order(high))
  }
  return { token, end: at }
}

function order(character: string): number {
  return character.codePointAt(0) ?? 0
}

function bad(pattern: string, how: string): GlanceError {
  return new GlanceError('usage', `the pattern '${pattern}' ${how}`)
}
