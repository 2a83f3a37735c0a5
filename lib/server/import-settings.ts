import {
  CONVERSION_FORMATS,
  IMPORT_METHODS,
  IMPORT_PLUGINS,
  type ImportRules,
} from '../image/import.ts'
import { DEFAULT_FILTER, type UriFilter } from '../http/uri-filter.ts'
import { type Setting, wrong } from './oslo-config.ts'
import { boolean, integer, list, map, oneOf, oneOfEach } from './option-values.ts'

/** How data is brought in that nobody uploads. */
export interface ImportSettings extends ImportRules {
  /** Which URLs are read that users give. */
  readonly filter: UriFilter
  /** Hours for which a task that has ended is remembered. */
  readonly taskTimeToLive: number
  /** How many tasks are at work at once. */
  readonly maxWorkers: number
}

/** Glance's. */
export const DEFAULT_IMPORTS: ImportSettings = {
  filter: DEFAULT_FILTER,
  methods: ['glance-direct', 'web-download', 'copy-image'],
  plugins: [],
  inject: { properties: new Map(), ignoredRoles: ['admin'] },
  maxParallelStores: 1,
  outputFormat: 'raw',
  remoteProperties: ['hw_', 'trait:', 'os_distro', 'os_secure_boot', 'os_type'],
  doSecureHash: true,
  httpRetries: 3,
  taskTimeToLive: 48,
  maxWorkers: 10,
}

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
  enabled_import_methods: setting(value => ({ methods: oneOfEach(value, IMPORT_METHODS) })),
  'image_import_opts.image_import_plugins': setting(value => ({
    plugins: oneOfEach(value, IMPORT_PLUGINS),
  })),
  'image_import_opts.max_parallel_stores': setting(value => ({
    maxParallelStores: integer(value, 1, 1000),
  })),
  'inject_metadata_properties.inject': (value, before) => ({
    ...before,
    inject: { ...before.inject, properties: map(value) },
  }),
  'inject_metadata_properties.ignore_user_roles': (value, before) => ({
    ...before,
    inject: { ...before.inject, ignoredRoles: list(value.toLowerCase()) },
  }),
  'image_conversion.output_format': setting(value => ({
    outputFormat: oneOf(value, CONVERSION_FORMATS),
  })),
  'glance_download_properties.extra_properties': setting(value => ({
    remoteProperties: list(value),
  })),
  do_secure_hash: setting(value => ({ doSecureHash: boolean(value) })),
  http_retries: setting(value => ({ httpRetries: integer(value, 0, 100) })),
  'task.task_time_to_live': setting(value => ({ taskTimeToLive: integer(value, 0, 2 ** 31) })),
  'taskflow_executor.max_workers': setting(value => ({ maxWorkers: integer(value, 1, 1000) })),
  'import_filtering_opts.allowed_schemes': filtering('allowedSchemes', list),
  'import_filtering_opts.disallowed_schemes': filtering('disallowedSchemes', list),
  'import_filtering_opts.allowed_hosts': filtering('allowedHosts', list),
  'import_filtering_opts.disallowed_hosts': filtering('disallowedHosts', list),
  'import_filtering_opts.allowed_ports': filtering('allowedPorts', ports),
  'import_filtering_opts.disallowed_ports': filtering('disallowedPorts', ports),
}

function setting(read: (value: string) => Partial<ImportSettings>): Read {
  return (value, before) => ({ ...before, ...read(value) })
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
