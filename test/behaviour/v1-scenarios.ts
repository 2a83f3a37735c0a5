import type { Scenario } from './table.ts'
import { V1_CREATE } from './v1-create.ts'

/** The behaviour table of v1, whose every scenario begins with an empty service. */
export const V1_SCENARIOS: readonly Scenario[] = [...V1_CREATE]
