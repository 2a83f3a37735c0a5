/** Glance's image statuses, in the order of its documentation. */
export const IMAGE_STATUSES = [
  'queued',
  'saving',
  'uploading',
  'importing',
  'active',
  'deactivated',
  'killed',
  'pending_delete',
  'deleted',
] as const
export type ImageStatus = (typeof IMAGE_STATUSES)[number]

/**
 * The legal transitions (glance/domain/__init__.py, and for v1 glance/api/v1/upload_utils.py: from queued to killed), to
 * which the server's `alterImage` holds every change. A status is not among its own successors.
 */
const SUCCESSORS = {
  queued: ['saving', 'uploading', 'importing', 'active', 'killed', 'deleted'],
  saving: ['active', 'killed', 'deleted', 'queued'],
  uploading: ['importing', 'queued', 'deleted'],
  importing: ['active', 'deleted', 'queued'],
  active: ['pending_delete', 'deleted', 'deactivated'],
  deactivated: ['active', 'deleted'],
  killed: ['deleted'],
  pending_delete: ['deleted', 'active'],
  deleted: [],
} as const satisfies Record<ImageStatus, readonly ImageStatus[]>

export function mayBecome(from: ImageStatus, to: ImageStatus): boolean {
  return (SUCCESSORS[from] as readonly ImageStatus[]).includes(to)
}

export function isImageStatus(text: string): text is ImageStatus {
  return (IMAGE_STATUSES as readonly string[]).includes(text)
}

/** Whether an image of this status is gone for whoever asks, although its data may be there for a while. */
export function isGone(status: ImageStatus): boolean {
  return status === 'deleted' || status === 'pending_delete'
}
