import type { Insertable, Selectable, Updateable } from 'kysely'
import type { Properties } from '../../image/image.ts'
import type { ImageLocation, RemovedLocation } from '../../image/location.ts'
import type { Member } from '../../image/member.ts'
import type { ImageRecord } from '../database.ts'
import type { Tables } from './tables.ts'

/** What an image has in tables of its own. */
export interface ImageParts {
  readonly tags: readonly string[]
  readonly properties: Properties
  readonly locations: readonly ImageLocation[]
  readonly removedLocations: readonly RemovedLocation[]
}

/** The columns of what there is in `image`; undefined for the others, which leaves a column alone. */
export function imageColumns(image: Partial<ImageRecord>): Updateable<Tables['images']> {
  return {
    name: image.name,
    status: image.status,
    visibility: image.visibility,
    os_hidden: image.hidden === undefined ? undefined : Number(image.hidden),
    protected: image.protected === undefined ? undefined : Number(image.protected),
    owner: image.owner,
    container_format: image.containerFormat,
    disk_format: image.diskFormat,
    min_disk: image.minDisk,
    min_ram: image.minRam,
    size: image.size,
    virtual_size: image.virtualSize,
    checksum: image.checksum,
    os_hash_algo: image.digest && image.digest.algorithm,
    os_hash_value: image.digest && image.digest.value,
    updated_at: image.updatedAt?.toISOString(),
    deleted_at: image.deletedAt && image.deletedAt.toISOString(),
  }
}

export function imageToRow(image: ImageRecord): Insertable<Tables['images']> {
  const row = { ...imageColumns(image), id: image.id, created_at: image.createdAt.toISOString() }
  return row as Insertable<Tables['images']> // A whole record leaves no column out.
}

/** In one piece, since whole pages of them are made at a time. */
export function imageFromRow(
  row: Selectable<Tables['images']>,
  { tags, properties, locations, removedLocations }: ImageParts,
): ImageRecord {
  const { os_hash_algo: algorithm, os_hash_value: value } = row
  return {
    id: row.id,
    name: row.name,
    status: row.status,
    visibility: row.visibility,
    hidden: row.os_hidden !== 0,
    protected: row.protected !== 0,
    owner: row.owner,
    containerFormat: row.container_format,
    diskFormat: row.disk_format,
    minDisk: row.min_disk,
    minRam: row.min_ram,
    size: row.size === null ? null : Number(row.size),
    virtualSize: row.virtual_size === null ? null : Number(row.virtual_size),
    checksum: row.checksum,
    digest: algorithm === null || value === null ? null : { algorithm, value },
    tags,
    properties,
    locations,
    removedLocations,
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
    deletedAt: row.deleted_at === null ? null : new Date(row.deleted_at),
  }
}

export function locationFromRow(
  row: Pick<Selectable<Tables['image_locations']>, 'url' | 'metadata'>,
): ImageLocation {
  const metadata = JSON.parse(row.metadata) as ImageLocation['metadata'] // As locationToRow wrote it.
  return { url: row.url, metadata }
}

export function locationToRow(
  image_id: string,
  { url, metadata }: ImageLocation,
  position: number,
) {
  return { image_id, position, url, metadata: JSON.stringify(metadata) }
}

export function removedFromRow(
  row: Pick<Selectable<Tables['image_removed_locations']>, 'url' | 'metadata' | 'removed_at'>,
): RemovedLocation {
  return { ...locationFromRow(row), removedAt: new Date(row.removed_at) }
}

export function removedToRow(imageId: string, removed: RemovedLocation, position: number) {
  const removed_at = removed.removedAt.toISOString()
  return { ...locationToRow(imageId, removed, position), removed_at }
}

export function memberToRow(member: Member, position: number): Insertable<Tables['image_members']> {
  return {
    image_id: member.imageId,
    member_id: member.memberId,
    position,
    status: member.status,
    can_share: Number(member.canShare),
    created_at: member.createdAt.toISOString(),
    updated_at: member.updatedAt.toISOString(),
  }
}

export function memberFromRow(row: Selectable<Tables['image_members']>): Member {
  return {
    imageId: row.image_id,
    memberId: row.member_id,
    status: row.status,
    canShare: row.can_share !== 0,
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
  }
}
