import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { GlanceError, messageOf } from './errors.ts'

/** What a module is loaded for. */
export interface WantedModule {
  /** What named it, for messages: an option, or a store. */
  readonly named: string
  /** The function that it has to export. */
  readonly exporting: string
  /** What might have been meant as well, such as `simple or sqlite`. */
  readonly choices: string
}

/**
 * Loads somebody else's code and resolves to a function of it. `module` is the path of a file, absolute or beginning with
 * `./` or `../`, a `file:` URL, or the name of a package that is installed with this program.
 * @throws {GlanceError} `usage` when there is no such module or no such function in it.
 */
export async function functionOf(
  module: string,
  { named, exporting, choices }: WantedModule,
): Promise<Function> {
  let exported: unknown
  try {
    exported = await import(
      /^(?:\/|\.\.?\/)/.test(module) ? pathToFileURL(resolve(module)).href : module
    )
  } catch (error) {
    const isMissing =
      error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
    const message = isMissing
      ? `expected ${choices} or a module, and there is none of that name: ${messageOf(error)}`
      : `the module cannot be loaded: ${messageOf(error)}`
    throw new GlanceError('usage', `${named} ${module}: ${message}`, { cause: error })
  }
  if (has(exported, exporting) && typeof exported[exporting] === 'function') {
    return exported[exporting]
  }
  const message = `the module has to export a function ${exporting}, which it does not`
  throw new GlanceError('usage', `${named} ${module}: ${message}`)
}

/** Which of its parts a value has not. */
export function missingOf(value: unknown, parts: readonly PropertyKey[]): readonly PropertyKey[] {
  return parts.filter(part => !has(value, part))
}

function has<K extends PropertyKey>(value: unknown, key: K): value is Record<K, unknown> {
  return typeof value === 'object' && value !== null && key in value
}
