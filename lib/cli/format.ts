const UNITS = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'Zi'] as const

/** Bytes for people, in the form of the original replicator: `123.0 B`, `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  for (const unit of UNITS) {
    if (value < 1024) return `${value.toFixed(1)} ${unit}B`
    value /= 1024
  }
  return `${value.toFixed(1)} YiB`
}

/** Seconds for people: `12s`, `3m05s`, `2h07m`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '--'
  const whole = Math.max(0, Math.round(seconds))
  const pad = (value: number) => String(value).padStart(2, '0')
  if (whole < 60) return `${whole}s`
  if (whole < 3600) return `${Math.floor(whole / 60)}m${pad(whole % 60)}s`
  return `${Math.floor(whole / 3600)}h${pad(Math.floor((whole % 3600) / 60))}m`
}

/** `1 image`, `2 images`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** An image as messages name it. */
export function labelOf({
  id,
  name,
}: {
  readonly id: string
  readonly name: string | null
}): string {
  return name === null || name === '' ? printable(id) : `${printable(id)} (${printable(name)})`
}

/** Text from a server, fit for one line of a terminal: no control characters. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- they are what is looked for.
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '�')
}
