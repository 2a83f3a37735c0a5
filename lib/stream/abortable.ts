import type { Bytes } from './bytes.ts'

/**
 * Passes the bytes on until `signal` fires, then rejects with its reason at once, also while the source keeps us
 * waiting. A source that is waited for is told to close, but not waited for again.
 */
export async function* abortable(
  data: Bytes,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  if (signal === undefined) {
    yield* data
    return
  }
  const source = data[Symbol.asyncIterator]()
  let waiting = false
  try {
    for (;;) {
      signal.throwIfAborted()
      waiting = true
      const { done, value } = await nextOrAbort(source, signal)
      waiting = false
      if (done === true) return
      yield value
    }
  } finally {
    const closed = source.return?.()
    if (waiting)
      closed?.catch(() => {}) // The reason for stopping is on its way already.
    else await closed
  }
}

/** Not `Promise.race`: a promise for the signal would hold on to every chunk for as long as it is pending. */
function nextOrAbort(
  source: AsyncIterator<Uint8Array>,
  signal: AbortSignal,
): Promise<IteratorResult<Uint8Array, unknown>> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    void source
      .next()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop))
  })
}
