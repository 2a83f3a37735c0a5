import { type FileHandle, open } from 'node:fs/promises'
import type { Options } from 'yargs'
import { GlanceError, messageOf } from '../errors.ts'
import { printable } from './format.ts'

/** What comparing says of an image. */
export type CompareResult =
  'missing' | 'extra' | 'differs' | 'same' | 'no_data' | 'conflict' | 'unmapped' | 'error'

/** Options that name a file for the ids of each class, or `-` for standard output, as those of `rclone check`. */
export interface ListsOptions {
  readonly combined: string | undefined
  readonly missingOnTarget: string | undefined
  readonly missingOnSource: string | undefined
  readonly differ: string | undefined
  readonly match: string | undefined
  readonly error: string | undefined
}

const list = (what: string, ...alias: readonly string[]) =>
  ({
    type: 'string',
    requiresArg: true,
    alias,
    describe: `Write the ids of ${what} to FILE, or to standard output for -`,
  }) as const satisfies Options

export const LISTS = {
  combined: {
    type: 'string',
    requiresArg: true,
    describe: 'Write a mark (= - + * !) and the id of each image to FILE, or - for standard output',
  },
  'missing-on-target': list('images that only the source has', 'missing-on-dst'),
  'missing-on-source': list('images that only the target has', 'missing-on-src'),
  differ: list('images that differ'),
  match: list('images that are the same'),
  error: list('images that could not be compared'),
} as const satisfies Record<string, Options>

/** The mark of a class and the option of its list. An image that is passed over, or has nothing to copy, is in none. */
const CLASSES = {
  missing: { mark: '+', option: 'missingOnTarget' },
  extra: { mark: '-', option: 'missingOnSource' },
  differs: { mark: '*', option: 'differ' },
  same: { mark: '=', option: 'match' },
  error: { mark: '!', option: 'error' },
} as const satisfies Record<string, { mark: string; option: keyof ListsOptions }>

interface Listed {
  readonly id: string
  readonly result: CompareResult
}

/** The lists that go to files. */
export class CompareLists implements AsyncDisposable {
  readonly #options: ListsOptions
  readonly #files: ReadonlyMap<string, FileHandle>

  private constructor(options: ListsOptions, files: ReadonlyMap<string, FileHandle>) {
    this.#options = options
    this.#files = files
  }

  /** What is in the files is written over. @throws {GlanceError} `usage` for one that cannot be opened. */
  static async open(options: ListsOptions): Promise<CompareLists> {
    const files = new Map<string, FileHandle>()
    const lists = new CompareLists(options, files)
    try {
      for (const name of namesOf(options)) {
        if (name !== STANDARD && !files.has(name)) files.set(name, await open(name, 'w'))
      }
    } catch (cause) {
      await lists[Symbol.asyncDispose]()
      throw new GlanceError('usage', `the list cannot be written: ${messageOf(cause)}`, { cause })
    }
    return lists
  }

  /** @throws {GlanceError} `over_limit` when a file takes no more. */
  async add(row: Listed): Promise<void> {
    if (this.#files.size === 0) return
    for (const [name, line] of linesOf(row, this.#options)) {
      await this.#files
        .get(name)
        ?.appendFile(`${line}\n`)
        .catch((cause: unknown) => {
          throw new GlanceError('over_limit', `list ${name}: ${messageOf(cause)}`, { cause })
        })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#files.values()) await file.close()
  }
}

/** Whether standard output is for lists. */
export function isListed(options: ListsOptions): boolean {
  return OPTIONS.some(option => options[option] === STANDARD)
}

/** What an image puts on standard output; undefined when it is nothing. */
export function standardLines(row: Listed, options: ListsOptions): string | undefined {
  const lines = linesOf(row, options).filter(([name]) => name === STANDARD)
  return lines.length === 0 ? undefined : lines.map(([, line]) => line).join('\n')
}

const STANDARD = '-'
const OPTIONS = ['combined' as const, ...Object.values(CLASSES).map(({ option }) => option)]

function namesOf(options: ListsOptions): readonly string[] {
  return OPTIONS.flatMap(option => options[option] ?? [])
}

/** The lines for an image, each with the file that it is for. */
function linesOf(
  { id: given, result }: Listed,
  options: ListsOptions,
): readonly [string, string][] {
  if (result === 'no_data' || result === 'conflict' || result === 'unmapped') return []
  // What cannot be understood may be called anything.
  const id = printable(given)
  const { mark, option } = CLASSES[result]
  const [combined, own] = [options.combined, options[option]]
  return [
    ...(combined === undefined ? [] : [[combined, `${mark} ${id}`] as [string, string]]),
    ...(own === undefined ? [] : [[own, id] as [string, string]]),
  ]
}
