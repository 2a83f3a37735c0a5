import type { Options } from 'yargs'
import type { Endpoint, RefusedField } from '../endpoint/endpoint.ts'
import { GlanceError } from '../errors.ts'
import { FieldRules } from '../replicate/fields.ts'

/** Options that say what is carried of an image, and what is changed of it on its way. */
export interface FieldOptions {
  readonly dontreplicate: string
  readonly only?: string | undefined
  readonly set?: string | readonly string[] | undefined
  readonly unset?: string | readonly string[] | undefined
  readonly rename?: string | readonly string[] | undefined
}

const group = 'What of them:'

export const FIELDS = {
  rename: {
    group,
    type: 'string',
    requiresArg: true,
    describe: 'Give properties another name, such as "hw_*=old_hw_*"; repeatable',
  },
  unset: {
    group,
    type: 'string',
    requiresArg: true,
    describe: 'Clear an attribute, or drop properties by name or pattern; repeatable',
  },
  set: {
    group,
    type: 'string',
    requiresArg: true,
    describe: 'Make an attribute or property VALUE (KEY=VALUE); repeatable',
  },
  only: {
    group,
    type: 'string',
    requiresArg: true,
    describe: 'Leave all but these attributes and properties alone: names or patterns, as for -D',
  },
} as const satisfies Record<string, Options>

/** @throws {GlanceError} `usage`, naming the rule that cannot be. */
export function readFields({ dontreplicate, only, set, unset, rename }: FieldOptions): FieldRules {
  return new FieldRules({
    leaveOut: namesIn(dontreplicate),
    only: only === undefined ? undefined : namesIn(only),
    set: [set ?? []].flat(),
    unset: [unset ?? []].flat(),
    rename: [rename ?? []].flat(),
  })
}

/** @throws {GlanceError} `usage` for a field that is to be set and that this target never takes. */
export function requireTakenBy(target: Endpoint, fields: FieldRules): void {
  if (target.features.ownersCarried || !fields.decides('owner')) return
  throw new GlanceError(
    'usage',
    `--set owner: only an administrator of ${target.name} sets it, and we are none`,
  )
}

/** What the user leaves out, and by which option. */
export function leftOut({ dontreplicate, only }: FieldOptions, fields: FieldRules) {
  const denied = namesIn(dontreplicate)
  const rows: RefusedField[] = denied.map(field => ({
    field,
    reason: 'left out by --dontreplicate',
  }))
  if (only === undefined) return rows
  const others = fields.leftOutAttributes.filter(field => !denied.includes(field))
  return [
    ...rows,
    ...[...others, 'other properties'].map(field => ({ field, reason: 'not among --only' })),
  ]
}

function namesIn(text: string): readonly string[] {
  return text.split(/\s+/).filter(name => name !== '')
}
