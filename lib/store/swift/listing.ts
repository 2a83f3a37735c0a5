import type { Abortable } from '../../abort.ts'
import { listOf, textOf } from '../../keystone/documents.ts'
import { isImageId } from '../location.ts'
import type { SwiftClient } from './client.ts'
import { headOf, type ListedObject, listObjects, parsed } from './objects.ts'

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

/**
 * The images of an account in which each has a container of its own, `prefix` and its id. A container that is empty was
 * made for one that never came; in one that has something else, only what is the image's is told of.
 */
export async function* imagesInContainers(
  client: SwiftClient,
  prefix: string,
  { signal }: Abortable = {},
): AsyncGenerator<ImageListing, void> {
  for await (const container of listContainers(client, prefix, { signal })) {
    const name = container.slice(prefix.length)
    if (!isImageId(name)) continue
    let isEmpty = true
    for await (const image of imagesIn(seen(listObjects(client, container, '', { signal })))) {
      if (image.name === name) yield image
    }
    if (isEmpty) {
      const modifiedAt = await madeAt(client, container, { signal })
      if (modifiedAt !== undefined) yield { name, size: 0, modifiedAt, isWhole: false }
    }

    async function* seen(objects: AsyncIterable<ListedObject>): AsyncGenerator<ListedObject> {
      for await (const object of objects) {
        isEmpty = false
        yield object
      }
    }
  }
}

/** When a container was made; undefined when it has gone. */
async function madeAt(
  client: SwiftClient,
  container: string,
  { signal }: Abortable,
): Promise<Date | undefined> {
  const headers = await headOf(client, container, { signal })
  if (headers === undefined) return undefined
  const seconds = Number(headers['x-timestamp'] ?? Number.NaN)
  // What has no time is as good as new.
  return Number.isNaN(seconds) ? new Date() : new Date(seconds * 1000)
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
