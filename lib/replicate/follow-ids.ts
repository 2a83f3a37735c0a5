import type { Image } from '../image/image.ts'
import { changesBetween } from '../wire/attributes.ts'
import { IdMap } from './id-map.ts'
import type { PlanStep } from './plan.ts'
import type { TransferEvent } from './run.ts'

/**
 * Images on the target that name others, which may get another id after that. To be told of what happens in a run; holds
 * those images.
 */
export class Followers {
  readonly #ids: IdMap
  readonly #isLeftOut: (property: string) => boolean
  readonly #images: Image[] = []

  /** Properties that are left out say what the target's users said. */
  constructor(ids: IdMap, isLeftOut: (property: string) => boolean = () => false) {
    this.#ids = ids
    this.#isLeftOut = isLeftOut
  }

  note(event: TransferEvent): void {
    const image = imageOn(event)
    if (image !== undefined && IdMap.isNaming(image)) this.#images.push(image)
  }

  /** What makes them name the others by the ids that those have by now. */
  async *plan(): AsyncGenerator<PlanStep> {
    for (const present of this.#images) {
      const image = this.#ids.followed(present, this.#isLeftOut)
      const changes = changesBetween(present, image)
      if (changes.length > 0) yield { action: 'update', image, present, changes, lost: [] }
    }
  }
}

/** The image as the target has it, where it is as it should be. */
function imageOn(event: TransferEvent): Image | undefined {
  if (event.type === 'finished') return event.written.image
  if (event.type !== 'skipped' || event.step.action !== 'skip') return undefined
  return event.reason === 'same' ? event.step.present : undefined
}
