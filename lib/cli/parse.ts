import yargs, { type Options } from 'yargs'
import { GlanceError, messageOf } from '../errors.ts'
import type { AnyCommand } from './command.ts'
import { COMMANDS } from './commands.ts'
import { checkOptions, COMMON, type CommonOptions } from './options.ts'

export const PROGRAM = 'glance-replicator'

/** What a command line asks for: something to read, or a command to be run. */
export type Asked =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'command'; readonly command: AnyCommand; readonly options: CommonOptions }

/** @throws {GlanceError} `usage`, with a hint where to read on. */
export async function parse(argv: readonly string[], version: string): Promise<Asked> {
  const words = commandFirst(argv)
  const helpWanted = words[0] === 'help'
  const [named, ...others] = helpWanted ? words.slice(1) : words
  if (named === undefined) return { type: 'text', text: await helpText([], version) }
  if (named.startsWith('-')) return { type: 'text', text: await helpText(words, version) }
  const command = COMMANDS.find(({ name }) => name === named)
  if (command === undefined) throw usage(`unknown command '${named}'`)
  if (helpWanted) return { type: 'text', text: await helpText([named], version) }

  let options: CommonOptions | undefined
  const parser = parserOf(version, given => {
    checkOptions(given)
    // yargs has given every option of COMMON its default.
    options = given as unknown as CommonOptions
  })
  const text = await outputOf(parser, [named, ...others])
  return options === undefined ? { type: 'text', text } : { type: 'command', command, options }
}

/** Options may stand before the command, as they always might: this is the same line with the command at its head. */
function commandFirst(argv: readonly string[]): readonly string[] {
  for (let i = 0; i < argv.length; i += 1) {
    const word = argv[i] ?? ''
    if (!word.startsWith('-')) return [word, ...argv.slice(i + 1), ...argv.slice(0, i)]
    if (word === '--') break
    if (TAKING_A_VALUE.has(word)) i += 1
  }
  return argv
}

/** Every spelling of an option that is followed by its value. */
const TAKING_A_VALUE: ReadonlySet<string> = new Set(
  COMMANDS.flatMap(({ options }) => Object.entries<Options>({ ...COMMON, ...options }))
    .filter(([, { type }]) => type !== 'boolean')
    .flatMap(([name, { alias = [] }]) => [name, ...[alias].flat()])
    .map(name => (name.length === 1 ? `-${name}` : `--${name}`)),
)

async function helpText(words: readonly string[], version: string): Promise<string> {
  const [name] = words
  if (words.includes('--version')) return version
  if (name?.startsWith('-') === true && !words.some(word => word === '-h' || word === '--help')) {
    throw usage('which command?')
  }
  const command = COMMANDS.find(command => command.name === name)
  return await outputOf(
    parserOf(version, () => {}),
    [...(command ? [command.name] : []), '--help'],
  )
}

type Parser = ReturnType<typeof yargs>

function parserOf(
  version: string,
  run: (options: Readonly<Record<string, unknown>>) => void,
): Parser {
  const parser = yargs()
    .scriptName(PROGRAM)
    .usage(
      '$0 <command> [options]\n\nCompare, copy and size the images of OpenStack Glance services',
    )
    .version(version)
    .help('help')
    .alias('h', 'help')
    .epilogue(
      `'${PROGRAM} help COMMAND' tells about a command; the manual is glance-replicator(1).`,
    )
    .strict()
    .wrap(100)
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error) => {
      throw usage(message || messageOf(error))
    })
  for (const command of COMMANDS) {
    const names = Object.keys(command.positionals)
    parser.command(
      [command.name, ...names.map(name => `<${name}>`)].join(' '),
      command.summary,
      builder => {
        for (const name of names) builder.positional(name, command.positionals[name] ?? {})
        return builder.options(command.options)
      },
      run,
    )
  }
  parser.command('help [command]', 'Tell about a command')
  return parser.options(COMMON)
}

async function outputOf(parser: Parser, words: readonly string[]): Promise<string> {
  let text = ''
  await parser.parseAsync([...words], {}, (_error, _options, output) => {
    text = output
  })
  return text
}

function usage(message: string): GlanceError {
  return new GlanceError('usage', `${message}; see '${PROGRAM} help'`)
}
