import type { OptionDoc } from '../../lib/server/options/option.ts'
import { OPTION_TABLES } from '../../lib/server/options/tables.ts'

/** Where the page of the manual is, and between which of its lines the settings stand. */
export const SETTINGS_PAGE = 'man/glance-replicator.conf.5'
const BEGIN = '.\\" Written by scripts/settings-page.mjs from the tables of options: begin'
const END = '.\\" Written by scripts/settings-page.mjs from the tables of options: end'

/** Characters in a line, at most. */
const WIDTH = 79

/** The page with the settings as the tables of options have them. */
export function withSettings(page: string): string {
  const [before, rest = ''] = page.split(`${BEGIN}\n`, 2)
  const after = rest.slice(rest.indexOf(`${END}\n`))
  return [before, `${BEGIN}\n`, settings(), after].join('')
}

/** All settings in the language of manuals. */
function settings(): string {
  const lines = OPTION_TABLES.flatMap(({ title, options }) => [
    `.Ss ${title}`,
    '.Bl -tag -width Ds',
    ...options.flatMap(entry),
    '.El',
  ])
  return lines.map(line => `${line}\n`).join('')
}

function entry(option: OptionDoc): readonly string[] {
  const { section, name, type, unit, choices, isMultiple, also = [], doc } = option
  const standard = option.default
  return [
    `.It Va ${name}`,
    `.Li [${section}] ;`,
    `${type}${unit === undefined ? '' : `, in ${unit}`}${standard === null ? ', not set.' : standard === '' ? ', empty.' : '; default'}`,
    ...(standard === null || standard === '' ? [] : [`.Li ${standard} .`]),
    ...doc.split(/(?<=[.;]) (?=[A-Z])/).flatMap(sentence => wrapped(sentence)),
    ...(choices === undefined ? [] : wrapped(`One of ${choices.join(', ')}.`)),
    ...(isMultiple === true ? ['May be there several times.'] : []),
    ...(also.length > 0 ? wrapped(`Also: ${also.join(', ')}.`) : []),
  ]
}

function wrapped(sentence: string): readonly string[] {
  const lines: string[] = []
  for (const word of sentence.replaceAll('\\', '\\e').split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > WIDTH) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}
