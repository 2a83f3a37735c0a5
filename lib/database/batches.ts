import type { ImageRecord } from './database.ts'

/** What one batch holds at the most, but for the image that exceeds it. */
const IMAGES = 500
const CHARACTERS = 1024 ** 2

/** The images in the order in which they come, so many at a time that one statement takes them and memory holds them. */
export async function* inBatches(
  images: AsyncIterable<ImageRecord> | Iterable<ImageRecord>,
): AsyncGenerator<readonly ImageRecord[], void, undefined> {
  let batch: ImageRecord[] = []
  let characters = 0
  for await (const image of images) {
    batch.push(image)
    characters += charactersOf(image)
    if (batch.length < IMAGES && characters < CHARACTERS) continue
    yield batch
    batch = []
    characters = 0
  }
  if (batch.length > 0) yield batch
}

/** The id that two images of the batch have. */
export function repeatedId(batch: readonly ImageRecord[]): string | undefined {
  const seen = new Set<string>()
  return batch.find(({ id }) => seen.size === seen.add(id).size)?.id
}

/** Of all that may be long or many. */
function charactersOf({ tags, properties, locations, removedLocations }: ImageRecord): number {
  let characters = 0
  for (const tag of tags) characters += tag.length
  for (const [name, value] of properties) characters += name.length + (value?.length ?? 0)
  for (const { url } of [...locations, ...removedLocations]) characters += url.length
  return characters
}
