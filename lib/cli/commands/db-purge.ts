import type { Command } from '../command.ts'
import { EXIT_STATUS } from '../exit-status.ts'
import { type CommonOptions, SERVICE, type ServiceOptions } from '../options.ts'
import { serviceConfig, serviceDatabase } from '../service-database.ts'

export interface DbPurgeOptions extends CommonOptions, ServiceOptions {
  /** Days. */
  readonly age: number
  readonly maxRows: number | undefined
}

export interface DbPurgeSummary {
  readonly totals: { readonly images: number; readonly tasks: number }
}

const DAY_MS = 86_400_000

export const dbPurge: Command<DbPurgeOptions, never, DbPurgeSummary> = {
  name: 'db purge',
  summary: 'Forget images that were deleted long ago, and tasks that are over',
  positionals: {},
  options: {
    ...SERVICE,
    age: {
      type: 'number',
      requiresArg: true,
      demandOption: true,
      describe: 'Days since they were deleted, or since the tasks expired',
    },
    'max-rows': {
      type: 'number',
      requiresArg: true,
      describe: 'Forget at most so many (default: all)',
    },
  },
  rows: 'rows',

  // oxlint-disable-next-line require-yield
  async *run(options, { program, signal }) {
    const { requireReady } = await import('../../server/ready-database.ts')
    await using database = await serviceDatabase(await serviceConfig(options), {
      wanted: false,
      signal,
    })
    await requireReady(database)
    const { age, maxRows = Infinity } = options
    const before = new Date(program.clock.now().getTime() - age * DAY_MS)
    const images = await database.images.purge(before, { limit: maxRows, signal })
    const tasks = await database.tasks.deleteExpired(before, { limit: maxRows - images, signal })
    return { totals: { images, tasks } }
  },

  exitStatus: () => EXIT_STATUS.done,

  views: {
    row: () => undefined,
    summary: ({ totals: { images, tasks } }) => `${images} images and ${tasks} tasks forgotten`,
  },
}
