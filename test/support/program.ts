import { Readable, Writable } from 'node:stream'
import { main } from '../../lib/cli/main.ts'

/** How the program ended, and what it said. */
export interface Said {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** What the program reads, and where it writes to in place of what is gathered. */
export interface Ends {
  readonly stdin?: Readable
  readonly stdout?: Writable
  readonly signal?: AbortSignal
}

/** Runs the program in this process: as a person would, but for signals and terminals. */
export async function run(
  words: readonly string[],
  environment: Readonly<NodeJS.ProcessEnv> = {},
  { stdin = Readable.from([]), stdout, signal = new AbortController().signal }: Ends = {},
): Promise<Said> {
  const [gathered, stderr] = [new Gathered(), new Gathered()]
  const status = await main(words, {
    streams: { input: () => stdin, output: () => stdout ?? gathered },
    stdout: gathered,
    stderr,
    environment,
    signal,
    version: '1.2.3',
  })
  return { status, stdout: gathered.text, stderr: stderr.text }
}

class Gathered extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}
