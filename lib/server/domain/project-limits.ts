import { GlanceError } from '../../errors.ts'
import { type LimitName, usageOf } from '../quota/project-limits.ts'
import type { RequestContext } from './context.ts'
import type { Service } from './service.ts'

/** What would be used besides, of each limit that matters: MiB of sizes, else images. 0 is what there is already. */
export type Claim = Partial<Readonly<Record<LimitName, number>>>

/**
 * Makes sure that the caller's project stays within the limits that Keystone has for it.
 * @throws {GlanceError} `over_limit`; `unavailable` when Keystone cannot be asked.
 */
export async function requireWithinLimits(
  { project }: Pick<RequestContext, 'project'>,
  { database, projectLimits }: Pick<Service, 'database' | 'projectLimits'>,
  claim: Claim,
): Promise<void> {
  if (projectLimits === null) return
  const uses = await usageOf(database.images, projectLimits, project)
  const over = Object.entries(uses).flatMap(([name, { usage, limit }]) => {
    const delta = claim[name as LimitName] // The names are all there are.
    if (delta === undefined || usage + delta <= limit) return []
    return `Resource ${name} is over limit of ${limit} due to current usage ${usage} and delta ${delta}`
  })
  if (over.length === 0) return
  // The words of oslo.limit.
  const message = `project ${project ?? 'None'} is over a limit for [${over.join(', ')}]`
  throw new GlanceError('over_limit', message)
}

/** As Glance: what is less than a whole one does not count. */
export function mebibytesOf(bytes: number | null): number {
  return Math.floor((bytes ?? 0) / 1024 ** 2)
}
