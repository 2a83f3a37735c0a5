/**
 * Image data on its way: large chunks (1 MiB where we make them). A chunk is lent: it is valid until the next one
 * is asked for, and who keeps it copies it, so that buffers can be reused. A Node stream is one too. Leaving the
 * loop closes the source.
 */
export type Bytes = AsyncIterable<Uint8Array>
