import type { Readable, Writable } from 'node:stream'
import { createInterface } from 'node:readline/promises'

/** Where a question is put, and where the answer comes from; terminals or not. */
export interface Terminal {
  readonly input: Readable & { readonly isTTY?: boolean }
  readonly output: Writable & { readonly isTTY?: boolean }
}

/**
 * Puts a question to the person at the terminal; anything but yes is no. Null when nobody is there to be asked. Rejects
 * when `signal` fires.
 */
export async function confirm(
  question: string,
  { input, output }: Terminal,
  signal: AbortSignal,
): Promise<boolean | null> {
  if (input.isTTY !== true || output.isTTY !== true) return null
  const lines = createInterface({ input, output })
  try {
    // Who closes the terminal has not said yes.
    const closed = new Promise<string>(resolve => lines.once('close', () => resolve('')))
    const answer = await Promise.race([lines.question(`${question} [y/N] `, { signal }), closed])
    return /^y(?:es)?$/i.test(answer.trim())
  } finally {
    lines.close()
  }
}
