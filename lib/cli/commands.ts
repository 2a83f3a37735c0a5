import type { AnyCommand, Shorthand } from './command.ts'
import { apply } from './commands/apply.ts'
import { CACHE } from './commands/cache.ts'
import { compare } from './commands/compare.ts'
import { daemonOf } from './commands/daemon.ts'
import { dbDowngrade } from './commands/db-downgrade.ts'
import { dbImport } from './commands/db-import.ts'
import { dbLoadMetadefs } from './commands/db-load-metadefs.ts'
import { dbPurge } from './commands/db-purge.ts'
import { dbSync, dbUpgrade } from './commands/db-sync.ts'
import { dbCheck, dbVersion } from './commands/db-version.ts'
import { dump } from './commands/dump.ts'
import { livecopy } from './commands/livecopy.ts'
import { load } from './commands/load.ts'
import { runOf } from './commands/run.ts'
import { scrub } from './commands/scrub.ts'
import { serve } from './commands/serve.ts'
import { size } from './commands/size.ts'
import { verify } from './commands/verify.ts'

/** Those that may be jobs. */
const JOBS: readonly AnyCommand[] = [compare, livecopy, dump, load, apply, size, verify]

/** Every command, in the order of the help text. */
export const COMMANDS: readonly AnyCommand[] = [
  ...JOBS,
  daemonOf(JOBS),
  serve,
  scrub,
  ...CACHE,
  dbSync,
  dbVersion,
  dbCheck,
  dbUpgrade,
  dbDowngrade,
  dbPurge,
  dbLoadMetadefs,
  dbImport,
]

export const SHORTHANDS: readonly Shorthand[] = [runOf(JOBS)]

/** What the commands have in common whose names begin with the same word. */
export const GROUPS: Readonly<Record<string, string>> = {
  cache: 'Look after the image cache of a service',
  db: 'Look after the database of a service',
}
