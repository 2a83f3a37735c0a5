import { ACTIONS } from './actions.ts'
import { CACHE } from './cache.ts'
import { DATA } from './data.ts'
import { CREATE } from './images-create.ts'
import { DELETE } from './images-delete.ts'
import { LIST } from './images-list.ts'
import { PATCH } from './images-patch.ts'
import { SHOW } from './images-show.ts'
import { IMPORTS_REFUSED } from './imports-refused.ts'
import { IMPORTS } from './imports.ts'
import { LOCATIONS } from './locations.ts'
import { MEMBERS } from './members.ts'
import { METADEFS } from './metadefs.ts'
import { MISFORTUNES } from './misfortunes.ts'
import { PROTECTIONS } from './protections.ts'
import { QUOTAS } from './quotas.ts'
import { REQUESTS } from './requests.ts'
import { ROLES } from './roles.ts'
import { SCHEMAS } from './schemas.ts'
import { STORES } from './stores.ts'
import type { SettingName } from './settings.ts'
import type { Scenario } from './table.ts'
import { TAGS } from './tags.ts'
import { TASKS } from './tasks.ts'
import { VERSIONS } from './versions.ts'

/** The behaviour table: every request, in the order in which they are sent. */
export const SCENARIOS: readonly Scenario[] = [
  ...VERSIONS,
  ...REQUESTS,
  ...MISFORTUNES,
  ...CREATE,
  ...SHOW,
  ...LIST,
  ...PATCH,
  ...DELETE,
  ...DATA,
  ...ACTIONS,
  ...MEMBERS,
  ...TAGS,
  ...SCHEMAS,
  ...METADEFS,
  ...STORES,
  ...TASKS,
  ...IMPORTS_REFUSED,
  ...IMPORTS,
  ...LOCATIONS,
  ...CACHE,
  ...QUOTAS,
  ...PROTECTIONS,
  ...ROLES,
]

/** A scenario, and which one of all it is. */
export interface Numbered {
  readonly number: number
  readonly scenario: Scenario
}

/** The scenarios of each setting. */
export function scenariosBySetting(): ReadonlyMap<SettingName, readonly Numbered[]> {
  const found = new Map<SettingName, Numbered[]>()
  for (const [number, scenario] of SCENARIOS.entries()) {
    const { setting = 'plain' } = scenario
    found.set(setting, [...(found.get(setting) ?? []), { number, scenario }])
  }
  return found
}
