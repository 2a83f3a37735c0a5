import { dumpAddress } from '../dumps.ts'
import { MAPPING } from '../mapping.ts'
import { TARGET_API } from '../options.ts'
import { MEMBERS, PROJECTS } from '../projects.ts'
import { replicationCommand } from '../replication.ts'

export const load = replicationCommand({
  name: 'load',
  summary: 'Copy the images in a directory or a tar archive to a server',
  positionals: {
    target: { type: 'string', describe: 'The server to copy to: an address or cloud:NAME' },
    path: { type: 'string', describe: 'What was dumped to, or - for standard input' },
  },
  options: { ...TARGET_API, ...MAPPING, ...PROJECTS, ...MEMBERS },
  ends: ({ target, path }) => ({ source: dumpAddress(String(path)), targets: [String(target)] }),
})
