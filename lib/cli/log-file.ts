import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { GlanceError, messageOf } from '../errors.ts'
import type { LogFields, OnLost, Severity, Sink } from './log-sink.ts'

/** Appends lines to a file. @throws {GlanceError} `usage` when it cannot be opened. */
export async function openLogFile(
  file: string,
  line: (severity: Severity, message: string, fields?: LogFields) => string,
  onLost: OnLost,
): Promise<Sink> {
  let stream = await opened(file, onLost)
  return {
    write: (severity, message, fields) => {
      stream.write(`${line(severity, message, fields)}\n`)
    },
    reopen: async () => {
      const anew = await opened(file, onLost)
      const before = stream
      stream = anew
      await ended(before)
    },
    [Symbol.asyncDispose]: () => ended(stream),
  }
}

async function opened(file: string, onLost: OnLost): Promise<WriteStream> {
  const stream = createWriteStream(file, { flags: 'a' })
  await once(stream, 'open').catch((cause: unknown) => {
    throw new GlanceError('usage', `log file ${file}: ${messageOf(cause)}`, { cause })
  })
  stream.on('error', error => {
    onLost(`log file ${file}: nothing more is logged: ${messageOf(error)}`)
  })
  return stream
}

async function ended(stream: WriteStream): Promise<void> {
  await new Promise<void>(resolve => {
    stream.once('close', () => resolve())
    stream.end()
    if (stream.closed) resolve()
  })
}
