import type { Abortable } from '../../abort.ts'
import { listOf, textOf } from '../../keystone/documents.ts'
import { isImageId } from '../location.ts'
import type { SwiftClient } from './client.ts'
import { type ListedObject, parsed } from './objects.ts'

/** The objects of one image. */
export interface ImageListing {
  /** As it is written. */
  readonly name: string
  /** Bytes of all of them. */
  readonly size: number
  /** When the last of them was written, by Swift's clock. */
  readonly modifiedAt: Date
  /** Whether there is more than segments. */
  readonly isWhole: boolean
}

const SEGMENT = /^(.{36})-\d{5,}$/

/** The images of a container by its listing, in which segments come right after what they are of. */
export async function* imagesIn(
  objects: AsyncIterable<ListedObject>,
): AsyncGenerator<ImageListing, void> {
  let image: ImageListing | undefined
  for await (const { name, size, modifiedAt } of objects) {
    const [, segmentOf] = SEGMENT.exec(name) ?? []
    const id = segmentOf ?? name
    if (!isImageId(id)) continue
    if (image?.name === id) {
      const latest = modifiedAt > image.modifiedAt ? modifiedAt : image.modifiedAt
      image = { ...image, size: image.size + size, modifiedAt: latest }
      continue
    }
    if (image !== undefined) yield image
    image = { name: id, size, modifiedAt, isWhole: segmentOf === undefined }
  }
  if (image !== undefined) yield image
}

/** The names of the containers of an account that begin with `prefix`, in order. */
export async function* listContainers(
  client: SwiftClient,
  prefix: string,
  { signal }: Abortable = {},
): AsyncGenerator<string, void> {
  for (let marker = ''; ;) {
    const query = { format: 'json', prefix, ...(marker === '' ? {} : { marker }) }
    const asked = { method: 'GET', path: '', query, accepted: [404], signal } as const
    const { status, body } = await client.ask(asked)
    const page = status === 404 || body === '' ? [] : listOf(parsed(body))
    for (const entry of page) {
      const name = textOf(entry['name'])
      if (name === null) continue
      marker = name
      yield name
    }
    if (page.length === 0) return
  }
}
