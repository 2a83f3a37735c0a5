import type { ErrorObject } from 'ajv'
import type { GlanceError } from '../../errors.ts'
import { SECRETS } from './job-schema.ts'
import { nearest } from '../../nearest.ts'
import type { YamlFile } from './yaml-file.ts'

/** What may stand at a place of the file. */
export type KnownBy = (path: readonly string[]) => readonly string[]

/** What ajv found below `at`, in our words. */
export function faultOf(
  file: YamlFile,
  { instancePath, keyword, params, message, propertyName = '' }: ErrorObject,
  at: readonly string[],
  known: KnownBy,
): GlanceError {
  const below = instancePath.split('/').slice(1).map(unescaped)
  const path = [...at, ...below]
  const name = path.at(-1) ?? 'the file'
  const given = params as Readonly<Record<string, unknown>> // As the keyword has it, below.
  switch (keyword) {
    case 'additionalProperties': {
      const key = String(given['additionalProperty'])
      return file.fault([...path, key], unknownKey(key, known(path)), 'key')
    }
    case 'required':
      return file.fault(path, `${name}: ${String(given['missingProperty'])} is missing`, 'key')
    case 'pattern': {
      const key = propertyName // The only pattern is that of names.
      return file.fault(
        [...path, key],
        `'${key}': expected letters, digits and . _ - for a name`,
        'key',
      )
    }
    case 'enum': {
      const allowed = (given['allowedValues'] as readonly unknown[]).join(', ') // As ajv says.
      return file.fault(path, `${name}: expected one of ${allowed}`)
    }
    case 'type':
      return file.fault(path, `${name}: expected ${TYPES[[given['type']].flat().join()] ?? 'text'}`)
    default:
      return file.fault(path, `${name}: ${message ?? keyword}`)
  }
}

/** What types are called. */
const TYPES: Readonly<Record<string, string>> = {
  boolean: 'true or false',
  number: 'a number',
  object: 'settings by name',
}

function unknownKey(key: string, known: readonly string[]): string {
  if (SECRETS.includes(key)) {
    return `${key}: a token does not belong into this file; name a cloud of clouds.yaml, or a ${key}-file`
  }
  const meant = nearest(key, known)
  return `there is no '${key}' here${meant === undefined ? '' : `; did you mean '${meant}'?`}`
}

function unescaped(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~')
}
