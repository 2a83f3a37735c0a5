import type { ImportWork } from '../work.ts'

/** The data has been staged by somebody. @throws {GlanceError} `not_found` when it has not. */
export async function glanceDirect({ staging, staged, signal }: ImportWork): Promise<void> {
  await staging.size(staged, { signal })
}
