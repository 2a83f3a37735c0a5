import { randomFillSync } from 'node:crypto'
import type { Service } from '../test/real/support/service.ts'

/** Fills a service with so many images, each with other data of so many bytes, by so many requests at once. */
export async function fillWith(
  service: Service,
  count: number,
  bytes: number,
  atOnce = 8,
): Promise<void> {
  let next = 0
  const fill = async () => {
    const data = randomFillSync(Buffer.alloc(bytes))
    for (let n = next++; n < count; n = next++) {
      const id = idOf(n)
      data.writeUInt32LE(n)
      await service.create({ id, name: `image ${n}`, disk_format: 'raw', container_format: 'bare' })
      await service.uploadBytes(id, data)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, fill))
}

/** The id of an image by its number. */
export function idOf(n: number): string {
  return `${n.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`
}
