import type { ImageRecord } from '../lib/database/database.ts'

/** So many images such as a cloud has, made as they are asked for: many tie on everything but their names and times. */
export async function* images(
  count: number,
  properties: number,
): AsyncGenerator<ImageRecord, void, undefined> {
  for (let n = 0; n < count; n += 1) yield image(n, properties)
}

function image(n: number, properties: number): ImageRecord {
  const isQueued = n % 500 === 0
  const time = 1_325_376_000_000
  return {
    id: `${n.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`,
    name: n % 10 === 0 ? null : `image ${n % 1000}`,
    status: isQueued ? 'queued' : 'active',
    visibility: n % 1000 === 1 ? 'public' : n % 10 === 3 ? 'shared' : 'private',
    hidden: false,
    protected: false,
    owner: `project ${n % 5000}`,
    containerFormat: isQueued ? null : 'bare',
    diskFormat: isQueued ? null : n % 3 === 0 ? 'raw' : 'qcow2',
    minDisk: 0,
    minRam: 0,
    size: isQueued ? null : (n * 7919) % 100_000_000,
    virtualSize: null,
    checksum: n.toString(16).padStart(32, '0'),
    digest: { algorithm: 'sha512', value: n.toString(16).padStart(128, '0') },
    tags: [],
    properties: new Map(Array.from({ length: properties }, (_, i) => [`key_${i}`, `${n} ${i}`])),
    locations: isQueued ? [] : [{ url: `file:///var/lib/images/${n}`, metadata: {} }],
    removedLocations: [],
    createdAt: new Date(time + Math.floor(n / 3) * 1000),
    updatedAt: new Date(time + ((n * 31) % 1_000_000) * 1000),
    deletedAt: null,
  }
}
