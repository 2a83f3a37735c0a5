import { Readable, Writable } from 'node:stream'
import { main, type Surroundings } from '../../lib/cli/main.ts'

/** How the program ended, and what it said. */
export interface Said {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** What the program reads, and where it writes to in place of what is gathered; and what else is other than usual. */
export interface Ends extends Partial<Omit<Surroundings, 'stdout'>> {
  readonly stdin?: Readable
  readonly stdout?: Writable
}

/** Runs the program in this process: as a person would, but for terminals, and for signals unless one is given. */
export async function run(
  words: readonly string[],
  environment: Readonly<NodeJS.ProcessEnv> = {},
  { stdin = Readable.from([]), stdout, ...more }: Ends = {},
): Promise<Said> {
  const [gathered, stderr] = [new Gathered(), new Gathered()]
  const { signal } = new AbortController()
  const status = await main(words, {
    streams: { input: () => stdin, output: () => stdout ?? gathered },
    stdout: stdout ?? gathered,
    stderr,
    environment,
    signal,
    version: '1.2.3',
    ...more,
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
