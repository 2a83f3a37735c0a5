import { once } from 'node:events'
import type { Writable } from 'node:stream'
import type { Command } from './command.ts'
import { OutputFailed } from './exit-status.ts'

/** Takes a command's rows as they come, and what they add up to. */
export interface Output<Row, Summary> {
  row(row: Row): Promise<void>
  end(summary: Summary): Promise<void>
}

/** One JSON document, `{"images": [rows…], …summary}` or what the rows are `called`, written as it grows, a row a line. */
export function jsonOutput<Row, Summary extends object>(
  stream: Writable,
  called = 'images',
): Output<Row, Summary> {
  let rows = 0
  return {
    row: async row => {
      await write(stream, `${rows === 0 ? `{"${called}":[\n` : ',\n'}${JSON.stringify(row)}`)
      rows += 1
    },
    end: async summary => {
      const tail = JSON.stringify(summary).slice(1) // After the brace: nothing but another one, perhaps.
      const comma = tail === '}' ? '' : ','
      await write(stream, `${rows === 0 ? `{"${called}":[` : '\n'}]${comma}${tail}\n`)
    },
  }
}

/** A JSON document a line for each row, for commands that run until they are stopped. */
export function jsonLines<Row>(stream: Writable): Output<Row, unknown> {
  return {
    row: async row => await write(stream, `${JSON.stringify(row)}\n`),
    end: async () => {},
  }
}

/** Lines for people. */
export function humanOutput<O, Row extends object, Summary extends object>(
  { views }: Command<O, Row, Summary>,
  options: O,
  stream: Writable,
): Output<Row, Summary> {
  return {
    row: async row => {
      const line = views.row(row, options)
      if (line !== undefined) await write(stream, `${line}\n`)
    },
    end: async summary => {
      const text = views.summary(summary, options)
      if (text !== undefined) await write(stream, `${text}\n`)
    },
  }
}

async function write(stream: Writable, text: string): Promise<void> {
  try {
    if (!stream.write(text)) await once(stream, 'drain')
  } catch (error) {
    throw error instanceof Error ? new OutputFailed(error) : error
  }
}
