import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { GlanceError } from '../../../errors.ts'
import { onlyLhaFileIn } from '../../../format/lha.ts'
import type { Bytes } from '../../../stream/bytes.ts'
import type { ImportWork } from '../work.ts'
import { pathOf, piecesOf } from './staged.ts'
import { asPromised } from './as-promised.ts'

/**
 * The only file in the lha archive that is staged, unpacked by the program `lha`, which does not look whether it is what the archive says. @throws {GlanceError} `unsupported`,
 * `corrupt`, also while it is read.
 */
export async function unlha(work: ImportWork): Promise<{
  readonly data: Bytes
  /** Bytes. */
  readonly size: number
}> {
  const { staging, staged, signal } = work
  const file = await onlyLhaFileIn(piecesOf(work), await staging.size(staged, { signal }))
  return {
    data: asPromised(unpacked(pathOf(staged.url), signal), {
      format: 'lha',
      size: file.size,
      sum: file.crc16,
      sumOf: crc16,
      sumName: 'CRC-16',
    }),
    size: file.size,
  }
}

/**
 * Unpacks its first argument, and ends when descriptor 3 does: as long as it writes nothing, the program itself would not
 * see that we were killed.
 */
const WATCHED = `
command -v lha >/dev/null || exit 127
lha pq "$1" 3<&- &
lha=$!
{ read -r _ <&3; kill $lha; } >/dev/null &
watch=$!
wait $lha
status=$?
kill $watch
exit $status`

/** What a shell ends with that finds no program. */
const NO_PROGRAM = 127

async function* unpacked(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const program = spawn('/bin/sh', ['-c', WATCHED, 'sh', path], {
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
  })
  const life = program.stdio[3]
  life?.on('error', () => {}) // It has ended.
  const ended = once(program, 'close')
  ended.catch(() => {}) // Shown below.
  try {
    for await (const chunk of program.stdout as AsyncIterable<Buffer>) {
      yield chunk
      signal.throwIfAborted()
    }
    const [status] = (await ended) as [number | null] // As Node says.
    if (status === 0) return
    if (status === NO_PROGRAM) throw new GlanceError('unsupported', 'lha is not installed')
    throw new GlanceError('corrupt', `the lha archive is damaged: lha ended with ${status}`)
  } finally {
    life?.destroy()
  }
}

/** The CRC of LHA, by its polynomial backwards. */
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let sum = byte
  for (let bit = 0; bit < 8; bit += 1) sum = (sum & 1) === 1 ? (sum >>> 1) ^ 0xa001 : sum >>> 1
  return sum
})

function crc16(data: Uint8Array, before: number): number {
  let sum = before
  for (const byte of data) sum = (sum >>> 8) ^ (TABLE[(sum ^ byte) & 0xff] ?? 0)
  return sum
}
