import { readdir } from 'node:fs/promises'
import type { Abortable } from '../abort.ts'
import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import { compareIds, hasData, type Image } from '../image/image.ts'
import type { ManifestEntry } from '../wire/manifest.ts'
import type { Audited } from './endpoint.ts'
import { fileFault } from './file-fault.ts'
import { fromMetadata, layout, LONGEST_METADATA } from './layout.ts'
import { type Manifest, sha512 } from './manifest.ts'
import { readRegular, statRegular } from './regular-file.ts'

/**
 * Holds the files of a dump against its manifest, all but the data itself. Without a manifest every image is taken to be
 * what its metadata says. @throws {GlanceError} `not_found`, `forbidden`; `corrupt` for a manifest with lines that make no
 * sense, once all images have been told.
 */
export async function* auditDirectory(
  folder: string,
  manifest: Manifest,
  { signal }: Abortable,
): AsyncGenerator<Audited> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw fileFault(error, folder)
  })
  const isComplete = await manifest.exists()
  const entries = new Map<string, ManifestEntry[]>()
  const unreadable: string[] = []
  for await (const entry of manifest.read((line, error) => {
    unreadable.push(`${manifest.file}: line ${line}: ${messageOf(error)}`)
  })) {
    if ('gone' in entry) entries.delete(entry.id)
    else entries.set(entry.id, [...(entries.get(entry.id) ?? []), entry])
  }
  const found = names.flatMap(name =>
    layout.isMetadata(name) ? [name] : (layout.dataOf(name) ?? []),
  )
  if (!isComplete && found.length === 0)
    throw new GlanceError('corrupt', `${folder}: it holds no dump: neither images nor a manifest`)
  for (const id of [...new Set([...entries.keys(), ...found])].toSorted(compareIds)) {
    signal?.throwIfAborted()
    yield await auditImage(folder, id, isComplete ? (entries.get(id) ?? []) : undefined)
  }
  if (unreadable.length > 0) throw new GlanceError('corrupt', unreadable.join('; '))
}

/** `entries` are what was written of the image; undefined where nobody wrote anything down. */
async function auditImage(
  folder: string,
  id: string,
  entries: readonly ManifestEntry[] | undefined,
): Promise<Audited> {
  const file = layout.metadata(folder, id)
  const data = layout.data(folder, id)
  const told = (state: 'corrupt' | 'missing' | 'extra', why: string, image?: Image): Audited => {
    const error = new GlanceError(state === 'corrupt' ? 'corrupt' : 'not_found', why)
    return { id, name: image?.name ?? null, state, image: null, error }
  }
  const faulty = (error: unknown, image?: Image): Audited => {
    if (!isGlanceError(error)) throw error
    const state = error.code === 'corrupt' ? 'corrupt' : 'unreadable'
    return { id, name: image?.name ?? null, state, image: null, error }
  }
  let metadata: Buffer | undefined
  try {
    metadata = await readRegular(file, LONGEST_METADATA)
  } catch (error) {
    if (!isGlanceError(error, 'not_found')) return faulty(error)
  }
  if (metadata === undefined) {
    return entries !== undefined && entries.length > 0
      ? told('missing', `${file}: the metadata is missing`)
      : told('extra', `${data}: there is no metadata of this data`)
  }
  let image: Image
  try {
    image = fromMetadata(metadata.toString(), file, id)
  } catch (error) {
    return faulty(error)
  }
  if (entries?.length === 0) return told('extra', `${file}: the manifest has no such image`, image)
  const digest = sha512(metadata)
  const entry = entries?.findLast(({ metadata }) => metadata.sha512 === digest)
  const last = entries?.at(-1)
  if (last !== undefined && entry === undefined) {
    const wanted = last.metadata.sha512
    return told('corrupt', `${file}: sha512 is ${digest}, expected ${wanted}`, image)
  }
  const expected = asWritten(image, entry)
  if (!hasData(image)) return { id, name: image.name, state: 'whole', image, error: null }
  let size: number | undefined
  try {
    size = (await statRegular(data))?.size
  } catch (error) {
    return faulty(error, image)
  }
  if (size === undefined) return told('missing', `${data}: the data is missing`, image)
  if (expected.size !== null && size !== expected.size) {
    return told('corrupt', `${data}: the data has ${size} of ${expected.size} bytes`, image)
  }
  return { id, name: image.name, state: 'whole', image: expected, error: null }
}

/** The image with what was written down of its data. */
function asWritten(image: Image, entry: ManifestEntry | undefined): Image {
  if (entry === undefined || entry.data === null) return image
  const { size, checksum, digest } = entry.data
  return { ...image, size, checksum, digest }
}
