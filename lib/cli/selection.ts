import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import type { Options } from 'yargs'
import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import { valueOf } from '../filter/attributes.ts'
import type { Filter } from '../filter/filter.ts'
import { parseField, parseFilter, parseRegexLiteral } from '../filter/parse.ts'
import { compileRegex } from '../filter/regex.ts'
import { Reader } from '../filter/tokens.ts'
import { type Newest, Selection } from '../replicate/select.ts'
import { printable } from './format.ts'
import type { Log } from './log.ts'

/** Options that choose among the images of the source. */
export interface SelectionOptions {
  readonly filter?: string | readonly string[] | undefined
  readonly exclude?: string | readonly string[] | undefined
  readonly imagesFrom?: string | undefined
  readonly newest?: number | undefined
  readonly per?: string | undefined
}

const group = 'Which images:'

export const SELECTION = {
  filter: {
    group,
    type: 'string',
    requiresArg: true,
    describe: 'Only images that EXPR matches, such as "name=ubuntu-* and size<2GiB"; repeatable',
  },
  exclude: {
    group,
    type: 'string',
    requiresArg: true,
    describe: 'None that EXPR matches; repeatable',
  },
  'images-from': {
    group,
    type: 'string',
    requiresArg: true,
    describe: 'Only those whose id or name is a line of FILE, or of standard input (-)',
  },
  newest: {
    group,
    type: 'number',
    requiresArg: true,
    describe: 'Of what is left only the N created last',
  },
  per: {
    group,
    type: 'string',
    requiresArg: true,
    describe: 'N of each value of FIELD or FIELD~/REGEX/',
  },
} as const satisfies Record<string, Options>

/** How a command tells of images that were asked for by name and are not there. */
export interface SelectionSummary {
  /** Left away when no images were asked for by name. */
  readonly not_found?: readonly string[]
}

/** The images that the user chose; undefined for all. @throws {GlanceError} `usage`. */
export async function readSelection(
  { filter, exclude, imagesFrom, newest, per }: SelectionOptions,
  now: Date,
): Promise<Selection | undefined> {
  const wanted = all(filter).map(text => told('--filter', () => parseFilter(text)))
  const unwanted = all(exclude).map(text => told('--exclude', () => parseFilter(text)))
  const filters: Filter[] = [
    ...wanted,
    ...unwanted.map(filter => ({ type: 'not', filter }) as const),
  ]
  const perGroup = per === undefined ? undefined : told('--per', () => parseGroup(per))
  if (perGroup !== undefined && newest === undefined) {
    throw new GlanceError('usage', '--per: say how many of each by --newest')
  }
  if (filters.length === 0 && imagesFrom === undefined && newest === undefined) return undefined
  return new Selection({
    filter: filters.length === 0 ? undefined : { type: 'and', filters },
    images: imagesFrom === undefined ? undefined : await readNames(imagesFrom),
    newest: newest === undefined ? undefined : { count: newest, per: perGroup },
    now,
  })
}

/** Tells of the images that were asked for and are not there. */
export function selectionSummary(
  selection: Selection | undefined,
  { imagesFrom }: SelectionOptions,
  log: Log,
): SelectionSummary {
  if (selection === undefined || imagesFrom === undefined) return {}
  const { missing } = selection
  for (const name of missing) {
    log.error(`${printable(name)}: no image of the source has this id or name`)
  }
  return { not_found: missing }
}

/** `FIELD`, or `FIELD~/REGEX/`, whose first group, or all of it, is what counts. */
function parseGroup(text: string): NonNullable<Newest['per']> {
  const reader = new Reader(text)
  const field = parseField(reader)
  if (reader.atEnd) return image => valueOf(field, image)
  if (!reader.take(/~/y)) throw reader.unexpected("'~' or the end")
  const { source, ignoreCase } = parseRegexLiteral(reader)
  if (!reader.atEnd) throw reader.unexpected('the end')
  const regex = compileRegex(source, ignoreCase)
  return image => {
    const value = valueOf(field, image)
    const found = value === null ? null : regex(value)
    return found === null ? null : (found[1] ?? found[0] ?? null)
  }
}

async function readNames(file: string): Promise<readonly string[]> {
  const text = await (file === '-' ? readAll(process.stdin) : readFile(file, 'utf8')).catch(
    (cause: unknown) => {
      throw new GlanceError('usage', `--images-from ${file}: ${messageOf(cause)}`, { cause })
    },
  )
  const lines = text.replace(/^\u{feff}/u, '').split('\n')
  return lines.map(line => line.trim()).filter(line => line !== '' && !line.startsWith('#'))
}

/** An option's values, however often it was given. */
function all(given: string | readonly string[] | undefined): readonly string[] {
  return given === undefined ? [] : [given].flat()
}

function told<T>(option: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!isGlanceError(error, 'usage')) throw error
    throw new GlanceError('usage', `${option}: ${error.message}`, { cause: error })
  }
}
