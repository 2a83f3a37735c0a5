import { type Outcome, runProgram } from '../../support/command.ts'

/** What the program prints with `--json`; the manual tells more. */
export interface Results {
  readonly images: readonly {
    readonly id: string
    readonly result: string
    readonly differences?: readonly { readonly field: string }[]
    readonly refused?: readonly { readonly field: string; readonly reason: string }[]
    /** How the target fetched the data by itself. */
    readonly via?: string | null
    readonly error?: { readonly code: string; readonly message: string } | null
  }[]
  readonly totals: Readonly<Record<string, number>>
  readonly not_carried?: readonly { readonly field: string; readonly reason: string }[]
}

/** Runs a command with `--json`, and reads what it printed. */
export async function replicator(
  ...words: readonly string[]
): Promise<Outcome & { readonly results: Results }> {
  const outcome = await runProgram([...words, '--json'])
  try {
    return { ...outcome, results: JSON.parse(outcome.stdout) as Results }
  } catch (cause) {
    const { status, stdout, stderr } = outcome
    throw new Error(`${words.join(' ')}: ${status}\n${stdout}\n${stderr}`, { cause })
  }
}

/** The results of the images that have this one, by id. */
export function idsOf({ images }: Results, result: string): readonly string[] {
  return images.filter(image => image.result === result).map(({ id }) => id)
}
