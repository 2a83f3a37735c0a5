import { MAPPING } from '../mapping.ts'
import { SOURCE_API, TARGET_API } from '../options.ts'
import { MEMBERS, PROJECTS } from '../projects.ts'
import { replicationCommand } from '../replication.ts'
import { VIA } from '../transfer-options.ts'
import { several } from '../several-targets.ts'

export const livecopy = replicationCommand({
  name: 'livecopy',
  summary: 'Copy the images of one server to another',
  positionals: {
    source: { type: 'string', describe: 'The server to copy from: an address or cloud:NAME' },
    target: {
      type: 'string',
      array: true,
      describe: 'The servers to copy to: addresses or cloud:NAME',
    },
  },
  options: { ...VIA, ...SOURCE_API, ...TARGET_API, ...MAPPING, ...PROJECTS, ...MEMBERS },
  several,
  ends: ({ source, target }) => ({ source: String(source), targets: [target].flat() }),
})
