/** The one of `known` that `word` was most likely meant to be; undefined when it is like none of them. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[_\s-]/g, '')
  const meant = plain(word)
  const most = Math.max(1, word.length / 3)
  // What is that much longer or shorter is farther away, and need not be compared letter by letter.
  const ranked = known
    .filter(name => Math.abs(meant.length - plain(name).length) <= most)
    .map(name => ({ name, away: distance(meant, plain(name)) }))
    .toSorted((a, b) => a.away - b.away)
  const [best] = ranked
  return best !== undefined && best.away <= most ? best.name : undefined
}

/** How many letters have to be put in, taken out or replaced (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, i) => i)
  for (const [i, letter] of one.split('').entries()) {
    const next = [i + 1]
    for (const [j, its] of other.split('').entries()) {
      const [above = 0, left = 0, corner = 0] = [row[j + 1], next[j], row[j]]
      next.push(Math.min(above + 1, left + 1, corner + (letter === its ? 0 : 1)))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
