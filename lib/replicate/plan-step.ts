import { GlanceError } from '../errors.ts'
import { ANY_OWNER, hasData, type Image } from '../image/image.ts'
import type { ImageStatus } from '../image/status.ts'
import { changesBetween, withAttributesOf } from '../wire/attributes.ts'
import { forGood } from '../wire/loss.ts'
import { otherData } from './other-data.ts'
import type { Ends, PlanOptions, PlanStep } from './plan.ts'
import { copiedFrom, OF_COPIES } from './provenance.ts'

/** What counts for one image. */
export interface StepOptions extends Omit<
  PlanOptions,
  'selection' | 'fields' | 'ids' | 'projects' | 'members'
> {
  /** Fields that count also where the source could not say them, since it was not the source that did. */
  readonly decided?: ReadonlySet<string> | undefined
}

/**
 * Decides about one image; `present` is the target's image of the same id. Only what both ends can say is compared: what
 * the source has no words for is left on the target as it is.
 */
export function planStep(
  source: Image,
  present: Image | undefined,
  ends: Ends,
  options: StepOptions = {},
): PlanStep {
  const { strict = false, provenance } = options
  const leaveOut = new Set([...(options.leaveOut ?? []), ...OF_COPIES])
  const expressed = ends.target.expressible(source)
  const lost = expressed.lost.filter(({ field }) => !leaveOut.has(field))
  // What takes the place of an owner is the target's to say.
  const isOwnerLost = source.owner === ANY_OWNER || lost.some(({ field }) => field === 'owner')
  const step = wantedStep(expressed.image, present, ends, {
    ...options,
    leaveOut: isOwnerLost ? new Set([...leaveOut, 'owner']) : leaveOut,
  })
  if (step.action === 'refuse') return { ...step, lost: [] }
  if (step.action === 'skip') return { ...step, lost: step.reason === 'same' ? lost : [] }
  const gone = forGood(lost)
  if (!strict || gone.length === 0) {
    if (step.action !== 'create' || provenance === undefined) return { ...step, lost }
    return { ...step, image: copiedFrom(provenance, step.image), lost }
  }
  const reasons = gone.map(({ field, reason }) => `${field} would be lost: ${reason}`)
  return { ...refuse(step.image, present, reasons.join('; '), 'unsupported'), lost }
}

/** A step before it is known what is lost by it. */
type BareStep = PlanStep extends infer Step
  ? Step extends unknown
    ? Omit<Step, 'lost'>
    : never
  : never

function wantedStep(
  wanted: Image,
  present: Image | undefined,
  ends: Ends,
  {
    metadataOnly = false,
    leaveOut = new Set(),
    decided = new Set(),
    onConflict = 'fail',
  }: StepOptions,
): BareStep {
  // A deactivated image cannot be downloaded by everybody, and on purpose: it is not spread further.
  const copyable = wanted.status === 'active'
  if (present === undefined) {
    const image = withAttributesOf(wanted, blank(wanted), leaveOut)
    return copyable || metadataOnly
      ? { action: 'create', image, present, withData: !metadataOnly }
      : { action: 'skip', image, present, reason: 'no_data' }
  }
  const image = withAttributesOf(wanted, present, leaveOut)
  if (!metadataOnly && !hasData(present)) {
    if (!copyable) return { action: 'skip', image, present, reason: 'no_data' }
    // What somebody else sends data to now may have it, or lack it still, when its turn comes.
    if (MAY_LACK_DATA.includes(present.status)) {
      return { action: 'create', image, present, withData: true }
    }
    if (present.status === 'killed' && onConflict !== 'fail') {
      return onTaken(wanted, image, present, { leaveOut, onConflict })
    }
    return refuse(
      image,
      present,
      `the target's image is ${present.status}, so that nothing can be done about it now`,
    )
  }
  const wrong = metadataOnly ? undefined : otherData(wanted, present)
  if (wrong !== undefined) {
    if (onConflict === 'fail' || (onConflict === 'new-id' && !copyable)) {
      return refuse(image, present, wrong)
    }
    return onTaken(wanted, image, present, { leaveOut, onConflict })
  }
  const kept = withAttributesOf(image, present, unspeakable(present, image, ends, decided))
  const changes = changesBetween(present, kept)
  if (changes.length > 0) return { action: 'update', image: kept, present, changes }
  const reason = metadataOnly || hasData(wanted) ? 'same' : 'no_data'
  return { action: 'skip', image: kept, present, reason }
}

/** Statuses of images that are waiting for data, or whose data is on its way. */
const MAY_LACK_DATA: readonly ImageStatus[] = ['queued', 'saving', 'importing']

/** What becomes of an image whose id the target has used for something else, or used up. */
function onTaken(
  wanted: Image,
  image: Image,
  present: Image,
  { leaveOut = new Set(), onConflict }: Pick<StepOptions, 'leaveOut' | 'onConflict'>,
): BareStep {
  if (onConflict === 'skip') return { action: 'skip', image, present, reason: 'conflict' }
  const anew = withAttributesOf(wanted, blank(wanted), leaveOut)
  return { action: 'create', image: anew, present: undefined, withData: true, anew: true }
}

/** The fields in which two images differ only as long as neither went through one of the ends. */
function unspeakable(
  present: Image,
  wanted: Image,
  { source, target }: Ends,
  decided: ReadonlySet<string>,
): ReadonlySet<string> {
  const changes = changesBetween(present, wanted)
  if (changes.length === 0) return new Set()
  const differing = (end: Ends['source']) =>
    new Set(
      changesBetween(end.expressible(present).image, end.expressible(wanted).image).map(
        ({ field }) => field,
      ),
    )
  const [bySource, byTarget] = [differing(source), differing(target)]
  const fields = changes.map(({ field }) => field)
  const isSaid = (field: string) => bySource.has(field) || decided.has(field)
  return new Set(fields.filter(field => !isSaid(field) || !byTarget.has(field)))
}

/** An image of which nothing is set. */
function blank(image: Image): Image {
  return {
    ...image,
    name: null,
    visibility: 'private',
    hidden: false,
    protected: false,
    owner: ANY_OWNER,
    containerFormat: null,
    diskFormat: null,
    minDisk: 0,
    minRam: 0,
    tags: [],
    properties: new Map(),
  }
}

function refuse(
  image: Image,
  present: Image | undefined,
  why: string,
  code: 'conflict' | 'unsupported' = 'conflict',
) {
  return {
    action: 'refuse' as const,
    image,
    present,
    error: new GlanceError(code, `image ${image.id}: ${why}`),
  }
}
