import type { ImageRecord } from '../../database/database.ts'
import { isGone } from '../../image/status.ts'
import { hasLeft } from '../domain/deletion.ts'
import { LOCK } from '../domain/import-lock.ts'

/**
 * Whether a process, by a change that it made of an image, has begun something with it that nobody else can end, such as
 * an upload or the deletion of its data, or ended that; null for neither.
 */
export function heldAfter(before: ImageRecord, after: ImageRecord): boolean | null {
  const [was, is] = [inHand(before), inHand(after)]
  // Whoever has one in hand that is deleted has it until nothing of it is left.
  if (isGone(after.status)) return was === NOTHING ? hasLeft(after) : null
  if (was !== is) return is !== NOTHING
  if (is !== NOTHING || hasLeft(before) === hasLeft(after)) return null
  return hasLeft(after)
}

const NOTHING = ' '

function inHand({ status, size, properties }: ImageRecord): string {
  const isStaged = status === 'uploading' && size !== null
  const isTaken = ['saving', 'uploading', 'importing'].includes(status) && !isStaged
  return `${isTaken ? status : ''} ${properties.get(LOCK) ?? ''}`
}
