import type { Options } from 'yargs'
import { type Word } from './commands.ts'
import { COMMON } from './options.ts'

/** The commands that a command line may have, and how their options are spelled. */
export class Vocabulary {
  readonly commands: readonly Word[]
  readonly #names: ReadonlySet<string>
  readonly #takingAValue: ReadonlySet<string>
  readonly #takingANumber: ReadonlySet<string>

  constructor(commands: readonly Word[]) {
    this.commands = commands
    const options = commands.flatMap(({ options }) =>
      Object.entries<Options>({ ...COMMON, ...options }).map(([name, { type, alias = [] }]) => ({
        type,
        names: [name, ...[alias].flat()],
      })),
    )
    const spellings = (chosen: typeof options) =>
      new Set(
        chosen
          .flatMap(({ names }) => names)
          .map(name => (name.length === 1 ? `-${name}` : `--${name}`)),
      )
    this.#names = new Set([...spellings(options), '--help', '-h', '--version'])
    this.#takingAValue = spellings(options.filter(({ type }) => type !== 'boolean'))
    this.#takingANumber = spellings(options.filter(({ type }) => type === 'number'))
  }

  /** The option that none of the commands has, in this word of a command line; undefined where there is none. */
  unknownIn(word: string): string | undefined {
    const name = /^--(?:no-)?([^=]+)/.exec(word)?.[1]
    return name === undefined || this.#names.has(`--${name}`) ? undefined : `--${name}`
  }

  /** Whether each word that is an option is one of these commands, as far as that can be seen without their values. */
  covers(words: readonly string[]): boolean {
    return words.every(word =>
      /^-[^-]/.test(word) ? this.#names.has(word.slice(0, 2)) : this.unknownIn(word) === undefined,
    )
  }

  /** Whether this spelling of an option is followed by its value. */
  takesValue(word: string): boolean {
    return this.#takingAValue.has(word)
  }

  /** Whether the value of the option that is spelled so is a number. */
  takesNumber(word: string): boolean {
    return this.#takingANumber.has(word)
  }
}
