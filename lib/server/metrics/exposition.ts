import { FAMILIES, type Family, familyOf } from './families.ts'
import type { Series } from './metrics.ts'

/** The media type of {@link exposition}. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** In the text format of Prometheus; nothing of families without values. */
export function exposition(series: Series): string {
  const byFamily = new Map<Family, string[]>()
  for (const [name, value] of series) {
    const family = familyOf(name)
    byFamily.set(family, [...(byFamily.get(family) ?? []), `${name} ${value}`])
  }
  return [...byFamily]
    .flatMap(([family, lines]) => {
      const [kind, help] = FAMILIES[family]
      return [`# HELP ${family} ${help}`, `# TYPE ${family} ${kind}`, ...lines, '']
    })
    .join('\n')
    .replaceAll('\n\n', '\n')
}
