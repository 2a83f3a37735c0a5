import type { ImageRecord } from '../../database/database.ts'

/** The property that names the task which has an image to itself. */
export const LOCK = 'os_glance_import_task'

/** Whether data of the image may be on its way to a store, as far as the image says. */
export function isGettingData({
  status,
  properties,
}: Pick<ImageRecord, 'status' | 'properties'>): boolean {
  const isUnderWay = status === 'saving' || status === 'uploading' || status === 'importing'
  return isUnderWay || properties.has(LOCK)
}
