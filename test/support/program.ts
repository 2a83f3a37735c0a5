import { Writable } from 'node:stream'
import { main, type Surroundings } from '../../lib/cli/main.ts'

/** How the program ended, and what it said. */
export interface Said {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the program in this process: as a person would, but for terminals, and for signals unless one is given. */
export async function run(
  words: readonly string[],
  environment: Readonly<NodeJS.ProcessEnv> = {},
  more: Partial<Surroundings> = {},
): Promise<Said> {
  const [stdout, stderr] = [new Gathered(), new Gathered()]
  const { signal } = new AbortController()
  const status = await main(words, {
    stdout,
    stderr,
    environment,
    signal,
    version: '1.2.3',
    ...more,
  })
  return { status, stdout: stdout.text, stderr: stderr.text }
}

class Gathered extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}
