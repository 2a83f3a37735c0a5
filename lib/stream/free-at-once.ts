import { MessageChannel } from 'node:worker_threads'

/** Bytes for which it is worth the call. */
const MUCH = 8 * 1024

/** What is sent there is gone. */
const { port1: nowhere } = new MessageChannel()
nowhere.close()

/**
 * Frees the memory of a chunk that nobody looks at again, rather than when garbage is collected, by when there would be
 * tens of megabytes of it. The chunk is empty afterwards. One that shares its memory is left alone.
 */
export function freeAtOnce({ buffer, byteLength }: Uint8Array): void {
  if (byteLength < MUCH || buffer.byteLength !== byteLength) return
  if (buffer instanceof ArrayBuffer) nowhere.postMessage(null, [buffer])
}
