import type { Abortable } from '../abort.ts'
import type {
  AcceptedValues,
  Endpoint,
  Quota,
  QuotaName,
  RefusedField,
  Room,
} from '../endpoint/endpoint.ts'
import { GlanceError } from '../errors.ts'
import { attributesOf } from '../wire/attributes.ts'
import type { PlanStep } from './plan.ts'

/** Attributes without which no image is created: the others are refused one by one, and the rest is set. */
const ESSENTIAL: ReadonlySet<string> = new Set(['disk_format', 'container_format'])

/** What a plan is going to write, added up: no more memory for a million images than for one. */
export class Need {
  /** New images, those that the target has a record of not counted. */
  records = 0
  /** Images whose data is copied. */
  copies = 0
  /** Bytes of that data, as far as its size is known. */
  bytes = 0

  add(step: PlanStep): void {
    if (step.action !== 'create') return
    if (step.present === undefined) this.records += 1
    if (!step.withData) return
    this.copies += 1
    this.bytes += step.image.size ?? 0
  }
}

/** What there is too little of at a target, and how much. Bytes or images. */
export interface Shortage {
  readonly what: 'free_space' | QuotaName
  readonly needed: number
  readonly available: number
  /** What our project may have in all; null for `free_space`. */
  readonly limit: number | null
  /** Whether it may suffice all the same, since what is written is compressed. */
  readonly isDoubtful: boolean
}

/**
 * What is lacking at a target that has this `room`. `copied` is how many images are copied at once, and `isOurs` whether
 * what is created is our own project's, whose limits they are: that of others is counted to nobody.
 */
export function shortagesOf(
  { free, isCompressed, quotas }: Room,
  need: Need,
  { copied, isOurs }: { readonly copied: number; readonly isOurs: boolean },
): readonly Shortage[] {
  const lack: readonly Shortage[] =
    free !== null && need.bytes > free
      ? [
          {
            what: 'free_space',
            needed: need.bytes,
            available: free,
            limit: null,
            isDoubtful: isCompressed,
          },
        ]
      : []
  return [...lack, ...quotas.flatMap(quota => overQuota(quota, need, { copied, isOurs }))]
}

/** As Glance enforces it (glance/quota/keystone.py), but that no image may go over a limit, as the first one there may. */
function overQuota(
  { name, usage, limit }: Quota,
  need: Need,
  { copied, isOurs }: { readonly copied: number; readonly isOurs: boolean },
): readonly Shortage[] {
  const available = Math.max(limit - usage, 0)
  const lack = (needed: number): readonly Shortage[] => [
    { what: name, needed, available, limit, isDoubtful: false },
  ]
  switch (name) {
    case 'image_size_total': {
      const bytes = isOurs ? need.bytes : 0
      return need.copies > 0 && usage + bytes > limit ? lack(bytes) : []
    }
    case 'image_count_total': {
      const records = isOurs ? need.records : Math.min(need.records, 1)
      return need.records > 0 && usage + records > limit ? lack(records) : []
    }
    case 'image_count_uploading': {
      const uploads = Math.min(need.copies, isOurs ? copied : 1)
      return uploads > 0 && usage + uploads > limit ? lack(uploads) : []
    }
  }
}

/** What a target takes of images, by what it says itself; asked when the first is to be created. */
export class Acceptance {
  readonly #target: Pick<Endpoint, 'name' | 'accepts'>
  #values: Promise<AcceptedValues> | undefined

  constructor(target: Pick<Endpoint, 'name' | 'accepts'>) {
    this.#target = target
  }

  /** The step, but that an image which the target never takes is refused. */
  async screen(step: PlanStep, options: Abortable): Promise<PlanStep> {
    const wrong = (await this.refused(step, options)).filter(({ field }) => ESSENTIAL.has(field))
    if (wrong.length === 0) return step
    const { image, present, lost } = step
    const message = `image ${image.id}: ${wrong.map(({ reason }) => reason).join('; ')}`
    const error = new GlanceError('unsupported', message)
    return { action: 'refuse', image, present, lost, error }
  }

  /** The fields of a new image that the target is not going to take. */
  async refused(step: PlanStep, { signal }: Abortable): Promise<readonly RefusedField[]> {
    if (step.action !== 'create' || this.#target.accepts === undefined) return []
    this.#values ??= this.#target.accepts({ signal })
    const attributes = attributesOf(step.image)
    return [...(await this.#values)].flatMap(([field, values]) => {
      const value = attributes.get(field)
      if (typeof value !== 'string' || values.has(value)) return []
      const taken = [...values].join(', ')
      return [{ field, reason: `${this.#target.name} takes no ${field} '${value}', only ${taken}` }]
    })
  }
}
