import type { ImportRules } from '../image/import.ts'
import { DEFAULT_FILTER, type UriFilter } from '../http/uri-filter.ts'

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
