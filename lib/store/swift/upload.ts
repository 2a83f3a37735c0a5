import type { Bytes } from '../../stream/bytes.ts'
import { type NewObject, removeIfPossible, writeManifest, writeObject } from './objects.ts'
import type { SwiftClient } from './client.ts'
import { SegmentSource } from './segment-source.ts'

/** Bytes. */
export interface UploadLimits {
  /** From how many on data is stored in segments. */
  readonly largeObjectSize: number
  /** The segments, but the last one. */
  readonly segmentSize: number
}

export interface UploadTarget extends Omit<NewObject, 'data'> {
  readonly client: SwiftClient
}

/**
 * Stores the data of an image, whole or not at all, and resolves to its bytes. Data that is small and of known size is
 * one object; all other is segments and a manifest, but for none at all.
 */
export async function uploadImage(
  { client, ...target }: UploadTarget,
  data: Bytes,
  { largeObjectSize, segmentSize }: UploadLimits,
): Promise<number> {
  if (target.size !== null && target.size < largeObjectSize) {
    const size = await writeObject(client, { ...target, data })
    return await unlessAborted(size, target, [target.name], client)
  }
  const source = new SegmentSource(data)
  const written: string[] = []
  let total = 0
  try {
    while (await source.hasMore()) {
      const name = segmentName(target.name, written.length + 1)
      const size = target.size === null ? null : Math.min(segmentSize, target.size - total)
      const part = source.take(segmentSize)
      total += await writeObject(client, { ...target, name, size, data: part })
      written.push(name)
    }
    const prefix = `${target.name}-`
    if (written.length > 0) await writeManifest(client, { ...target, prefix })
    else await writeObject(client, { ...target, size: 0, data: source.take(0) })
    written.push(target.name)
  } catch (error) {
    await source.close().catch(() => {})
    await removeAll(client, target.container, written)
    throw error
  }
  return await unlessAborted(total, target, written, client)
}

/** Whether a name is that of a segment of this object. */
export function isSegmentOf(object: string, name: string): boolean {
  return name.startsWith(`${object}-`) && /^\d{5,}$/.test(name.slice(object.length + 1))
}

/** As Glance names them: from 00001 on. */
function segmentName(object: string, number: number): string {
  return `${object}-${String(number).padStart(5, '0')}`
}

/** Takes back what was written after all, if somebody has changed their mind meanwhile. */
async function unlessAborted(
  size: number,
  { container, signal }: Pick<NewObject, 'container' | 'signal'>,
  names: readonly string[],
  client: SwiftClient,
): Promise<number> {
  if (signal?.aborted === true) await removeAll(client, container, names)
  signal?.throwIfAborted()
  return size
}

async function removeAll(
  client: SwiftClient,
  container: string,
  names: readonly string[],
): Promise<void> {
  for (const name of names) await removeIfPossible(client, `${container}/${name}`)
}
