import { compareIds, type Image } from '../image/image.ts'

/** In which order images are copied, as far as they are known. */
export interface Order {
  readonly by: 'id' | 'size' | 'age' | 'name'
  readonly descending: boolean
}

/** As the listings have it. */
export const BY_ID: Order = { by: 'id', descending: false }

/** The largest first, so that a run does not end with one that is alone under way. */
export const LARGEST_FIRST: Order = { by: 'size', descending: true }

/** Which of two images comes first: negative when it is the first. Images that are alike come by their ids. */
export function inOrder({ by, descending }: Order): (one: Image, other: Image) => number {
  const compare = COMPARISONS[by]
  const sign = descending ? -1 : 1
  return (one, other) => sign * compare(one, other) || compareIds(one.id, other.id)
}

const COMPARISONS: Readonly<Record<Order['by'], (one: Image, other: Image) => number>> = {
  id: (one, other) => compareIds(one.id, other.id),
  size: (one, other) => (one.size ?? 0) - (other.size ?? 0),
  // Who was made first is the oldest.
  age: (one, other) => (other.createdAt?.getTime() ?? 0) - (one.createdAt?.getTime() ?? 0),
  name: (one, other) => compareText(one.name ?? '', other.name ?? ''),
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
