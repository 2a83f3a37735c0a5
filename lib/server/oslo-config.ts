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
}

/**
 * Reads the form of oslo.config: `[sections]`, `option = value` or `option: value`, comments at the beginning of a
 * line with `#` or `;` and nowhere else, and indented lines that go on with the value before. An option may be there
 * several times. Options before the first section are of `DEFAULT`. @throws {GlanceError} `usage`, naming the line.
 */
export function parseOsloConfig(text: string, file: string): Setting[] {
  const settings: Setting[] = []
  let section = 'DEFAULT'
  let open: { option: string; line: number; values: string[] } | null = null
  const close = () => {
    if (open === null) return
    const { option, line, values } = open
    settings.push({ section, option, value: values.join('\n'), file, line })
    open = null
  }
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = index + 1
    const trimmed = raw.trim()
    if (trimmed === '' || /^[#;]/.test(raw)) {
      close()
    } else if (/^\s/.test(raw)) {
      if (open === null) throw wrong(file, line, 'an indented line that goes on with nothing')
      open.values.push(trimmed)
    } else if (trimmed.startsWith('[')) {
      close()
      section = sectionIn(trimmed, file, line)
    } else {
      close()
      open = { ...optionIn(trimmed, file, line), line }
    }
  }
  close()
  return settings
}

export function wrong(file: string, line: number, message: string): GlanceError {
  return new GlanceError('usage', `${file}, line ${line}: ${message}`)
}

function sectionIn(text: string, file: string, line: number): string {
  const [, name] = /^\[(.+)\]$/.exec(text) ?? []
  if (name === undefined) throw wrong(file, line, `${text} is no section: it has to be [name]`)
  return name
}

function optionIn(text: string, file: string, line: number): { option: string; values: string[] } {
  const [, option, value] = /^([^=:]*?)\s*[=:]\s*(.*)$/.exec(text) ?? []
  if (option === undefined || option === '' || value === undefined) {
    throw wrong(file, line, `'${text}' has to be 'option = value'`)
  }
  return { option, values: [unquote(value)] }
}

function unquote(value: string): string {
  const [, , text] = /^(["'])(.*)\1$/.exec(value) ?? []
  return text ?? value
}
