import yargs, { type Argv, type Options } from 'yargs'
import { GlanceError, messageOf } from '../errors.ts'
import type { AnyCommand, Shorthand } from './command.ts'
import { GROUPS, isCommand, loadCommands, type Word } from './commands.ts'
import { STANDARD } from './dumps.ts'
import { checkOptions, COMMON, type CommonOptions } from './options.ts'
import { Vocabulary } from './vocabulary.ts'

export const PROGRAM = 'glance-replicator'

/** What a command line asks for: something to read, a command to be run, or what that is to be found out from. */
export type Asked =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'command'; readonly command: AnyCommand; readonly options: CommonOptions }
  | { readonly type: 'shorthand'; readonly shorthand: Shorthand; readonly options: object }

/** @throws {GlanceError} `usage`, with a hint where to read on. */
export async function parse(argv: readonly string[], version: string): Promise<Asked> {
  const given = withoutEnd(argv)
  const vocabulary = await vocabularyOf(given)
  const [first = '--help', ...others] = commandFirst(given, vocabulary)
  const words = withStandard(
    withClouds(first === 'help' ? [...others, '--help'] : [first, ...others], vocabulary),
    vocabulary,
  )
  requireCommand(words)
  requireOptions(words, vocabulary)
  requireNumbers(words, vocabulary)
  const told = withHelp(words) ? asTheyAre : untold
  let chosen: Asked | undefined
  const parser = yargs()
    .scriptName(PROGRAM)
    .usage(
      '$0 <command> [options]\n\nCompare, copy and size the images of OpenStack Glance services',
    )
    .options(told(COMMON))
    .version(version)
    .help('help')
    .alias('h', 'help')
    .epilogue(
      `'${PROGRAM} help COMMAND' tells about a command; the manual is glance-replicator(1).`,
    )
    .strict()
    .demandCommand(1, 'which command?')
    .wrap(100)
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error) => {
      throw usage(message || messageOf(error))
    })
  register(parser, vocabulary.commands, told, (asked, options) => {
    chosen =
      'expand' in asked
        ? { type: 'shorthand', shorthand: asked, options }
        : // yargs has given every option of COMMON its default.
          { type: 'command', command: asked, options: options as CommonOptions }
  })
  let text = ''
  await parser.parseAsync(words, {}, (_error, _options, output) => {
    text = output
  })
  return chosen ?? { type: 'text', text }
}

/**
 * The commands that have to be known to understand this line: the one that it begins with, or asks for help about, when
 * all its options are of that one; else all of them, by which it is told what is wrong.
 */
async function vocabularyOf(line: readonly string[]): Promise<Vocabulary> {
  if (line.join() === '--version') return new Vocabulary([])
  const name = nameOf(line[0] === 'help' ? line.slice(1) : line)
  if (name !== undefined && isCommand(name)) {
    const one = new Vocabulary(await loadCommands([name]))
    if (one.covers(line)) return one
  }
  return new Vocabulary(await loadCommands())
}

/** The name of the command that a line begins with; undefined when it begins with none, or with a group alone. */
function nameOf([first, second]: readonly string[]): string | undefined {
  if (first === undefined || !Object.hasOwn(GROUPS, first)) return first
  return second === undefined ? undefined : `${first} ${second}`
}

/** Options of a command line, as yargs is told of them. */
type Told = (options: Readonly<Record<string, Options>>) => Record<string, Options>

const asTheyAre: Told = options => options

/** yargs lays out the help of every command that it runs, which takes longer than all else here: so it has nothing to lay out. */
const untold: Told = options =>
  Object.fromEntries(
    Object.entries(options).map(([name, option]) => [name, { ...option, hidden: true }]),
  )

/** Whether the help is, or may be, asked for. */
function withHelp(words: readonly string[]): boolean {
  return words.some(word => /^-(?:-h|[^-]*h)/.test(word))
}

/**
 * The line without the word that ends its options, after which yargs gives no command its words.
 * @throws {GlanceError} `usage` for a word after it that would be an option without it.
 */
function withoutEnd(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--')
  if (end < 0) return argv
  const after = argv.slice(end + 1)
  const odd = after.find(word => /^-./.test(word))
  if (odd === undefined) return [...argv.slice(0, end), ...after]
  throw usage(`${odd}: nothing that begins with a hyphen is taken, also after --`)
}

/** Options may stand before the command, as they always might: this is the same line with the command at its head. */
function commandFirst(argv: readonly string[], vocabulary: Vocabulary): readonly string[] {
  for (let i = 0; i < argv.length; i += 1) {
    const word = argv[i] ?? ''
    if (!word.startsWith('-')) return [...argv.slice(i), ...argv.slice(0, i)]
    if (vocabulary.takesValue(word)) i += 1
  }
  return argv
}

