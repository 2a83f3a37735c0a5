import type { UriFilter } from '../../http/uri-filter.ts'
import { CONVERSION_FORMATS, IMPORT_METHODS, IMPORT_PLUGINS } from '../../image/import.ts'
import { DEFAULT_IMPORTS, type ImportSettings } from '../import-settings.ts'
import { boolean, integer, list, map, oneOf, oneOfEach } from '../option-values.ts'
import type { Option } from './option.ts'

/** How data is brought in that nobody uploads. */
export const IMPORT_OPTIONS: readonly Option<ImportSettings>[] = [
  {
    section: 'DEFAULT',
    name: 'enabled_import_methods',
    type: 'list',
    choices: IMPORT_METHODS,
    default: 'glance-direct,web-download,copy-image',
    doc: 'Ways to import.',
    set: value => ({ methods: oneOfEach(value, IMPORT_METHODS) }),
  },
  {
    section: 'image_import_opts',
    name: 'image_import_plugins',
    type: 'list',
    choices: IMPORT_PLUGINS,
    default: '',
    doc: 'What is done to imported data and its image, in this order.',
    set: value => ({ plugins: oneOfEach(value, IMPORT_PLUGINS) }),
  },
  {
    section: 'image_import_opts',
    name: 'max_parallel_stores',
    type: 'whole number',
    default: '1',
    unit: 'stores',
    doc: 'Into how many the data of one import is put at once.',
    set: value => ({ maxParallelStores: integer(value, 1, 1000) }),
  },
  {
    section: 'inject_metadata_properties',
    name: 'inject',
    type: 'pairs',
    default: '',
    doc: 'Properties that inject_image_metadata sets.',
    set: (value, _, { inject = DEFAULT_IMPORTS.inject }) => ({
      inject: { ...inject, properties: map(value) },
    }),
  },
  {
    section: 'inject_metadata_properties',
    name: 'ignore_user_roles',
    type: 'list',
    default: 'admin',
    doc: 'Roles for whose images it does not.',
    set: (value, _, { inject = DEFAULT_IMPORTS.inject }) => ({
      inject: { ...inject, ignoredRoles: list(value.toLowerCase()) },
    }),
  },
  {
    section: 'image_conversion',
    name: 'output_format',
    type: 'text',
    choices: CONVERSION_FORMATS,
    default: 'raw',
    doc: 'What image_conversion makes of images.',
    set: value => ({ outputFormat: oneOf(value, CONVERSION_FORMATS) }),
  },
  {
    section: 'glance_download_properties',
    name: 'extra_properties',
    type: 'list',
    default: DEFAULT_IMPORTS.remoteProperties.join(','),
    doc: 'What the names of custom properties begin with that glance-download takes over.',
    set: value => ({ remoteProperties: list(value) }),
  },
  {
    section: 'DEFAULT',
    name: 'do_secure_hash',
    type: 'boolean',
    default: 'true',
    doc: 'Whether the os_hash_value of data is computed that is registered as a location.',
    set: value => ({ doSecureHash: boolean(value) }),
  },
  {
    section: 'DEFAULT',
    name: 'http_retries',
    type: 'whole number',
    default: '3',
    unit: 'times',
    doc: 'How often that is tried again.',
    set: value => ({ httpRetries: integer(value, 0, 100) }),
  },
  {
    section: 'task',
    name: 'task_time_to_live',
    also: ['DEFAULT.task_time_to_live'],
    type: 'whole number',
    default: '48',
    unit: 'hours',
    doc: 'How long a task that has ended is remembered.',
    set: value => ({ taskTimeToLive: integer(value, 0, 2 ** 31) }),
  },
  {
    section: 'taskflow_executor',
    name: 'max_workers',
    also: ['task.eventlet_executor_pool_size'],
    type: 'whole number',
    default: '10',
    unit: 'tasks',
    doc: 'How many are at work at once.',
    set: value => ({ maxWorkers: integer(value, 1, 1000) }),
  },
  filtering('allowed_schemes', 'http,https', 'Schemes of URLs', 'allowedSchemes', list),
  filtering('disallowed_schemes', '', 'Schemes of URLs', 'disallowedSchemes', list),
  filtering('allowed_hosts', '', 'Hosts', 'allowedHosts', list),
  filtering('disallowed_hosts', '', 'Hosts', 'disallowedHosts', list),
  filtering('allowed_ports', '80,443', 'Ports', 'allowedPorts', ports),
  filtering('disallowed_ports', '', 'Ports', 'disallowedPorts', ports),
]

function filtering<K extends keyof UriFilter>(
  name: string,
  standard: string,
  what: string,
  key: K,
  parse: (value: string) => UriFilter[K],
): Option<ImportSettings> {
  const other = name.replace('disallowed', 'allowed')
  return {
    section: 'import_filtering_opts',
    name,
    type: 'list',
    default: standard,
    doc:
      other === name
        ? `${what} that users may have fetched; an empty list is all but those disallowed.`
        : `${what} that they may not; it counts while ${other} is empty.`,
    set: (value, _, { filter = DEFAULT_IMPORTS.filter }) => ({
      filter: { ...filter, [key]: parse(value) },
    }),
  }
}

function ports(value: string): readonly number[] {
  return list(value).map(port => integer(port, 1, 65_535))
}
