import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { GlanceError } from '../errors.ts'
import { fileFault } from './file-fault.ts'

/**
 * Opens one of the files that a dump is made of. Who may write to a dump is not to have us read or write what is elsewhere,
 * nor wait for what never comes: so links are not followed, and pipes and devices are none.
 * @throws {GlanceError} `corrupt` for what is no regular file; `not_found`, `forbidden`.
 */
export async function openRegular(
  file: string,
  flags: number = constants.O_RDONLY,
): Promise<FileHandle> {
  // To be opened does something to some devices; it is looked at again below, should somebody be faster than we.
  await statRegular(file)
  let handle: FileHandle
  try {
    handle = await open(file, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    throw fileFault(error, file)
  }
  if ((await handle.stat()).isFile()) return handle
  await handle.close()
  throw irregular(file, 'no regular file')
}

/** What is known of such a file; undefined when there is none. @throws as `openRegular`. */
export async function statRegular(file: string): Promise<Stats | undefined> {
  const found = await lstat(file).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw fileFault(error, file)
  })
  if (found === undefined || found.isFile()) return found
  throw irregular(
    file,
    found.isSymbolicLink() ? 'a link, which is not followed' : 'no regular file',
  )
}

/** All of such a file. @throws as `openRegular`; `corrupt` when it has more than `limit` bytes. */
export async function readRegular(file: string, limit: number): Promise<Buffer> {
  await using handle = await openRegular(file)
  const { size } = await handle.stat()
  if (size > limit) throw new GlanceError('corrupt', `${file}: more than ${limit} bytes`)
  const bytes = Buffer.alloc(size)
  let length = 0
  while (length < size) {
    const { bytesRead } = await handle.read(bytes, length, size - length, length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return bytes.subarray(0, length)
}

function irregular(file: string, what: string): GlanceError {
  return new GlanceError('corrupt', `${file}: this is ${what}`)
}
