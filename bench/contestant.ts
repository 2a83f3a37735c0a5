/** One way of doing the work of a race. */
export interface Contestant {
  readonly name: string
  /** What we are compared with. */
  readonly isPeer?: boolean
  /** A shell command, once all is prepared. */
  readonly command: string | (() => string)
  /** How much it does, in the unit of the race; what its output says when that is a function. */
  readonly amount: number | ((output: string) => number)
  /** How long that took, when not its time from beginning to end. */
  readonly seconds?: (output: string) => number
  /** Makes the command possible again; not measured. */
  readonly prepare?: () => Promise<void>
  /** The services whose part in the work counts as theirs, once they are prepared. */
  readonly servers?: () => readonly number[]
  /** Rejects when the work that has just ended was not done, whatever the command says. */
  readonly proved?: () => Promise<void>
  /** What else the race counts, of the run that has just ended. */
  readonly counted?: () => number | Promise<number>
  /** The curve that it is a point of, by its amount. */
  readonly series?: string
  /** How often it takes part. Default: in each round. */
  readonly rounds?: number
  /** The command that is looked at when a goal is missed, where the measured one takes too long. */
  readonly looked?: string
  /** Does the work once more, with Node told `lens`, by whatever of ours is worth a look. Default: the command. */
  readonly under?: (lens: readonly string[]) => Promise<void>
}

/** Of one that is prepared: what is measured. */
export function commandOf({ command }: Contestant): string {
  return typeof command === 'string' ? command : command()
}
