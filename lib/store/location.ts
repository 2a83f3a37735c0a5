import { fileURLToPath, pathToFileURL } from 'node:url'
import { GlanceError } from '../errors.ts'
import type { Location } from './store.ts'

/** Schemes of the file store's URLs; Glance writes the first and reads both. */
export const FILE_SCHEMES = ['file', 'filesystem'] as const

const IMAGE_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Whether a name is that of an image, so that what has it may be ours. */
export function isImageId(name: string): boolean {
  return IMAGE_ID.test(name)
}

/**
 * Holds an image's id to the form of a UUID before it becomes part of a name, so that none can be a path.
 * @throws {GlanceError} `invalid`.
 */
export function checkImageId(id: string): void {
  if (!IMAGE_ID.test(id)) throw new GlanceError('invalid', `${JSON.stringify(id)} is no image id`)
}

/** The location of an absolute path: as Glance writes it, but for characters that a URL cannot hold. */
export function fileLocation(path: string): Location {
  return { url: pathToFileURL(path).href }
}

/**
 * The absolute path of a file location. @throws {GlanceError} `invalid` for any other URL, which the message leaves out,
 * since it may hold credentials.
 */
export function pathOfLocation({ url }: Location): string {
  const scheme = schemeOf(url)
  if (!FILE_SCHEMES.some(known => known === scheme)) {
    throw new GlanceError('invalid', `a file store does not read ${scheme}: locations`)
  }
  try {
    const path = fileURLToPath(`file${url.slice(scheme.length)}`)
    if (!path.includes('\0')) return path
  } catch {
    // A host, an encoded slash or a bad escape: falls through to the one message.
  }
  throw new GlanceError('invalid', 'the location is not the URL of a local file')
}

/** What stands before the colon, in lower case; empty when there is none. */
export function schemeOf(url: string): string {
  return /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? ''
}
