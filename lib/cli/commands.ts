import type { AnyCommand, Shorthand } from './command.ts'

/** What may stand first on a command line. */
export type Word = AnyCommand | Shorthand

/** Those that may be jobs. */
const JOBS = {
  compare: async () => (await import('./commands/compare.ts')).compare,
  livecopy: async () => (await import('./commands/livecopy.ts')).livecopy,
  dump: async () => (await import('./commands/dump.ts')).dump,
  load: async () => (await import('./commands/load.ts')).load,
  apply: async () => (await import('./commands/apply.ts')).apply,
  size: async () => (await import('./commands/size.ts')).size,
  verify: async () => (await import('./commands/verify.ts')).verify,
} as const satisfies Readonly<Record<string, () => Promise<AnyCommand>>>

/**
 * How each is loaded, by its name and in the order of the help text: by itself and when it is asked for, since all of
 * them take longer than most of what they do.
 */
const LOADERS: ReadonlyMap<string, () => Promise<Word>> = new Map<string, () => Promise<Word>>(
  Object.entries({
    ...JOBS,
    daemon: async () => (await import('./commands/daemon.ts')).daemonOf(await jobs()),
    serve: async () => (await import('./commands/serve.ts')).serve,
    scrub: async () => (await import('./commands/scrub.ts')).scrub,
    'cache list': async () => (await import('./commands/cache.ts')).CACHE.list,
    'cache queue': async () => (await import('./commands/cache.ts')).CACHE.queue,
    'cache delete': async () => (await import('./commands/cache.ts')).CACHE.remove,
    'cache prune': async () => (await import('./commands/cache.ts')).CACHE.prune,
    'cache clean': async () => (await import('./commands/cache.ts')).CACHE.clean,
    'cache prefetch': async () => (await import('./commands/cache.ts')).CACHE.fetchQueued,
    'db sync': async () => (await import('./commands/db-sync.ts')).dbSync,
    'db version': async () => (await import('./commands/db-version.ts')).dbVersion,
    'db check': async () => (await import('./commands/db-version.ts')).dbCheck,
    'db upgrade': async () => (await import('./commands/db-sync.ts')).dbUpgrade,
    'db downgrade': async () => (await import('./commands/db-downgrade.ts')).dbDowngrade,
    'db purge': async () => (await import('./commands/db-purge.ts')).dbPurge,
    'db load-metadefs': async () => (await import('./commands/db-load-metadefs.ts')).dbLoadMetadefs,
    'db import': async () => (await import('./commands/db-import.ts')).dbImport,
    run: async () => (await import('./commands/run.ts')).runOf(await jobs()),
  }),
)

/** What the commands have in common whose names begin with the same word. */
export const GROUPS: Readonly<Record<string, string>> = {
  cache: 'Look after the image cache of a service',
  db: 'Look after the database of a service',
}

/** Whether there is a command of this name: one word, or that of a group and its own. */
export function isCommand(name: string): boolean {
  return LOADERS.has(name)
}

/** The commands of these names, in this order; those that there are. Default: every one. */
export async function loadCommands(
  names: Iterable<string> = LOADERS.keys(),
): Promise<readonly Word[]> {
  const loaded = [...names].map(async name => await LOADERS.get(name)?.())
  return (await Promise.all(loaded)).filter(word => word !== undefined)
}

async function jobs(): Promise<readonly AnyCommand[]> {
  return await Promise.all(Object.values(JOBS).map(async load => await load()))
}
