import { DUMP, dumpAddress } from '../dumps.ts'
import { SOURCE_API } from '../options.ts'
import { MEMBERS } from '../projects.ts'
import { replicationCommand } from '../replication.ts'

export const dump = replicationCommand({
  name: 'dump',
  summary: 'Write the images of a server to a directory or a tar archive',
  positionals: {
    source: { type: 'string', describe: 'The server to copy from: an address or cloud:NAME' },
    path: {
      type: 'string',
      describe:
        'The directory to write to, or a .tar, .tar.gz or .tar.zst, or - for standard output',
    },
  },
  options: { ...DUMP, ...SOURCE_API, ...MEMBERS },
  ends: ({ source, path }) => ({ source: String(source), targets: [dumpAddress(String(path))] }),
})
