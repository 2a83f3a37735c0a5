import { GlanceError } from '../errors.ts'

/** One `option = value` of a configuration file. */
export interface Setting {
  readonly section: string
  readonly option: string
  /** Continuation lines joined by newlines; the first one without the quotes around it. */
  readonly value: string
  readonly file: string
  /** Counted from 1; the first of several. */
  readonly line: number
  /** Whether a secret has been put into the value. */
  readonly hasSecret?: boolean
}

/** What is wrong, and where. */
export interface Fault {
  readonly file: string
  /** Counted from 1; null for the whole file. */
  readonly line: number | null
  readonly message: string
}

/** What a file says, as far as it can be made out, and what of it cannot. */
interface Parsed {
  readonly settings: readonly Setting[]
  readonly faults: readonly Fault[]
}

/**
 * Reads the form of oslo.config: `[sections]`, `option = value` or `option: value`, comments at the beginning of a
 * line with `#` or `;` and nowhere else, and indented lines that go on with the value before. An option may be there
 * several times. Options before the first section, which oslo.config refuses, are of `DEFAULT`.
 */
export function parseOslo(text: string, file: string): Parsed {
  const settings: Setting[] = []
  const faults: Fault[] = []
  let section = 'DEFAULT'
  let open: { option: string; line: number; values: string[] } | null = null
  let skipping = false
  const close = () => {
    skipping = false
    if (open === null) return
    const { option, line, values } = open
    settings.push({ section, option, value: values.join('\n'), file, line })
    open = null
  }
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .entries()) {
    const line = index + 1
    const trimmed = raw.trim()
    const fault = (message: string) => faults.push({ file, line, message })
    if (trimmed === '' || /^[#;]/.test(raw)) {
      close()
    } else if (/^\s/.test(raw)) {
      if (open !== null) open.values.push(trimmed)
      else if (!skipping) fault('an indented line that goes on with nothing')
    } else if (trimmed.startsWith('[')) {
      close()
      const name = /^\[(.+)\]$/.exec(trimmed)?.[1]
      if (name === undefined) fault(`${trimmed} is no section: it has to be [name]`)
      else section = name
    } else {
      close()
      const found = optionIn(trimmed)
      if (found !== undefined) open = { ...found, line }
      // What is behind the first word may be a secret.
      else fault(`'${trimmed.replace(/\s.*$/s, ' …')}' has to be 'option = value'`)
      skipping = found === undefined
    }
  }
  close()
  return { settings, faults }
}

/** As {@link parseOslo}. @throws {GlanceError} `usage`, naming each line that cannot be made out. */
export function parseOsloConfig(text: string, file: string): readonly Setting[] {
  const { settings, faults } = parseOslo(text, file)
  if (faults.length > 0) throw wrongAll(faults)
  return settings
}

export function wrong(file: string, line: number, message: string): GlanceError {
  return wrongAll([{ file, line, message }])
}

/** An error of a line for each fault. */
export function wrongAll(faults: readonly Fault[]): GlanceError {
  return new GlanceError('usage', faults.map(faultText).join('\n'))
}

export function faultText({ file, line, message }: Fault): string {
  return line === null ? `${file}: ${message}` : `${file}, line ${line}: ${message}`
}

function optionIn(text: string): { option: string; values: string[] } | undefined {
  const end = text.search(/[=:]/)
  const option = text.slice(0, Math.max(end, 0)).trimEnd()
  if (option === '') return undefined
  return { option, values: [unquote(text.slice(end + 1).trimStart())] }
}

/** As oslo.config: one quote alone is an empty value. */
function unquote(value: string): string {
  if (value === '"' || value === "'") return ''
  const [, , text] = /^(["'])(.*)\1$/.exec(value) ?? []
  return text ?? value
}
