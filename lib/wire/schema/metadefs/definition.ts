import type { PropertyDefinition } from '../../../image/metadef.ts'
import { isObject } from '../../../image/json.ts'
import { mismatch } from './validate.ts'

/** In the order in which Glance answers them. */
const KEYS = [
  'name',
  'type',
  'title',
  'description',
  'operators',
  'default',
  'readonly',
  'required',
  'minimum',
  'maximum',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'confidential',
  'items',
  'uniqueItems',
  'minItems',
  'maxItems',
  'additionalItems',
] as const satisfies readonly (keyof PropertyDefinition)[]

/**
 * A property's definition from a document that matched the schema, in the form in which Glance keeps it: the default as
 * text, whatever it was (`true` becomes `True`), and limits as whole numbers.
 * @throws {GlanceError} `invalid` for what the schema of a namespace lets pass and Glance then cannot keep.
 */
export function definitionOf(document: Readonly<Record<string, unknown>>): PropertyDefinition {
  const other = Object.keys(document).find(name => !KEYS.some(key => key === name))
  if (other !== undefined) throw mismatch('property', `there is no '${other}'`)
  const definition: Record<string, unknown> = {}
  for (const key of KEYS) {
    if (Object.hasOwn(document, key)) definition[key] = kept(key, document[key])
  }
  return definition as unknown as PropertyDefinition // The schema has seen to the rest.
}

function kept(key: (typeof KEYS)[number], value: unknown): unknown {
  if (key === 'default') return defaultText(value)
  if (key === 'minimum' || key === 'maximum') return Math.trunc(Number(value)) || 0 // Not -0.
  if (key === 'confidential' && typeof value !== 'boolean') {
    throw mismatch('property', 'confidential must be boolean')
  }
  if (key === 'items') requireItems(value)
  return value
}

function requireItems(items: unknown): void {
  const names = isObject(items) ? Object.keys(items) : []
  if (!names.includes('type')) throw mismatch('property', 'items must have a type')
  const other = names.find(name => name !== 'type' && name !== 'enum')
  if (other !== undefined) throw mismatch('property', `there is no '${other}' of items`)
}

/** As Python writes it, which has no text for a list or an object here. */
function defaultText(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return null
}
