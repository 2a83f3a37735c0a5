import type { ImageTable, ImageUsage } from '../../database/database.ts'

/** What of a project can be limited, by the names of Glance's limits in Keystone. */
export const LIMIT_NAMES = [
  'image_size_total',
  'image_stage_total',
  'image_count_total',
  'image_count_uploading',
] as const
export type LimitName = (typeof LIMIT_NAMES)[number]

/** Where it is known how much each project may use, such as Keystone. */
export interface ProjectLimits {
  /** In MiB for `image_size_total` and `image_stage_total`, else in images. */
  find(project: string | null): Promise<Readonly<Record<LimitName, number>>>
}

/** How much a project uses, and may. */
export interface LimitUsage {
  readonly usage: number
  readonly limit: number
}

/** What a project uses of each limit. */
export async function usageOf(
  images: Pick<ImageTable, 'usage'>,
  limits: ProjectLimits,
  project: string | null,
): Promise<Readonly<Record<LimitName, LimitUsage>>> {
  const [used, most] = await Promise.all([images.usage(project), limits.find(project)])
  return Object.fromEntries(
    LIMIT_NAMES.map(name => [name, { usage: MEASURE[name](used), limit: most[name] }]),
    // The names are all there are.
  ) as Record<LimitName, LimitUsage>
}

const MEASURE = {
  image_size_total: ({ storedBytes }) => mebibytes(storedBytes),
  image_stage_total: ({ stagedBytes }) => mebibytes(stagedBytes),
  image_count_total: ({ images }) => images,
  image_count_uploading: ({ uploading }) => uploading,
} as const satisfies Record<LimitName, (usage: ImageUsage) => number>

/** As Glance: what is less than a whole one does not count. */
function mebibytes(bytes: number): number {
  return Math.floor(bytes / 1024 ** 2)
}
