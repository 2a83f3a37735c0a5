import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { GlanceError, messageOf } from '../errors.ts'
import type { ServiceOptions } from './options.ts'

/**
 * The files of settings that a command line names, in the order in which they count: those of folders, `*.conf` by name, after
 * all others. None is read that it does not name. @throws {GlanceError} `usage` for a folder that cannot be read.
 */
export async function configFiles({
  config = [],
  configDir = [],
}: Pick<ServiceOptions, 'config' | 'configDir'>): Promise<readonly string[]> {
  if (config.includes('')) throw new GlanceError('usage', '--config: expected the name of a file')
  const files = [...config]
  for (const folder of configDir) {
    const names = await readdir(folder).catch((cause: unknown) => {
      const message = `--config-dir: ${folder} cannot be read: ${messageOf(cause)}`
      throw new GlanceError('usage', message, { cause })
    })
    const own = names.filter(name => /^[^.].*\.conf$/.test(name)).toSorted()
    files.push(...own.map(name => join(folder, name)))
  }
  return files
}
