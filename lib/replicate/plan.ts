import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import type { Endpoint, ListOptions, Membership } from '../endpoint/endpoint.ts'
import type { Image } from '../image/image.ts'
import type { Pair } from '../image/ordered.ts'
import { isGone } from '../image/status.ts'
import type { FieldChange } from '../wire/attributes.ts'
import type { LostField } from '../wire/loss.ts'
import type { Extras, UnreadableExtra } from './extras.ts'
import type { FieldRules, Ruled } from './fields.ts'
import { clashing } from './id-clash.ts'
import type { IdMap } from './id-map.ts'
import { withMembers } from './members.ts'
import { pairsOf } from './pairs.ts'
import { planStep } from './plan-step.ts'
import { originsBy, type ProjectMap, withOwner } from './project-map.ts'
import { renumberedFrom } from './provenance.ts'
import type { Selection } from './select.ts'

/**
 * What is to happen to one source image. `image` is as the target is to have it, and `lost` what of the source's image
 * the target has no way to say.
 */
export type PlanStep = {
  readonly lost: readonly LostField[]
  /** The image's id on the source, where the one that it has here would be taken for that of another. */
  readonly sourceId?: string
} & (
  | {
      readonly action: 'create'
      readonly image: Image
      /** The record without data that the target has of it, where it has one. */
      readonly present: Image | undefined
      readonly withData: boolean
      /** The target holds other data under its id, so that it gets another. */
      readonly anew?: true
      readonly members?: readonly Membership[]
    }
  | {
      readonly action: 'update'
      readonly image: Image
      /** As the target has it now. */
      readonly present: Image
      readonly changes: readonly FieldChange[]
      /** Whom it is to be shared with, where that is to be changed. */
      readonly members?: readonly Membership[]
    }
  | {
      readonly action: 'skip'
      readonly image: Image
      /** As the target has it now, where it has. */
      readonly present: Image | undefined
      readonly reason: SkipReason
    }
  /** The two differ in a way that no copy can mend, or what there is may not be copied. */
  | {
      readonly action: 'refuse'
      readonly image: Image
      readonly present: Image | undefined
      readonly error: GlanceError
    }
)

/**
 * `same`: nothing to do; `no_data`: the source has nothing that could be copied; `conflict`: the target does not give
 * its id out; `unmapped`: nothing says which project of the target it belongs to.
 */
export type SkipReason = 'same' | 'no_data' | 'conflict' | 'unmapped'

/** What becomes of an image whose id the target does not give out. */
export type OnConflict = 'fail' | 'skip' | 'new-id'

export interface PlanOptions {
  /** Whether images are created without their data (`--metaonly`). Default false. */
  readonly metadataOnly?: boolean | undefined
  /** Attributes and properties, in the API's names, that are neither compared nor carried (`--dontreplicate`). */
  readonly leaveOut?: ReadonlySet<string> | undefined
  /** Whether images that would lose something are refused instead of written (`--strict`). Default false. */
  readonly strict?: boolean | undefined
  /** The images of the source that count; default all. */
  readonly selection?: Selection | undefined
  /** What is changed of each image on its way, and which of its fields count. */
  readonly fields?: FieldRules | undefined
  /** What the copies that are made are to tell of where they come from; see `PROVENANCE`. Default: nothing. */
  readonly provenance?: string | undefined
  /** Of an image of whose id the target holds other data (`--on-conflict`). Default `fail`: it is refused. */
  readonly onConflict?: OnConflict | undefined
  /** Which images have another id on the target (`--id-map`). Default none. */
  readonly ids?: IdMap | undefined
  /** Which projects own images on the target (`--map-projects`). Default: those that do on the source. */
  readonly projects?: ProjectMap | undefined
  /** Whether the members of shared images are compared and carried (`--members`). Default false. */
  readonly members?: boolean | undefined
}

export interface PlanContext extends ListOptions {
  /** Told of both sides as they are listed, the source's images that are not selected among them. */
  readonly extras?: Extras | undefined
  /** Told of the images that a step is about, right before the step. */
  readonly onPair?: ((pair: Pair) => void) | undefined
}

/** What is found when two sides are held against each other: a step, or something that only the target has. */
export type Found =
  | PlanStep
  | { readonly action: 'extra'; readonly image: Image }
  | ({ readonly action: 'unreadable' } & UnreadableExtra)

/** What an image is after it was written to the source, or the target, and read again. */
export interface Ends {
  readonly source: Pick<Endpoint, 'expressible'>
  readonly target: Pick<Endpoint, 'expressible'>
}

/** What is planned from. */
export type Listed = Pick<Endpoint, 'features' | 'list' | 'expressible' | 'members'>

/**
 * Decides for each image of `source` that is selected, in id order, what makes `target` have it too. One listing of
 * each side, joined as they are read: memory does not grow with their length unless a side cannot list in order. Images
 * of a source that is read once come in its own order. What is not selected is passed over on both sides: nothing is
 * said of the target's image of its id.
 */
