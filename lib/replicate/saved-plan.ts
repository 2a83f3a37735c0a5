import type { Membership, Withdrawal } from '../endpoint/endpoint.ts'
import type { Image } from '../image/image.ts'
import type { FieldChange } from '../wire/attributes.ts'
import type { LostField } from '../wire/loss.ts'
import type { Fingerprint } from './fingerprint.ts'
import type { OnConflict } from './plan.ts'
import type { RemovalLimit } from './removal.ts'

/** The form of the file: another number where an older program could not read it right. */
export const PLAN_VERSION = 1

/** One end of a plan. */
export interface PlannedEnd {
  /** As it was named on the command line. */
  readonly named: string
  /** Where it was: a URL without credentials, or a path. */
  readonly address: string
  /** The machine, where the address means only that. */
  readonly host: string | null
  /** What the token was good for, as `Endpoint.scope` has it; null where nobody said it. */
  readonly scope: string | null
  /** The version of the API that was asked for. */
  readonly api: 1 | 2 | null
}

/** What a plan is about, and what of its options counts when it is carried out. */
export interface PlanHeader {
  readonly command: string
  /** When it was begun, in ISO 8601. */
  readonly created_at: string
  readonly source: PlannedEnd
  readonly target: PlannedEnd
  readonly on_conflict: OnConflict
  /** The path of the file of ids. */
  readonly id_map: string | null
  /** What is neither compared nor carried, as `-D` and `--only` say it. */
  readonly dontreplicate: string
  readonly only: string | null
  /** What `--set` and `--unset` say of the fields of all images, for which their ids are those of the target. Default: nothing. */
  readonly set?: readonly string[]
  readonly unset?: readonly string[]
  readonly removal: {
    readonly how: Withdrawal
    readonly copies_from: string | null
    readonly most: RemovalLimit | null
  } | null
}

interface ToWrite {
  /** Of the image on the source. */
  readonly id: string
  /** As the target is to have it, by its id there. */
  readonly image: Image
  readonly members: readonly Membership[] | undefined
  readonly lost: readonly LostField[]
  /** What each side has. */
  readonly source: Fingerprint
}

/** What is to be done to one image, and what that rests on. */
export type PlannedStep =
  | (ToWrite & {
      readonly step: 'create'
      readonly withData: boolean
      /** The id that it is to get on the target in place of its own, which is taken. */
      readonly newId: string | null
      readonly target: Fingerprint | null
    })
  | (ToWrite & {
      readonly step: 'update'
      readonly changes: readonly FieldChange[]
      readonly target: Fingerprint
    })
  | {
      readonly step: Withdrawal
      /** Of the image on the target. */
      readonly id: string
      readonly name: string | null
      readonly target: Fingerprint
    }

/** What the steps add up to, by which it is known that they are all there. */
export interface PlanEnd {
  readonly steps: number
  readonly bytes: number
  /** What was found out, where something may be removed: as `Extras` has it. */
  readonly listed: {
    readonly source: number
    readonly both: number
    readonly copies: boolean
    readonly known: readonly string[]
  }
}
