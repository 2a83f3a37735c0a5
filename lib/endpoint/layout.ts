import { join } from 'node:path'
import { GlanceError, messageOf } from '../errors.ts'
import { type Image, isImageId } from '../image/image.ts'
import { MEMBERS_FIELD, membersFromDump, membersToDump } from '../wire/dumped-members.ts'
import { imageFromV1, isV1Record } from '../wire/v1-image.ts'
import { imageFromV2, imageToV2 } from '../wire/v2-image.ts'
import type { Membership } from './endpoint.ts'

/**
 * How images lie in a dump: `<id>` is the metadata as JSON and `<id>.img` the data, as the original replicator named
 * them. The metadata is written last, so that its presence means that the image is complete.
 */
export const layout = {
  metadata: (folder: string, id: string) => join(folder, id),
  data: (folder: string, id: string) => join(folder, `${id}.img`),
  /** Where data is that can be gone on with, the beginning of what `stamp` says: while it is written, or nobody's. */
  unfinished: (file: string, stamp: string, writer?: string) =>
    [file, stamp, ...(writer === undefined ? [] : [writer]), 'part'].join('.'),
  /** Of what a file of such a name is the beginning; undefined when it is none. */
  beginningOf: (name: string) =>
    /^(?<id>[^.]+)\.img\.(?<stamp>[0-9a-f]{16})(\.[0-9a-f]+-\d+-\d+-[0-9a-f]+)?\.part$/.exec(name)
      ?.groups,
  /** What the files are, see `Manifest`. */
  manifest: (folder: string) => join(folder, MANIFEST),
  /** Where the n-th part of data is, from 1 on, in an archive that has to begin before its size is known. */
  part: (id: string, n: number) => `${id}.img.${String(n).padStart(8, '0')}`,
  /** Whose data a part is of; undefined when it is none. */
  partOf: (name: string) => {
    const [, id = ''] = /^(.*)\.img\.\d{8}$/.exec(name) ?? []
    return isImageId(id) ? id : undefined
  },
  /** Where a file is while one writer writes it: a name that is neither. */
  partial: (file: string, writer: string) => `${file}.${writer}.part`,
  /** Whose partial file it is; undefined when it is none. */
  writerOf: (name: string) => /\.([0-9a-f]+-\d+-\d+-[0-9a-f]+)\.part$/.exec(name)?.[1],
  /** Whether a file name is that of metadata. */
  isMetadata: isImageId,
  /** Whose data is in a file of this name; undefined when none is. */
  dataOf: (name: string) => {
    const [, id = ''] = /^(.*)\.img$/.exec(name) ?? []
    return isImageId(id) ? id : undefined
  },
} as const

export const MANIFEST = 'MANIFEST'

/** Bytes of a metadata file, and of a line of the manifest: more than any Glance has of one image. */
export const LONGEST_METADATA = 16 * 1024 * 1024
export const LONGEST_LINE = 65_536

/** The image as the text of a metadata file: the v2 API's document, and its members where they are to be kept. */
export function toMetadata(image: Image, members?: readonly Membership[]): string {
  const kept = members && { [MEMBERS_FIELD]: membersToDump(members) }
  return `${JSON.stringify({ ...imageToV2(image), ...kept }, null, 2)}\n`
}

/** The members that a metadata file has; undefined where none were kept. @throws as {@link fromMetadata}. */
export function membersIn(text: string, file: string): readonly Membership[] | undefined {
  try {
    return membersFromDump(JSON.parse(text))
  } catch (cause) {
    throw new GlanceError('corrupt', `${file}: ${messageOf(cause)}`, { cause })
  }
}

/**
 * Reads a metadata file: ours, or a v1 record of the original replicator.
 * @throws {GlanceError} `corrupt`, naming `file` and what is wrong with it.
 */
export function fromMetadata(text: string, file: string, id: string): Image {
  try {
    const document: unknown = JSON.parse(text)
    const image = isV1Record(document) ? imageFromV1(document) : imageFromV2(document)
    if (image.id !== id) throw new GlanceError('corrupt', `it describes image ${image.id}`)
    return image
  } catch (cause) {
    throw new GlanceError('corrupt', `${file}: ${messageOf(cause)}`, { cause })
  }
}
