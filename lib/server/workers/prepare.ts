import type { OpenOptions } from '../../database/settings.ts'
import { openDatabaseOf } from '../assembly/open-database.ts'
import { Opened } from '../assembly/opened.ts'
import { recoverAll } from '../assembly/recover-all.ts'
import { openService } from '../assembly/service.ts'
import type { ServerConfig } from '../config.ts'
import { lockOut } from '../exclusive.ts'
import type { Report } from '../http/app.ts'
import { recoverImage } from '../import/recover-image.ts'
import { openCacheAnew } from '../open-stores.ts'

/**
 * Does what is done once for all workers, before there are any: keeps other services away until `locks` are disposed of,
 * makes the tables of the database ready, and puts right what an earlier service was cut off in, in its cache as well.
 * @throws {GlanceError} as `openService`.
 */
export async function prepare(
  config: ServerConfig,
  { report, locks, ...waiting }: OpenOptions & { readonly report: Report; readonly locks: Opened },
): Promise<void> {
  for await (const lock of lockOut(config)) locks.add(lock)
  // It stays open, since who holds it has to.
  const database = locks.add(await openDatabaseOf(config, { ...waiting, report }))
  const held = await database.hold?.({ ...waiting, report })
  if (held !== undefined) locks.add(held)
  await using opened = new Opened()
  const service = await serviceFor(config, { ...waiting, report, opened })
  await recoverAll(service)
  const cache = await openCacheAnew(config, service)
  await cache?.[Symbol.asyncDispose]()
}

/** Puts right what a worker that has ended left behind of these images. @throws {GlanceError} `unavailable`. */
export async function recoverLeft(
  config: ServerConfig,
  ids: Iterable<string>,
  { report, isHeld }: { readonly report: Report; readonly isHeld: (id: string) => boolean },
): Promise<void> {
  await using opened = new Opened()
  const service = await serviceFor(config, { report, opened })
  for (const id of ids) {
    // Another has it by now, so that it has been put right.
    if (!isHeld(id)) await recoverImage(service, id)
  }
}

async function serviceFor(
  config: ServerConfig,
  options: OpenOptions & { readonly report: Report; readonly opened: Opened },
) {
  const now = () => new Date()
  return await openService(config, { ...options, now, forget: async () => {} })
}
