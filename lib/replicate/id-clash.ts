import { GlanceError } from '../errors.ts'
import { renumberedFrom } from './provenance.ts'
import type { IdMap } from './id-map.ts'
import type { OnConflict, PlanStep } from './plan.ts'

/**
 * The step for a source image whose own id the target has, or had, for the copy of another, `copied`, where there is one. `step` is what would
 * be done if the target had nothing of the image. Until it has an id there, only `sourceId` says which image is meant.
 */
export function clashing(
  step: PlanStep,
  sourceId: string,
  copied: string | undefined,
  onConflict: OnConflict = 'fail',
): PlanStep {
  if (copied === undefined) return step
  if (step.action !== 'create') return { ...step, sourceId }
  const { image } = step
  if (onConflict === 'new-id') return { ...step, anew: true, sourceId }
  const common = { image, present: undefined, lost: [], sourceId }
  if (onConflict === 'skip') return { action: 'skip', reason: 'conflict', ...common }
  const why = `by the id map its id is that of the copy of image ${copied} on the target`
  const error = new GlanceError('duplicate', `image ${sourceId}: ${why}`)
  return { action: 'refuse', error, ...common }
}

/** The step with an id of its own, where that has to be given before anything is asked for by it. */
export async function unclashed(step: PlanStep, ids: IdMap): Promise<PlanStep> {
  const { sourceId } = step
  if (step.action !== 'create' || sourceId === undefined || ids.clashOf(sourceId) === undefined)
    return step
  const id = await ids.assign(sourceId)
  return { ...step, image: renumberedFrom(sourceId, { ...step.image, id }) }
}
