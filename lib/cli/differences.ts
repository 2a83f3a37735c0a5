import type { Endpoint, RefusedField } from '../endpoint/endpoint.ts'
import { messageOf, isGlanceError } from '../errors.ts'
import { type AttributeValue, type FieldChange } from '../wire/attributes.ts'
import { SERVER_MADE } from '../wire/v2-image.ts'
import { Busy, Stopped, TimeOver } from './exit-status.ts'
import { printable } from './format.ts'
import { LEFT_OUT_BY_DEFAULT } from './options.ts'

/** One field that differs, as JSON shows it; null also where the custom property is missing. */
export interface FieldRow {
  readonly field: string
  readonly source: AttributeValue
  readonly target: AttributeValue
}

/** A failure, as JSON shows it. */
export interface ErrorRow {
  readonly code: string
  readonly message: string
}

export function fieldRow({ field, from, to }: FieldChange): FieldRow {
  return { field, source: to ?? null, target: from ?? null }
}

export function errorRow(error: unknown): ErrorRow {
  return { code: isGlanceError(error) ? error.code : codeOf(error), message: messageOf(error) }
}

function codeOf(error: unknown): string {
  if (error instanceof Stopped) return 'stopped'
  if (error instanceof TimeOver) return 'time_over'
  return error instanceof Busy ? 'busy' : 'fault'
}

/** `visibility: public, not private`. */
export function describeChange({ field, source, target }: FieldRow): string {
  return `${printable(field)} is ${show(source)} on the source, ${show(target)} on the target`
}

/** `visibility: 'private' -> 'public'`: from what the target has to what it is to have. */
export function describeStep({ field, source, target }: FieldRow): string {
  return `${printable(field)}: ${show(target)} -> ${show(source)}`
}

export function describeForetold({ field, reason }: RefusedField): string {
  return `${printable(field)} would be refused: ${printable(reason)}`
}

export function describeRefusal({ field, reason }: RefusedField): string {
  return `${printable(field)} was refused: ${printable(reason)}`
}

/** What a target is never given, and why, with what the user leaves out: no difference in it counts. */
export function notCarried(
  target: Endpoint,
  leftOut: readonly RefusedField[],
): readonly RefusedField[] {
  const known = new Set<string>([...SERVER_MADE, ...LEFT_OUT_BY_DEFAULT.split(' ')])
  return [
    ...SERVER_MADE.map(field => ({ field, reason: 'made by the service' })),
    ...(target.features.ownersCarried
      ? []
      : [{ field: 'owner', reason: `we are no administrator of ${target.name}` }]),
    ...leftOut.filter(({ field }) => !known.has(field)),
  ]
}

/** A line for each reason. */
export function describeNotCarried(fields: readonly RefusedField[]): string[] {
  const reasons = [...new Set(fields.map(({ reason }) => reason))]
  return reasons.map(reason => {
    const names = fields
      .filter(field => field.reason === reason)
      .map(({ field }) => printable(field))
    return `not carried, ${reason}: ${names.join(', ')}`
  })
}

function show(value: AttributeValue): string {
  return value === null
    ? 'not set'
    : printable(typeof value === 'string' ? `'${value}'` : JSON.stringify(value))
}
