/** What upstream does not know to leave out, and then stumbles over: these may be null. */
const NOT_REPLICATED = 'created_at date deleted_at location updated_at owner virtual_size'

/**
 * A shell command: upstream's own program, as Debian's python3-glance has it, without which it cannot be started under
 * its name any more. It speaks v1.
 */
export function upstream(command: string, from: string, to: string): string {
  const start =
    'import sys; from glance.cmd.replicator import main; sys.argv[0] = "glance-replicator"; main()'
  return `env -u PYTHONPATH -u PYTHONHOME /usr/bin/python3 -c '${start}' --dontreplicate '${NOT_REPLICATED}' ${command} ${from} ${to}`
}
