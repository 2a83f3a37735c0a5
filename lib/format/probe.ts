/** The formats that are told apart by their content; `raw` is what is none of the others. */
export const INSPECTED_FORMATS = [
  'raw',
  'qcow2',
  'vhd',
  'vhdx',
  'vmdk',
  'vdi',
  'qed',
  'iso',
  'gpt',
  'luks',
] as const
export type InspectedFormat = (typeof INSPECTED_FORMATS)[number]

/** A reason not to trust an image, under the name that Glance's successor of its inspector has for the check. */
export interface Flaw {
  readonly check:
    | 'backing_file'
    | 'banned'
    | 'data_file'
    | 'descriptor'
    | 'footer'
    | 'mbr'
    | 'unknown_features'
    | 'version'
  readonly reason: string
}

/** A format that the data has the marks of. */
export interface Finding {
  readonly format: InspectedFormat
  /** Bytes of the disk inside; null when the data does not say, or a number that cannot be. */
  readonly virtualSize: number | null
  /** False when the data ends before all was seen that the check is of. */
  readonly complete: boolean
  readonly flaws: readonly Flaw[]
  /** Recognised by its last bytes alone, which any data may have: counts only for an image that says it is this. */
  readonly byItsEnd?: true
}

/** A part of the data that a probe waits for: somewhere after those that it had, or the last bytes of all. */
export type Want =
  | { readonly from: 'start'; readonly offset: number; readonly length: number }
  | { readonly from: 'end'; readonly length: number }

/** The data as far as it has come. */
export interface Progress {
  /** Bytes so far. */
  readonly size: number
}

/**
 * Looks for one format, without ever seeing more of the data than it asks for. What it asks for it gets as a buffer
 * that is shorter when the data ends too early, and empty when it has gone by. Null when the data is something else.
 */
export type Probe = Generator<Want, Finding | null, Buffer>

export function at(offset: number, length: number): Want {
  return { from: 'start', offset, length }
}

export function last(length: number): Want {
  return { from: 'end', length }
}

/** What is found in data that ends too early. */
export function incomplete(format: InspectedFormat): Finding {
  return { format, virtualSize: null, complete: false, flaws: [] }
}

/** A size as a header has it, null when no number is as exact. */
export function sizeOf(bytes: bigint): number | null {
  const size = Number(bytes)
  return Number.isSafeInteger(size) ? size : null
}

/** Whether the bytes at `offset` are these characters. */
export function hasText(bytes: Buffer, text: string, offset = 0): boolean {
  return bytes.toString('latin1', offset, offset + text.length) === text
}
