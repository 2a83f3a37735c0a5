import type { ImageStatus } from '../image/status.ts'

/** The statuses of images whose data waits for its import. */
export const STAGED = ['uploading', 'importing'] as const satisfies readonly ImageStatus[]
/** The statuses of images that are getting data. */
export const UPLOADING = ['saving', ...STAGED] as const satisfies readonly ImageStatus[]
/** With this Glance notes to which further stores the data is on its way; empty for none. */
export const IMPORTING_PROPERTY = 'os_glance_importing_to_stores'
