import type { Scenario } from './table.ts'
import { V1_CHANGE } from './v1-change.ts'
import { V1_CREATE } from './v1-create.ts'
import { V1_LIST } from './v1-list.ts'
import { V1_MEMBERS } from './v1-members.ts'
import { V1_SHOW } from './v1-show.ts'

/** The behaviour table of v1, whose every scenario begins with an empty service. */
export const V1_SCENARIOS: readonly Scenario[] = [
  ...V1_CREATE,
  ...V1_SHOW,
  ...V1_LIST,
  ...V1_CHANGE,
  ...V1_MEMBERS,
]
