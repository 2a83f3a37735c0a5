import { type LimitName, type LimitUsage, usageOf } from '../quota/project-limits.ts'
import type { RequestContext } from './context.ts'
import type { Service } from './service.ts'

/** What the caller's project uses, and may; nothing while nobody limits projects. */
export async function showUsage(
  { project }: Pick<RequestContext, 'project'>,
  { database, projectLimits }: Pick<Service, 'database' | 'projectLimits'>,
): Promise<Partial<Readonly<Record<LimitName, LimitUsage>>>> {
  return projectLimits === null ? {} : usageOf(database.images, projectLimits, project)
}
