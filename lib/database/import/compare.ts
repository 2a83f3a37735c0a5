import type { Member } from '../../image/member.ts'
import type { ImageRecord } from '../database.ts'

/** An image with its members. */
export interface WholeImage {
  readonly record: ImageRecord
  readonly members: readonly Member[]
}

/** The fields, by their API names, in which two images of an id differ. */
export function differingFields(one: WholeImage, other: WholeImage): readonly string[] {
  return Object.entries(FIELDS)
    .filter(([, valueOf]) => valueOf(one) !== valueOf(other))
    .map(([name]) => name)
}

type Comparable = string | number | boolean | null

const FIELDS: Readonly<Record<string, (image: WholeImage) => Comparable>> = {
  name: ({ record }) => record.name,
  status: ({ record }) => record.status,
  visibility: ({ record }) => record.visibility,
  os_hidden: ({ record }) => record.hidden,
  protected: ({ record }) => record.protected,
  owner: ({ record }) => record.owner,
  container_format: ({ record }) => record.containerFormat,
  disk_format: ({ record }) => record.diskFormat,
  min_disk: ({ record }) => record.minDisk,
  min_ram: ({ record }) => record.minRam,
  size: ({ record }) => record.size,
  virtual_size: ({ record }) => record.virtualSize,
  checksum: ({ record }) => record.checksum,
  os_hash_algo: ({ record }) => record.digest?.algorithm ?? null,
  os_hash_value: ({ record }) => record.digest?.value ?? null,
  tags: ({ record }) => JSON.stringify(record.tags),
  properties: ({ record }) => JSON.stringify([...record.properties].toSorted(byName)),
  locations: ({ record }) =>
    JSON.stringify([record.locations.map(placeOf), record.removedLocations.map(placeOf)]),
  members: ({ members }) =>
    JSON.stringify(
      members
        .map(({ memberId, status, canShare }) => [memberId, status, canShare] as const)
        .toSorted(byName),
    ),
  created_at: ({ record }) => record.createdAt.getTime(),
  updated_at: ({ record }) => record.updatedAt.getTime(),
  deleted_at: ({ record }) => record.deletedAt?.getTime() ?? null,
}

function placeOf({ url, metadata }: ImageRecord['locations'][number]) {
  return [url, Object.entries(metadata).toSorted(byName)]
}

function byName([a]: readonly [string, ...unknown[]], [b]: readonly [string, ...unknown[]]) {
  return a < b ? -1 : a > b ? 1 : 0
}
