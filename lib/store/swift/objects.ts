import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Abortable } from '../../abort.ts'
import { GlanceError, isGlanceError } from '../../errors.ts'
import { fieldsOf, listOf, textOf } from '../../keystone/documents.ts'
import type { Bytes } from '../../stream/bytes.ts'
import type { SwiftClient } from './client.ts'

/** An object of a listing. */
export interface ListedObject {
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** By Swift's clock. */
  readonly modifiedAt: Date
}

/** What is to be written as one object. */
export interface NewObject extends Abortable {
  readonly container: string
  readonly name: string
  /** Bytes; null when unknown. */
  readonly size: number | null
  readonly data: Bytes
}

const NOTHING_THERE = { 'if-none-match': '*' } as const

/**
 * Writes an object that is not there yet and proves it by the digest that Swift makes of it; when it rejects, whatever
 * had been written is gone again. Resolves to its bytes. @throws {GlanceError} `duplicate`; `corrupt`; `over_limit`.
 */
export async function writeObject(
  client: SwiftClient,
  { container, name, size, data, signal }: NewObject,
): Promise<number> {
  const path = `${container}/${name}`
  const md5 = createHash('md5')
  let written = 0
  async function* hashed(): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of data) {
      md5.update(chunk)
      written += chunk.length
      yield chunk
    }
  }
  const headers = { ...NOTHING_THERE, 'content-type': 'application/octet-stream' }
  try {
    const answer = await client.put({ path, headers, size, open: hashed, signal })
    const wanted = md5.digest('hex')
    const found = digestIn(answer)
    if (found !== wanted) {
      throw new GlanceError('corrupt', `Swift has an MD5 of ${found} for ${path}, not ${wanted}`)
    }
    return written
  } catch (error) {
    // Of an answer that was lost we do not know what it was; one that there is something else is not ours to remove.
    if (!isGlanceError(error, 'duplicate')) await removeIfPossible(client, path)
    throw error
  }
}

/**
 * Writes the manifest that makes one object of all whose names begin with `prefix`. @throws {GlanceError} `duplicate`.
 */
export async function writeManifest(
  client: SwiftClient,
  { container, name, prefix, signal }: Omit<NewObject, 'size' | 'data'> & { prefix: string },
): Promise<void> {
  const path = `${container}/${name}`
  const manifest = `${encodeURIComponent(container)}/${encodeURIComponent(prefix)}`
  const type = { 'content-type': 'application/octet-stream' }
  const headers = { ...NOTHING_THERE, ...type, 'x-object-manifest': manifest }
  try {
    await client.ask({ method: 'PUT', path, headers, signal })
  } catch (error) {
    if (!isGlanceError(error, 'duplicate')) {
      await removeIfPossible(client, path)
      throw error
    }
    // It may be ours: the answer that said so was lost, and we asked again.
    const there = await headOf(client, path, { signal })
    if (there?.['x-object-manifest'] !== manifest) throw error
  }
}

/** The headers of an object; undefined when there is none, or no container. */
export async function headOf(
  client: SwiftClient,
  path: string,
  { signal }: Abortable = {},
): Promise<IncomingHttpHeaders | undefined> {
  const { status, headers } = await client.ask({ method: 'HEAD', path, accepted: [404], signal })
  return status === 404 ? undefined : headers
}

/** The objects of a container whose names begin with `prefix`, in the order of these; undefined when it is not there. */
export async function* listObjects(
  client: SwiftClient,
  container: string,
  prefix: string,
  { signal }: Abortable = {},
): AsyncGenerator<ListedObject, void> {
  for (let marker = ''; ;) {
    const query = { format: 'json', prefix, ...(marker === '' ? {} : { marker }) }
    const asked = { method: 'GET', path: container, query, accepted: [404], signal } as const
    const { status, body } = await client.ask(asked)
    const page = status === 404 || body === '' ? [] : listOf(parsed(body))
    for (const entry of page) {
      const name = textOf(entry['name'])
      if (name === null) continue // A folder.
      const { bytes, last_modified: modified } = entry
      marker = name
      yield { name, size: Number(bytes), modifiedAt: new Date(`${String(modified)}Z`) }
    }
    if (page.length === 0) return
  }
}

/** Deletes an object and, if that is one of segments, all of these before. @throws {GlanceError} `not_found`. */
export async function deleteObject(
  client: SwiftClient,
  path: string,
  { signal }: Abortable = {},
): Promise<void> {
  const headers = await headOf(client, path, { signal })
  if (headers === undefined) throw absent(path)
  if (String(headers['x-static-large-object']).toLowerCase() === 'true') {
    return await deleteStatic(client, path, signal)
  }
  const manifest = headers['x-object-manifest']
  if (typeof manifest === 'string') {
    const { container, prefix } = manifestOf(manifest)
    for await (const { name } of listObjects(client, container, prefix, { signal })) {
      // Folsom's manifests have a prefix that is theirs as well.
      if (`${container}/${name}` !== path) await remove(client, `${container}/${name}`, signal)
    }
  }
  const { status } = await client.ask({ method: 'DELETE', path, accepted: [404], signal })
  if (status === 404) throw absent(path)
}

/** Deletes an object that may be there. */
export async function remove(
  client: SwiftClient,
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  await client.ask({ method: 'DELETE', path, accepted: [404], signal })
}

/** As {@link remove}, where there is another error already that is to be told. */
export async function removeIfPossible(client: SwiftClient, path: string): Promise<void> {
  await remove(client, path).catch(() => {})
}

/** Where the segments of a manifest are. @throws {GlanceError} `unsupported` for one of a whole container. */
export function manifestOf(header: string): {
  readonly container: string
  readonly prefix: string
} {
  const [container = '', ...rest] = decoded(header).split('/')
  const prefix = rest.join('/')
  if (container !== '' && prefix !== '') return { container, prefix }
  throw new GlanceError('unsupported', 'the manifest of a large object names no segments')
}

/** Swift itself looks for the segments of a static large object; that it does not find one is no failure. */
async function deleteStatic(
  client: SwiftClient,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const query = { 'multipart-manifest': 'delete' }
  const headers = { accept: 'application/json' }
  const { body } = await client.ask({ method: 'DELETE', path, query, headers, signal })
  const answer = fieldsOf(parsed(body))
  const status = textOf(answer['Response Status']) ?? ''
  if (/^2\d\d /.test(status)) return
  const message = `Swift could not delete all segments of ${path}: ${status}`
  throw new GlanceError('unavailable', message)
}

/** The MD5 of what was written, in quotes or not. */
function digestIn({ etag }: IncomingHttpHeaders): string {
  return (etag ?? '').replaceAll('"', '').toLowerCase()
}

/** What Swift answers as JSON. @throws {GlanceError} `unsupported` when it is not. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new GlanceError('unsupported', "Swift's answer is not JSON", { cause })
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // Of one who did not encode it.
  }
}

function absent(path: string): GlanceError {
  return new GlanceError('not_found', `Swift has no object ${path}`)
}
