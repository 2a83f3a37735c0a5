import { Writable } from 'node:stream'

/** Tells every line that is written, as soon as it is whole. */
export function lineStream(tell: (line: string) => void): Writable {
  let rest = ''
  return new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, _encoding, done) => {
      const lines = (rest + chunk.toString()).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) tell(line)
      done()
    },
  })
}
