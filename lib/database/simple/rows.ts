import type { Member } from '../../image/member.ts'
import type { MetadefNamespace, NamespacePart, ResourceType } from '../../image/metadef.ts'
import type { Task } from '../../image/task.ts'
import type { ImageRecord } from '../database.ts'

/** What the database holds. The records are immutable: a change puts another in their place. */
export interface Rows {
  readonly images: Map<string, ImageRecord>
  /** By image id, in the order in which they were added. */
  readonly members: Map<string, readonly Member[]>
  readonly tasks: Map<string, Task>
  /** By name, in the order in which they were added. */
  readonly namespaces: Map<string, NamespaceRow>
  /** By name, in the order in which they were added. */
  readonly resourceTypes: Map<string, ResourceType>
}

export type PartKind = 'properties' | 'objects' | 'tags' | 'associations'

/** A namespace, what is in it, and where among the others it stands. */
export interface NamespaceRow {
  readonly position: number
  readonly record: MetadefNamespace
  readonly parts: Readonly<Record<PartKind, readonly NamespacePart[]>>
}

/** A copy of the rows to change. */
export function copyOf({ images, members, tasks, namespaces, resourceTypes }: Rows): Rows {
  return {
    images: new Map(images),
    members: new Map(members),
    tasks: new Map(tasks),
    namespaces: new Map(namespaces),
    resourceTypes: new Map(resourceTypes),
  }
}

/** How a table gets at the rows. */
export interface Access {
  /** As they are now; a caller reads them in one go. */
  readonly rows: () => Rows
  /** Runs `work`, which changes the rows or throws before it does, while nobody else changes them. */
  readonly write: <T>(work: (rows: Rows) => T) => Promise<T>
}

/** The image, unless it is deleted or is to be. */
export function live({ images }: Rows, id: string): ImageRecord | undefined {
  const image = images.get(id)
  return image?.status === 'deleted' || image?.status === 'pending_delete' ? undefined : image
}

/** The image, deleted or not. */
export function existing({ images }: Rows, id: string): ImageRecord | undefined {
  return images.get(id)
}
