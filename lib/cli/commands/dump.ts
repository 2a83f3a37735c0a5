import { SOURCE_API } from '../options.ts'
import { replicationCommand } from '../replication.ts'

export const dump = replicationCommand({
  name: 'dump',
  summary: 'Write the images of a server to a directory',
  positionals: {
    source: { type: 'string', describe: 'The server to copy from: an address or cloud:NAME' },
    path: { type: 'string', describe: 'The directory to write to' },
  },
  options: SOURCE_API,
  ends: ({ source, path }) => ({ source: String(source), targets: [`dir:${String(path)}`] }),
})
