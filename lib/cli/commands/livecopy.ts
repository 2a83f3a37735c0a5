import { MAPPING } from '../mapping.ts'
import { SOURCE_API, TARGET_API } from '../options.ts'
import { MEMBERS, PROJECTS } from '../projects.ts'
import { replicationCommand } from '../replication.ts'

export const livecopy = replicationCommand({
  name: 'livecopy',
  summary: 'Copy the images of one server to another',
  positionals: {
    source: { type: 'string', describe: 'The server to copy from: an address or cloud:NAME' },
    target: { type: 'string', describe: 'The server to copy to: an address or cloud:NAME' },
  },
  options: { ...SOURCE_API, ...TARGET_API, ...MAPPING, ...PROJECTS, ...MEMBERS },
  ends: ({ source, target }) => ({ source, target }),
})
