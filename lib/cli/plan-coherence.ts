import type { PlanEnd, PlanHeader, PlannedStep } from '../replicate/saved-plan.ts'
import { attributesOf } from '../wire/attributes.ts'

/** What a line of a plan says. */
export type Line =
  | { readonly type: 'header'; readonly header: PlanHeader }
  | { readonly type: 'step'; readonly step: PlannedStep }
  | { readonly type: 'end'; readonly end: PlanEnd }

type Updating = Extract<PlannedStep, { step: 'update' }>

/** Whether the lines of a plan, each of which makes sense by itself, do so together. Holds the ids of all steps. */
export class Coherence {
  #steps = 0
  #bytes = 0
  readonly #written = new Set<string>()
  readonly #removed = new Set<string>()

  /** What is wrong with the next line; undefined where nothing is. */
  wrong(line: Line, header: PlanHeader | undefined): string | undefined {
    switch (line.type) {
      case 'header':
        return wrongEnds(line.header)
      case 'step':
        return header === undefined ? undefined : this.#wrongStep(line.step, header)
      case 'end':
        return this.#wrongEnd(line.end)
    }
  }

  #wrongStep(step: PlannedStep, header: PlanHeader): string | undefined {
    this.#steps += 1
    const { id } = step
    const isWritten = step.step === 'create' || step.step === 'update'
    const ids = isWritten ? this.#written : this.#removed
    if (ids.has(id)) return `there is another step about image ${id}`
    ids.add(id)
    if (!isWritten) return wrongRemoval(step.step, header)
    if (header.id_map === null && step.image.id !== id) {
      return `the step about image ${id} has image ${step.image.id}`
    }
    if (step.step === 'update') return wrongChanges(step)
    if (step.withData) this.#bytes += step.image.size ?? 0
    return undefined
  }

  #wrongEnd({ steps, bytes }: PlanEnd): string | undefined {
    if (steps !== this.#steps) {
      return `the end of the plan is of ${steps} steps, and there are ${this.#steps}`
    }
    if (bytes === this.#bytes) return undefined
    return `the end of the plan is of ${bytes} bytes, and its steps are of ${this.#bytes}`
  }
}

function wrongEnds({ command, source, target }: PlanHeader): string | undefined {
  const isFolder = ({ address }: { readonly address: string }) => address.startsWith('dir:')
  if (command === 'dump' && !isFolder(target)) {
    return `a plan of dump is for a directory, not for the target ${target.address}`
  }
  if (command === 'load' && !isFolder(source)) {
    return `a plan of load is for a directory, not for the source ${source.address}`
  }
  return undefined
}

function wrongRemoval(how: string, { removal }: PlanHeader): string | undefined {
  if (removal?.how === how) return undefined
  const wanted =
    removal === null ? 'the plan is to remove no image' : `the plan is to ${removal.how} images`
  return `its step is to ${how} one, and by its first line ${wanted}`
}

function wrongChanges({ image, changes }: Updating): string | undefined {
  const attributes = attributesOf(image)
  const show = (value: unknown) => JSON.stringify(value ?? null)
  for (const { field, to } of changes) {
    if (field === 'members' || show(attributes.get(field)) === show(to)) continue
    return `${field} is to be changed to ${show(to)}, and is ${show(attributes.get(field))} in its image`
  }
  return undefined
}
