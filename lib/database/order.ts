import type { ImageQuery, SortDirection, SortKey } from '../image/query.ts'

/** One step of an order: what is ordered is compared by `key`, and by the next step where it ties. */
export interface OrderStep<Key extends string = SortKey> {
  readonly key: Key
  readonly direction: SortDirection
}

/**
 * The order of a listing, completed so that no two images tie: by `created_at` and `id`, in the direction of the
 * first key, after what was asked for. Ends with `id`, since nothing ties on that.
 */
export function totalOrder(sort: ImageQuery['sort']): OrderStep[] {
  const direction = sort[0]?.direction ?? 'desc'
  const order = new Map<SortKey, SortDirection>()
  for (const step of [
    ...sort,
    { key: 'created_at', direction },
    { key: 'id', direction },
  ] as const) {
    if (!order.has(step.key)) order.set(step.key, step.direction)
    if (step.key === 'id') break
  }
  return [...order].map(([key, direction]) => ({ key, direction }))
}
