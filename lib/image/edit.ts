import type { GlanceError } from '../errors.ts'
import type { Image } from './image.ts'
import type { LocationEdit } from './location.ts'

/** The attributes that every image has and that its owner may set. */
export type OwnAttributes = Pick<
  Image,
  | 'name'
  | 'visibility'
  | 'hidden'
  | 'protected'
  | 'owner'
  | 'containerFormat'
  | 'diskFormat'
  | 'minDisk'
  | 'minRam'
  | 'tags'
>

/** One step of an update. */
export type ImageEdit =
  /** `name` is the attribute's in the API. */
  | {
      readonly type: 'set_attribute'
      readonly name: string
      readonly change: Partial<OwnAttributes>
    }
  | {
      readonly type: 'set_property'
      readonly name: string
      readonly value: string | null
      /** Whether the property has to be there before, must not be, or either. */
      readonly when: 'present' | 'absent' | 'either'
    }
  | { readonly type: 'remove_property'; readonly name: string }
  | LocationEdit
  /** Refused for any image, but, as Glance does, only once it is known that the image may be changed. */
  | { readonly type: 'refuse'; readonly error: GlanceError }
