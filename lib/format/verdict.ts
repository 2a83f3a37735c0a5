import { GlanceError } from '../errors.ts'
import { type Finding, INSPECTED_FORMATS } from './probe.ts'

/** What is taken, as the configuration's `[image_format]` says. */
export interface FormatRules {
  /** Whether data has to be of the format that its image says. */
  readonly requireMatch: boolean
  /** Subformats of vmdk that are safe. */
  readonly vmdkTypes: readonly string[]
  /** Checks of a disk with partitions that it may fail, such as `mbr`. */
  readonly harmlessChecks: readonly string[]
}

/** What an image says of its data, and what was found in it. */
export interface Inspected {
  readonly diskFormat: string
  /** Bytes of data. */
  readonly size: number
  readonly findings: readonly Finding[]
}

/**
 * The virtual size of data that may be an image's, null when it is not known, by the rules of Glance (location.py of
 * 2025.1 and later). A raw image may hold anything that is safe, and is then as large as its data.
 * @throws {GlanceError} `unsupported_media_type` when it is of another format or of several, or is not safe.
 */
export function virtualSizeOf(inspected: Inspected, rules: FormatRules): number | null {
  let found: Finding
  try {
    found = formatOf(inspected)
  } catch (error) {
    if (rules.requireMatch) throw error
    return null
  }
  const harmless = found.format === 'gpt' ? rules.harmlessChecks : []
  const flaw = found.flaws.find(({ check }) => !harmless.includes(check))
  if (flaw !== undefined) throw refused(`image failed safety checks: ${flaw.reason}`)
  // As Glance: no size is as good as none.
  return sizeIn(found, inspected) || null
}

/** The format that the data is of, if it may be for what the image says. */
function formatOf(inspected: Inspected): Finding {
  const found = theOne(inspected)
  const { diskFormat } = inspected
  // What is of no format that we know may be of one that we do not, such as ploop.
  const isForeign = found.format === 'raw' && !isInspected(diskFormat)
  if (found.format !== diskFormat && diskFormat !== 'raw' && !isForeign) {
    throw refused(`image disk_format ${diskFormat} does not match stream data ${found.format}`)
  }
  if (!found.complete) throw refused('incomplete file cannot be safety checked')
  return found
}

/** Of several formats the one that counts, where the other ones are not unusual. */
function theOne({ diskFormat, size, findings }: Inspected): Finding {
  const sure = findings.filter(({ byItsEnd }) => byItsEnd !== true)
  const fixed = findings.find(({ format, byItsEnd }) => byItsEnd === true && format === diskFormat)
  // A disk of a fixed size begins as any disk does.
  if (fixed !== undefined && sure.every(({ format }) => format === 'gpt')) return fixed
  const names = sure.map(({ format }) => format)
  // An ISO that can also be booted from a USB stick has a table of partitions.
  const iso = sure.find(({ format }) => format === 'iso')
  if (iso !== undefined && names.length === 2 && names.includes('gpt')) return iso
  if (names.length > 1) throw refused(`multiple formats detected: ${names.join(',')}`)
  return sure[0] ?? { format: 'raw', virtualSize: size, complete: true, flaws: [] }
}

function sizeIn({ format, virtualSize }: Finding, { diskFormat, size }: Inspected): number | null {
  if (diskFormat === 'raw') return size
  return format === diskFormat ? virtualSize : null
}

function isInspected(diskFormat: string): boolean {
  return INSPECTED_FORMATS.some(format => format === diskFormat)
}

function refused(reason: string): GlanceError {
  return new GlanceError('unsupported_media_type', reason)
}
