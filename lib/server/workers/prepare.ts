import type { OpenOptions } from '../../database/settings.ts'
import { Opened } from '../assembly/opened.ts'
import { recoverAll } from '../assembly/recover-all.ts'
import { openService } from '../assembly/service.ts'
import type { ServerConfig } from '../config.ts'
import { lockOut } from '../exclusive.ts'

/**
 * Does what is done once for all workers, before there are any: keeps other services away until `locks` are disposed of,
 * makes the tables of the database ready, and puts right what an earlier service was cut off in.
 * @throws {GlanceError} as `openService`.
 */
export async function prepare(
  config: ServerConfig,
  {
    report,
    locks,
    ...waiting
  }: OpenOptions & { readonly report: (error: unknown) => void; readonly locks: Opened },
): Promise<void> {
  for await (const lock of lockOut(config)) locks.add(lock)
  await using opened = new Opened()
  const now = () => new Date()
  const forget = async () => {}
  const service = await openService(config, { ...waiting, report, now, opened, forget })
  await recoverAll(service)
}
