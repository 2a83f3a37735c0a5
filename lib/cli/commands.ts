import type { AnyCommand } from './command.ts'
import { compare } from './commands/compare.ts'
import { dump } from './commands/dump.ts'
import { livecopy } from './commands/livecopy.ts'
import { load } from './commands/load.ts'
import { serve } from './commands/serve.ts'
import { size } from './commands/size.ts'

/** Every command, in the order of the help text. */
export const COMMANDS: readonly AnyCommand[] = [compare, livecopy, dump, load, size, serve]
