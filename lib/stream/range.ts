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
    throw new GlanceError('invalid', 'several ranges in one request are not supported')
  }
  const [, first, last] = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header) ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) {
    throw unsatisfiable('Range', header, size)
  }
  const offset = first === '' ? Math.max(size - Number(last), 0) : Number(first)
  const end = first === '' || last === '' ? size : Number(last) + 1
  return within('Range', header, size, { offset, end })
}

/**
 * Reads a `Content-Range` header of a request, with which Glance's clients asked for a range before they used
 * `Range`: `bytes first-last/total`, where the total may be `*`.
 * @throws {GlanceError} `unsatisfiable_range` when malformed or outside the data.
 */
export function parseContentRange(header: string, size: number): ByteRange {
  const [, first, last, total] = /^\s*bytes\s+(\d+)-(\d+)\/(\d+|\*)\s*$/i.exec(header) ?? []
  const end = Number(last) + 1
  // As Glance: the end is held against the total that the client believes in, the size only stands in for `*`.
  if (first === undefined || end > (total === '*' ? size : Number(total))) {
    throw unsatisfiable('Content-Range', header, size)
  }
  return within('Content-Range', header, size, { offset: Number(first), end })
}

function within(
  name: string,
  header: string,
  size: number,
  { offset, end }: { readonly offset: number; readonly end: number },
): ByteRange {
  if (offset >= size || offset >= end) throw unsatisfiable(name, header, size)
  return { offset, length: Math.min(end, size) - offset }
}

function unsatisfiable(name: string, header: string, size: number): GlanceError {
  return new GlanceError(
    'unsatisfiable_range',
    `${name} ${JSON.stringify(header)} is not a range of the ${size} bytes there are`,
  )
}
