import type { Note } from './note.ts'

/**
 * Until Essex, ids of images were numbers. The migration to UUIDs wrote each image's new id wherever it stood, but, until
 * it was mended in Folsom, not into the properties by which an image names its kernel and its ramdisk: those then named
 * images that nobody knew any more.
 */
export const NAMING_IMAGES = ['kernel_id', 'ramdisk_id'] as const

/** The id that each old one became; null for one that several images may have had. */
export type OldIds = ReadonlyMap<string, string | null>

export function isOldId(value: string): boolean {
  return /^[1-9]\d{0,17}$/.test(value)
}

/**
 * Finds out which images had some old ids. Data was kept under the id of its image (`file:///…/images/3`,
 * `swift://…/glance/3`), and stayed there.
 */
export class OldIdSearch {
  readonly #found = new Map<string, string | null | undefined>()

  constructor(wanted: Iterable<string>) {
    for (const id of wanted) this.#found.set(id, undefined)
  }

  /** Takes note of where the data of an image is, or was. */
  see(imageId: string, url: string): void {
    const oldId = url.slice(url.lastIndexOf('/') + 1)
    if (!this.#found.has(oldId)) return
    const other = this.#found.get(oldId)
    this.#found.set(oldId, other === undefined || other === imageId ? imageId : null)
  }

  get oldIds(): OldIds {
    return new Map(
      [...this.#found].flatMap(([oldId, id]) => (id === undefined ? [] : [[oldId, id]])),
    )
  }
}

/** The value of a property, with the id that an old one became. */
export function currentId(
  name: string,
  value: string | null,
  oldIds: OldIds,
): { readonly value: string | null; readonly note: Note | null } {
  if (value === null || !NAMING_IMAGES.some(known => known === name) || !isOldId(value)) {
    return { value, note: null }
  }
  const id = oldIds.get(value)
  if (typeof id === 'string') {
    const text = `${name} was ${value}, the old id of image ${id}, and is that now`
    return { value: id, note: { code: 'old_id_replaced', text } }
  }
  const why = id === null ? 'several images may have had' : 'no image is known to have had'
  const text = `${name} is ${value}, an id of before ids were UUIDs, which ${why}`
  return { value, note: { code: 'old_id_unknown', text } }
}
