import { ACTIONS } from './actions.ts'
import { DATA } from './data.ts'
import { CREATE } from './images-create.ts'
import { DELETE } from './images-delete.ts'
import { LIST } from './images-list.ts'
import { PATCH } from './images-patch.ts'
import { SHOW } from './images-show.ts'
import { MEMBERS } from './members.ts'
import { METADEFS } from './metadefs.ts'
import { MISFORTUNES } from './misfortunes.ts'
import { REQUESTS } from './requests.ts'
import { SCHEMAS } from './schemas.ts'
import type { Scenario } from './table.ts'
import { TAGS } from './tags.ts'
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
]
