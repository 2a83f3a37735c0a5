import type { ImportWork } from '../work.ts'

/** Stages what is at a URL. @throws {GlanceError} `invalid`, `not_found`, `over_limit`, `corrupt`, `unavailable`. */
export async function webDownload(work: ImportWork, uri: string): Promise<void> {
  const { fetcher } = work.importer
  const { size, data } = await fetcher.open(uri, { signal: work.signal })
  await work.stage(data, size)
}
