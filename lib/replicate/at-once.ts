/**
 * Does `work` with each item, several at once, and yields what comes of it in the order of the items. Where one fails, or
 * nobody wants more, what is under way is waited for; `work` is to end soon then by a signal of its own.
 */
export async function* atOnce<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  concurrency: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void> {
  const pending: Promise<R>[] = []
  try {
    for await (const item of items) {
      const result = work(item)
      result.catch(() => {}) // Told when its turn comes.
      pending.push(result)
      const first = pending.length >= concurrency ? pending.shift() : undefined
      if (first !== undefined) yield await first
    }
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) yield await next
  } finally {
    await Promise.allSettled(pending)
  }
}
