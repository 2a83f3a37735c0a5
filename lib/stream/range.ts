import { GlanceError } from '../errors.ts'

/** Bytes [offset, offset + length) of something. */
export interface ByteRange {
  readonly offset: number
  readonly length: number
}

/** @throws {GlanceError} `unsatisfiable_range` unless `size` bytes have all of the range. */
export function checkRange({ offset, length }: ByteRange, size: number): void {
  if (offset + length > size) {
    throw new GlanceError(
      'unsatisfiable_range',
      `bytes ${offset} to ${offset + length} are not all among the ${size} there are`,
    )
  }
}

/**
 * Reads a `Range` header for data of `size` bytes, as RFC 9110 §14.1.2: an end beyond the data is clipped, `-n` means
 * the last n bytes. As Glance (glance/common/wsgi.py), what cannot be understood is refused, not ignored.
 * @throws {GlanceError} `unsatisfiable_range` when malformed or outside the data; `invalid` for several ranges.
 */
export function parseRange(header: string, size: number): ByteRange {
  if (header.includes(',')) {
    throw new GlanceError(
      'invalid',
      'requests with multiple ranges are not supported in Glance. You may make multiple single-range requests instead.',
    )
  }
  const [, first, last] = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header) ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) {
    throw malformed('Range')
  }
  // As Glance: the last no bytes are all of them.
  if (first === '' && Number(last) === 0 && size > 0) return { offset: 0, length: size }
  const offset = first === '' ? Math.max(size - Number(last), 0) : Number(first)
  const end = first === '' || last === '' ? size : Number(last) + 1
  return within('Range', size, { offset, end })
}

/**
 * Reads a `Content-Range` header of a request, with which Glance's clients asked for a range before they used
 * `Range`: `bytes first-last/total`, where the total may be `*`.
 * @throws {GlanceError} `unsatisfiable_range` when malformed or outside the data.
 */
export function parseContentRange(header: string, size: number): ByteRange {
  const [, first, last, total] = /^\s*bytes\s+(\d+)-(\d+)\/(\d+|\*)\s*$/i.exec(header) ?? []
  const end = Number(last) + 1
  const name = 'Content-Range'
  // As Glance: the end is held against the total that the client believes in, the size only stands in for `*`.
  if (first === undefined || (total !== '*' && end > Number(total))) throw malformed(name)
  if (total === '*' && end > size) throw outside(name, 'stop', size)
  return within(name, size, { offset: Number(first), end })
}

function within(
  name: string,
  size: number,
  { offset, end }: { readonly offset: number; readonly end: number },
): ByteRange {
  if (offset >= end && offset < size) throw malformed(name)
  if (offset >= size) throw outside(name, 'start', size)
  return { offset, length: Math.min(end, size) - offset }
}

function malformed(name: string): GlanceError {
  return new GlanceError('unsatisfiable_range', `invalid ${name} header.`)
}

function outside(name: string, which: 'start' | 'stop', size: number): GlanceError {
  return new GlanceError(
    'unsatisfiable_range',
    `invalid ${which} position in ${name} header. ` +
      `${which === 'start' ? 'Start' : 'The stop'} position MUST be in the inclusive range [0, ${size - 1}].`,
  )
}
