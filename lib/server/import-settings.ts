import { DEFAULT_FILTER, type UriFilter } from '../http/uri-filter.ts'
import { type Setting, wrong } from './oslo-config.ts'
import { integer, list } from './option-values.ts'

/** How data is brought in that nobody uploads. */
export interface ImportSettings {
  /** Which URLs are read that users give. */
  readonly filter: UriFilter
}

export const DEFAULT_IMPORTS: ImportSettings = { filter: DEFAULT_FILTER }

/**
 * Takes what there is about imports out of `settings`; `rest` is all others.
 * @throws {GlanceError} `usage`, naming file, line and option.
 */
export function readImportSettings(settings: readonly Setting[]): {
  readonly imports: ImportSettings
  readonly rest: readonly Setting[]
} {
  let imports = DEFAULT_IMPORTS
  const rest: Setting[] = []
  for (const setting of settings) {
    const { section, option, value, file, line } = setting
    const read = OPTIONS[section === 'DEFAULT' ? option : `${section}.${option}`]
    if (read === undefined) {
      rest.push(setting)
      continue
    }
    try {
      imports = read(value, imports)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      const message = `[${section}] ${option}: expected ${error.message}, found '${value}'`
      throw wrong(file, line, message)
    }
  }
  return { imports, rest }
}

type Read = (value: string, before: ImportSettings) => ImportSettings

const OPTIONS: Readonly<Record<string, Read>> = {
  'import_filtering_opts.allowed_schemes': filtering('allowedSchemes', list),
  'import_filtering_opts.disallowed_schemes': filtering('disallowedSchemes', list),
  'import_filtering_opts.allowed_hosts': filtering('allowedHosts', list),
  'import_filtering_opts.disallowed_hosts': filtering('disallowedHosts', list),
  'import_filtering_opts.allowed_ports': filtering('allowedPorts', ports),
  'import_filtering_opts.disallowed_ports': filtering('disallowedPorts', ports),
}

function filtering<K extends keyof UriFilter>(
  name: K,
  parse: (value: string) => UriFilter[K],
): Read {
  return (value, before) => ({ ...before, filter: { ...before.filter, [name]: parse(value) } })
}

function ports(value: string): readonly number[] {
  return list(value).map(port => integer(port, 1, 65_535))
}