export async function* plan(
  source: Endpoint,
  target: Endpoint,
  options: PlanOptions,
  context: PlanContext = {},
): AsyncGenerator<PlanStep> {
  await options.selection?.prepare(source, context)
  // What the source keeps back by itself could not be told from what it does not have.
  const hint = context.extras === undefined ? options.selection?.hint : undefined
  yield* planSelected(source, target, options, { ...context, hint })
}

/** As {@link plan}, by a selection that is prepared. `extras` are given what only the target has. */
export async function* planSelected(
  source: Listed,
  target: Endpoint,
  options: PlanOptions,
  context: PlanContext = {},
): AsyncGenerator<PlanStep> {
  for await (const found of survey(source, target, options, context)) {
    if (found.action === 'extra' || found.action === 'unreadable') context.extras?.hold(found)
    else yield found
  }
}

/** The steps of a plan, and among them what only the target has, as far as it is selected; by a selection that is prepared. */
export async function* survey(
  source: Listed,
  target: Endpoint,
  options: PlanOptions,
  { extras, onPair, onUnreadable, signal, hint }: PlanContext = {},
): AsyncGenerator<Found> {
  const { selection, ids } = options
  const unreadable = new Map<string, GlanceError>()
  const sources = { onUnreadable, signal, hint }
  const targets = {
    signal,
    onUnreadable: (id: string, cause: unknown) => {
      const message = `image ${id}: what ${target.name} has of it cannot be understood: ${messageOf(cause)}`
      unreadable.set(id, new GlanceError('corrupt', message, { cause }))
    },
  }
  const origins = originsBy(ids, options.projects)
  const isWanted = (extra: Image) =>
    selection === undefined || origins(extra).some(was => selection.wouldSelect(was))
  for await (const pair of pairsOf(source, target, { sources, targets, ids })) {
    extras?.note(pair, selection)
    const { source: image, target: present } = pair
    if (image === undefined) {
      if (present !== undefined && !isGone(present.status) && isWanted(present))
        yield { action: 'extra', image: present }
      continue
    }
    // A listing is never behind the image that it is joined with, so that this is known by now.
    const id = ids?.targetOf(image.id) ?? image.id
    const found = unreadable.get(id)
    unreadable.delete(id)
    // What is written anew is as good as not there.
    const error = present === undefined && target.features.rewrites !== true ? found : undefined
    if (selection?.selects(image) === false) continue
    const step: PlanStep =
      error === undefined
        ? await planPair({ source: image, target: present }, { source, target }, options, signal)
        : { action: 'refuse', image, present, error, lost: [] }
    onPair?.(pair)
    yield step
  }
  for (const [id, error] of unreadable) yield { action: 'unreadable', id, error }
}

/**
 * The step for an image and what the target has of it. The rules for fields come first: what they make of an image is then
 * brought to the ids and projects of the target, but for an owner that they set, who is of the target already.
 */
async function planPair(
  pair: { readonly source: Image; readonly target: Image | undefined },
  ends: { readonly source: Listed; readonly target: Endpoint },
  options: PlanOptions,
  signal: AbortSignal | undefined,
): Promise<PlanStep> {
  const { fields, ids, projects, members = false, ...others } = options
  const { source, target: present } = pair
  const ruled = ruledBy(fields, source, present)
  if (isGlanceError(ruled))
    return { action: 'refuse', image: source, present, error: ruled, lost: [] }
  const given = [...(options.leaveOut ?? []), ...(ruled?.leaveOut ?? [])]
  // Which may turn out only when something was written.
  const leaveOut = new Set(ends.target.features.ownersCarried ? given : [...given, 'owner'])
  const changed = ruled?.image ?? source
  const decided = ruled?.decided
  const image = ids?.translate(changed, name => decided?.has(name) === true) ?? changed
  const isOwnerGiven = leaveOut.has('owner') || decided?.has('owner') === true
  const wanted = projects === undefined || isOwnerGiven ? image : withOwner(image, projects)
  const copied = ids?.clashOf(source.id)
  const there = copied === undefined ? present : undefined
  const found = planStep(wanted ?? image, there, ends, { ...others, leaveOut, decided })
  const step = clashing(found, source.id, copied, options.onConflict)
  if (wanted === undefined && !(step.action === 'skip' && step.reason === 'no_data')) {
    return { action: 'skip', image, present, reason: 'unmapped', lost: [] }
  }
  const known =
    step.action === 'create' ? { ...step, image: renumberedFrom(source.id, step.image) } : step
  return members ? await withMembers(known, pair, ends, { projects, signal }) : known
}

/** What the rules for fields make of an image, or why they cannot. */
function ruledBy(
  fields: FieldRules | undefined,
  image: Image,
  present: Image | undefined,
): Ruled | GlanceError | undefined {
  try {
    return fields?.apply(image, present)
  } catch (error) {
    if (isGlanceError(error)) return error
    throw error
  }
}
