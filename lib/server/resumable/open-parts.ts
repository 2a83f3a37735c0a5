import { join } from 'node:path'
import type { ServerConfig } from '../config.ts'
import type { Parts } from '../domain/parts.ts'
import { PartFolder } from './part-folder.ts'

/** Where parts of uploads are; null for a service that offers none to be gone on with. */
function partsFolder({
  dataApi,
  dataDir,
  enableV2Api,
  resumableUploadDir,
  resumableUploadExpiry,
}: ServerConfig): string | null {
  if (resumableUploadExpiry === 0 || !enableV2Api) return null
  // Of images that are in memory only, nothing is kept on a disk unasked.
  if (resumableUploadDir === null && dataApi === 'simple') return null
  return resumableUploadDir ?? join(dataDir, 'uploads')
}

/** @throws {GlanceError} `unavailable` when the folder cannot be made. */
export async function openParts(config: ServerConfig, now: () => Date): Promise<Parts | null> {
  const folder = partsFolder(config)
  const maxAgeMs = config.resumableUploadExpiry * 1000
  return folder === null ? null : await PartFolder.open(folder, { maxAgeMs, now })
}
