import type { Options } from 'yargs'

/** Options of commands that read jobs. */
export const JOB_FILE: Readonly<Record<string, Options>> = {
  config: {
    type: 'string',
    requiresArg: true,
    describe:
      'Read jobs from FILE (default: glance-replicator.yaml here, in ~/.config or in /etc/glance-replicator)',
  },
}
