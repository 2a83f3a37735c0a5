import type { Field } from './attributes.ts'

/** How two amounts compare. */
export type Order = 'lt' | 'lte' | 'gt' | 'gte'

/** Which images are wanted: the meaning of a filter expression, as data. */
export type Filter =
  | { readonly type: 'and' | 'or'; readonly filters: readonly Filter[] }
  | { readonly type: 'not'; readonly filter: Filter }
  /** The field has a value, and one other than false, 0 and none at all. */
  | { readonly type: 'set'; readonly field: Field }
  | { readonly type: 'exact'; readonly field: Field; readonly value: string }
  /** As `globMatcher` reads it. */
  | { readonly type: 'glob'; readonly field: Field; readonly pattern: string }
  /** As `compileRegex` reads it. */
  | {
      readonly type: 'regex'
      readonly field: Field
      readonly source: string
      readonly ignoreCase: boolean
    }
  | { readonly type: 'flag'; readonly field: Field; readonly value: boolean }
  /** Of an attribute in the API's unit, of a custom property as far as its value is a number. */
  | {
      readonly type: 'number'
      readonly field: Field
      readonly comparison: 'eq' | Order
      readonly value: number
    }
  | {
      readonly type: 'time'
      readonly field: Field
      readonly comparison: Order
      readonly value: Date
    }
  /** How long ago the time is. */
  | {
      readonly type: 'age'
      readonly field: Field
      readonly comparison: Order
      readonly seconds: number
    }
