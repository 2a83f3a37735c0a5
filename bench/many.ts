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

/** Rejects unless a service has so many images with their data. */
export async function requireActive(service: Service, count: number): Promise<void> {
  let found = 0
  let page: unknown = 'images?limit=1000&status=active'
  while (typeof page === 'string') {
    const { images, next } = await service.expect(200, 'GET', page)
    found += (images as readonly unknown[]).length // A page of the Images API.
    page = typeof next === 'string' ? next.replace('/v2/', '') : undefined
  }
  if (found !== count) throw new Error(`${service.url} has ${found} images of ${count}`)
}

/** The id of an image by its number. */
export function idOf(n: number): string {
  return `${n.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`
}