/**
 * An end that is left away is the cloud that an option names for it: `livecopy --source-cloud one --target-cloud two`
 * is `livecopy … cloud: cloud:`.
 */
function withClouds(words: readonly string[], vocabulary: Vocabulary): readonly string[] {
  const command = vocabulary.commands.find(({ name }) => name === words[0])
  if (command === undefined || 'expand' in command || command.options['cloud'] === undefined)
    return words
  const given = words.flatMap((word, i) =>
    i === 0 || /^-./.test(word) || vocabulary.takesValue(words[i - 1] ?? '') ? [] : [i],
  )
  const names = Object.keys(command.positionals)
  const result = [...words]
  let missing = names.length - given.length
  for (const [i, side] of names.entries()) {
    const isNamed = (option: string) =>
      words.some(word => word === option || word.startsWith(`${option}=`))
    if (missing <= 0 || !(side === 'source' || side === 'target')) continue
    if (!isNamed('--cloud') && !isNamed(`--${side}-cloud`)) continue
    // What stands on the line from there on belongs to the ends after it.
    result.splice((given[i] ?? words.length) + (result.length - words.length), 0, 'cloud:')
    missing -= 1
  }
  return result
}

/** An end that is `-` by its address, since yargs takes the word for an option without a name. */
function withStandard(words: readonly string[], vocabulary: Vocabulary): readonly string[] {
  return words.map((word, i) =>
    word === '-' && !vocabulary.takesValue(words[i - 1] ?? '') ? STANDARD : word,
  )
}

/** @throws {GlanceError} `usage` for a command that there is not, which yargs would call an argument. */
function requireCommand([named, second]: readonly string[]): void {
  if (named === undefined || named.startsWith('-')) return
  const isGroup = Object.hasOwn(GROUPS, named)
  if (isGroup && second === undefined) throw usage(`${named} wants a command`, named)
  if (isGroup && second?.startsWith('-') === true) return
  const name = isGroup ? `${named} ${second}` : named
  if (!isCommand(name)) throw usage(`unknown command '${name}'`)
}

/** @throws {GlanceError} `usage` for an option that no command has, whose value yargs would take for an argument. */
function requireOptions(words: readonly string[], vocabulary: Vocabulary): void {
  for (const word of words) {
    const option = vocabulary.unknownIn(word)
    if (option !== undefined) throw usage(`unknown option ${option}`)
  }
}

/**
 * @throws {GlanceError} `usage` for a number that is left empty, as where a script has a variable that is not set:
 * yargs would take it for 0.
 */
function requireNumbers(words: readonly string[], vocabulary: Vocabulary): void {
  for (const [i, word] of words.entries()) {
    const [, option = word, joined] = /^([^=]+)=(.*)$/s.exec(word) ?? []
    if (!vocabulary.takesNumber(option)) continue
    const value = joined ?? words[i + 1]
    if (value?.trim() === '')
      throw new GlanceError('usage', `${option}: expected a number, found nothing`)
  }
}

/** How usage names what stands on the line; only the last may be several, or left out. */
function placeOf({ positionals }: Pick<AnyCommand, 'positionals'>, name: string): string {
  const { array, demandOption } = positionals[name] ?? {}
  if (demandOption === false) return `[${name}]`
  return array === true ? `<${name}..>` : `<${name}>`
}

/** Tells yargs of these commands, each by itself or in its group; `choose` is told of the one that is asked for. */
function register(
  parser: Argv,
  commands: readonly Word[],
  told: Told,
  choose: (asked: AnyCommand | Shorthand, options: object) => void,
): void {
  const add = (parser: Argv, command: Word, word: string) => {
    const names = Object.keys(command.positionals)
    parser.command(
      [word, ...names.map(name => placeOf(command, name))].join(' '),
      command.summary,
      builder => {
        for (const name of names) builder.positional(name, command.positionals[name] ?? {})
        return builder.options(told(command.options))
      },
      options => {
        checkOptions(options, command)
        choose(command, options)
      },
    )
  }
  for (const command of commands) {
    if (!command.name.includes(' ')) add(parser, command, command.name)
  }
  for (const [group, summary] of Object.entries(GROUPS)) {
    parser.command(`${group} <command>`, summary, parser => {
      for (const command of commands) {
        const [first, word] = command.name.split(' ')
        if (first === group && word !== undefined) add(parser, command, word)
      }
      return parser
    })
  }
  parser.command('help [command]', 'Tell about a command')
}

function usage(message: string, topic?: string): GlanceError {
  return new GlanceError('usage', `${message}; see '${[PROGRAM, 'help', topic].join(' ').trim()}'`)
}
