import type { ImageRecord } from '../../database/database.ts'
import { LOCK } from '../domain/import-lock.ts'

/**
 * Whether a process, by a change that it made of an image, has begun something with it that nobody else can end, such as
 * an upload, or ended that; null for neither.
 */
export function heldAfter(before: ImageRecord, after: ImageRecord): boolean | null {
  const [was, is] = [inHand(before), inHand(after)]
  return was === is ? null : is !== NOTHING
}

const NOTHING = ' '

function inHand({ status, size, properties }: ImageRecord): string {
  const isStaged = status === 'uploading' && size !== null
  const isTaken = ['saving', 'uploading', 'importing'].includes(status) && !isStaged
  return `${isTaken ? status : ''} ${properties.get(LOCK) ?? ''}`
}
