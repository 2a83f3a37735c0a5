import { TARGET_API } from '../options.ts'
import { replicationCommand } from '../replication.ts'

export const load = replicationCommand({
  name: 'load',
  summary: 'Copy the images in a directory to a server',
  positionals: {
    target: { type: 'string', describe: 'The server to copy to: an address or cloud:NAME' },
    path: { type: 'string', describe: 'The directory that was dumped to' },
  },
  options: TARGET_API,
  ends: ({ target, path }) => ({ source: `dir:${String(path)}`, targets: [String(target)] }),
})
