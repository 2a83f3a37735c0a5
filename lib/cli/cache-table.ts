import type { CachedImage } from '../server/cache/cache.ts'

/** What is in a cache, in the words and the form of `glance-cache-manage list-cached`. */
export function cachedText(images: readonly CachedImage[]): string {
  if (images.length === 0) return 'No cached images.'
  const header = ['ID', 'Last Accessed (UTC)', 'Last Modified (UTC)', 'Size', 'Hits']
  const rows = images.map(image => [
    image.imageId,
    image.lastAccessed.getTime() === 0 ? 'N/A' : timeText(image.lastAccessed),
    timeText(image.lastModified),
    String(image.size),
    String(image.hits),
  ])
  return `Found ${images.length} cached images...\n${tableText(header, rows, 3)}`
}

/** What is to come into a cache, in the words and the form of `glance-cache-manage list-queued`. */
export function queuedText(ids: readonly string[]): string {
  if (ids.length === 0) return 'No queued images.'
  const rows = ids.map(id => [id])
  return `Found ${ids.length} queued images...\n${tableText(['ID'], rows, 1)}`
}

/** As Python's `isoformat`, of which microseconds are left out when there are none. */
function timeText(time: Date): string {
  const text = time.toISOString().slice(0, -1)
  return text.endsWith('.000') ? text.slice(0, -4) : `${text}000`
}

/** Columns from the `numbers`th on are of numbers. */
function tableText(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  numbers: number,
): string {
  const widths = header.map((name, i) =>
    Math.max(name.length, ...rows.map(row => row[i]?.length ?? 0)),
  )
  const rule = `+${widths.map(width => '-'.repeat(width + 2)).join('+')}+`
  const line = (row: readonly string[]) => {
    const cells = row.map((cell, i) => {
      const width = widths[i] ?? 0
      return i < numbers ? centred(cell, width) : cell.padStart(width)
    })
    return `| ${cells.join(' | ')} |`
  }
  return [rule, line(header), rule, ...rows.map(line), rule].join('\n')
}

/** As Python's prettytable: of an odd number of spaces, the one more is behind texts of odd length. */
function centred(text: string, width: number): string {
  const excess = width - text.length
  const before = text.length % 2 === 1 ? Math.floor(excess / 2) : Math.ceil(excess / 2)
  return `${' '.repeat(before)}${text}`.padEnd(width)
}
