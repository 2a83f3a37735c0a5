import type { Abortable } from '../abort.ts'
import type { Endpoint } from '../endpoint/endpoint.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import { ANY_OWNER, hasData, type Image } from '../image/image.ts'
import { isGone } from '../image/status.ts'
import { changesBetween, type FieldChange, withAttributesOf } from '../wire/attributes.ts'
import {
  describeDifference,
  describeOtherData,
  type Fingerprint,
  fingerprintOf,
} from './fingerprint.ts'
import { memberChange } from './member-change.ts'
import type { PlanStep } from './plan.ts'
import type { PlannedStep } from './saved-plan.ts'

/** A step of a plan that was made before, of an image that is to be written. */
export type WritingStep = Extract<PlannedStep, { step: 'create' | 'update' }>

interface Ends {
  readonly source: Endpoint
  readonly target: Endpoint
}

/**
 * What remains to be done of a step that was planned before: that, or less where a run before this one was stopped in the
 * middle of it, or nothing where it was done. Refuses it when an image is not any more what it was on either side.
 * `image` is that of the step, by the id that it is to have on the target; `followed` the same, naming others by the ids
 * that these have got there.
 */
export async function remainsOf(
  step: WritingStep,
  { image: planned, followed }: { readonly image: Image; readonly followed: Image },
  { source, target }: Ends,
  options: Abortable,
): Promise<PlanStep> {
  const [there, here] = await Promise.all([
    present(source, step.id, options),
    presentOn(target, planned.id, options),
  ])
  const isFollowed =
    here !== undefined &&
    changesOf(here, followed, target).length < changesOf(here, planned, target).length
  const image = isFollowed ? followed : planned
  const { lost, id: sourceId } = step
  const refuse = (why: string): PlanStep => {
    const message = `image ${step.id}: ${why} since the plan was made`
    return {
      action: 'refuse',
      image,
      sourceId,
      present: here,
      lost,
      error: new GlanceError('conflict', message),
    }
  }
  const left = leftOf(step, image, target, here)
  const members =
    left.state === 'done' ? await membersLeft(step, left.present, target, options) : undefined
  if (left.state === 'done' && members === undefined) {
    return { action: 'skip', image, sourceId, present: left.present, reason: 'same', lost }
  }
  if (there === undefined) return refuse(`${source.name} has lost it`)
  const difference = describeDifference(step.source, fingerprintOf(there, source))
  if (difference !== '') return refuse(`it has changed on ${source.name}: ${difference},`)
  if (left.state === 'changed') return refuse(left.why)
  if (left.state === 'done') {
    const { present } = left
    // What gives access rests on all that was known of the image, also where nothing else is to be done.
    const other = isOfMembers(step)
      ? describeDifference(step.target, fingerprintOf(present, target))
      : ''
    if (other !== '') return refuse(`it has changed on ${target.name}: ${other},`)
    const changes = members === undefined ? [] : [members]
    return { action: 'update', image: present, present, changes, ...more(step) }
  }
  if (left.state === 'update') {
    const { image, present, changes } = left
    return { action: 'update', image, present, changes, ...more(step) }
  }
  const withData = step.step === 'create' && step.withData
  return { action: 'create', image, present: here, withData, ...more(step) }
}

/** The image, as far as it is there. */
export async function present(
  endpoint: Endpoint,
  id: string,
  options: Abortable,
): Promise<Image | undefined> {
  if (endpoint.get === undefined) {
    throw new GlanceError('unsupported', `${endpoint.name}: it cannot be asked for single images`)
  }
  try {
    const image = await endpoint.get(id, options)
    return isGone(image.status) ? undefined : image
  } catch (error) {
    if (isGlanceError(error, 'not_found')) return undefined
    throw error
  }
}

/** As {@link present}, on a target: what is written anew there is as good as not there when it cannot be understood. */
async function presentOn(
  target: Endpoint,
  id: string,
  options: Abortable,
): Promise<Image | undefined> {
  return await present(target, id, options).catch((error: unknown) => {
    if (target.features.rewrites === true && isGlanceError(error, 'corrupt')) return undefined
    throw error
  })
}

/** How far a step has come by what the target has. */
type Left =
  | { readonly state: 'done'; readonly present: Image }
  | { readonly state: 'create' }
  | {
      readonly state: 'update'
      readonly image: Image
      readonly present: Image
      readonly changes: readonly FieldChange[]
    }
  | { readonly state: 'changed'; readonly why: string }

function leftOf(step: WritingStep, image: Image, target: Endpoint, here: Image | undefined): Left {
  const { name } = target
  if (here === undefined) {
    if (step.target === null) return { state: 'create' }
    return { state: 'changed', why: `${name} has lost it` }
  }
  const now = fingerprintOf(here, target)
  const remaining = changesOf(here, image, target)
  if (step.step === 'update') {
    const other = describeOtherData(step.target, now)
    if (other !== '') return { state: 'changed', why: `it has changed on ${name}: ${other},` }
    if (remaining.length === 0) return { state: 'done', present: here }
    const difference = describeDifference(step.target, now)
    if (difference === '') {
      // Nothing is changed but what the plan tells of.
      const own = new Set(ownChanges(step).map(({ field }) => field))
      const others = remaining.map(({ field }) => field).filter(field => !own.has(field))
      const changes = remaining.filter(({ field }) => own.has(field))
      if (changes.length === 0) return { state: 'done', present: here }
      const narrowed = withAttributesOf(image, here, new Set(others))
      return { state: 'update', image: narrowed, present: here, changes }
    }
    const isBegun = remaining.length < ownChanges(step).length
    if (isBegun && remaining.every(isAmong(ownChanges(step)))) {
      return { state: 'update', image, present: here, changes: remaining }
    }
    return { state: 'changed', why: `it has changed on ${name}: ${difference},` }
  }
  if (step.target !== null && describeDifference(step.target, now) === '') {
    return { state: 'create' }
  }
  // While a service still sees an upload that was broken off, `add` waits for it.
  const isWaiting = here.status === 'queued' || here.status === 'saving'
  // Some services give properties of their own to all images.
  const kept = step.withData && step.target === null ? withOthersOf(image, here) : image
  if (step.withData && isWaiting && isBegun(here, kept, target)) return { state: 'create' }
  const isWhole = step.withData ? hasData(here) && isDataOf(image, now, target) : true
  if (isWhole && remaining.length === 0) return { state: 'done', present: here }
  const missing = changesOf(here, kept, target)
  if (isWhole && missing.length === 0) return { state: 'done', present: here }
  if (isWhole && isUnpublished(here, target) && isBegun(here, kept, target)) {
    return { state: 'update', image: kept, present: here, changes: missing }
  }
  const fields = missing.map(({ field }) => field).join(', ')
  if (isWhole && step.withData) {
    const why = `${name} has it with another ${fields}, which it did not take, or somebody changed`
    return { state: 'changed', why }
  }
  const how = isWhole
    ? `with another ${fields}`
    : `with status ${here.status} and ${hasData(here) ? 'other' : 'no'} data`
  const was = step.target === null ? 'has got an image of this id' : 'has changed it'
  return { state: 'changed', why: `${name} ${was}, ${how},` }
}

/** The image, but with those properties of another that it lacks. */
function withOthersOf(image: Image, other: Image): Image {
  return { ...image, properties: new Map([...other.properties, ...image.properties]) }
}

/** Whether nobody was shown it yet, as far as that can be seen: else what differs is what somebody changed. */
function isUnpublished({ hidden }: Image, { features }: Endpoint): boolean {
  return hidden || features.withdrawals?.includes('hide') !== true
}

/** What of a step the target's own image is to be changed in. */
function ownChanges(step: Extract<WritingStep, { step: 'update' }>): readonly FieldChange[] {
  return step.changes.filter(({ field }) => field !== 'members')
}

function isAmong(changes: readonly FieldChange[]): (change: FieldChange) => boolean {
  const known = new Set(changes.map(change => JSON.stringify(change)))
  return change => known.has(JSON.stringify(change))
}

/** What the target would be told to change, but for an owner whom it says itself. */
function changesOf(here: Image, image: Image, target: Endpoint): readonly FieldChange[] {
  const wanted = target.expressible(image).image
  const isOwned = target.features.ownersCarried && image.owner !== ANY_OWNER
  const changes = changesBetween(target.expressible(here).image, wanted)
  return isOwned ? changes : changes.filter(({ field }) => field !== 'owner')
}

/** Whether what the target has is an image of ours before it was published: private, hidden, and nothing else set. */
function isBegun(here: Image, image: Image, target: Endpoint): boolean {
  const begun: Image = { ...image, visibility: 'private', hidden: true, protected: false }
  const differing = changesOf(here, begun, target)
  return differing.every(({ from }) => {
    const isList = Array.isArray(from) && from.length === 0
    return (
      from === undefined || from === null || from === '' || from === 0 || from === false || isList
    )
  })
}

/** Whether data is that of the image, as far as both sides say. */
function isDataOf(image: Image, now: Fingerprint, target: Endpoint): boolean {
  const wanted = fingerprintOf(image, target)
  const isSame = (one: unknown, other: unknown) => one === null || other === null || one === other
  const isComparable = wanted.os_hash_algo === now.os_hash_algo
  return (
    isSame(wanted.size, now.size) &&
    isSame(wanted.checksum, now.checksum) &&
    (!isComparable || isSame(wanted.os_hash_value, now.os_hash_value))
  )
}

/** Whether a step changes nothing but whom the image is shared with. */
function isOfMembers(step: WritingStep): step is Extract<WritingStep, { step: 'update' }> {
  return step.step === 'update' && ownChanges(step).length === 0
}

/** What is still to be said of whom the image is shared with. */
async function membersLeft(
  { members }: WritingStep,
  here: Image,
  target: Endpoint,
  options: Abortable,
): Promise<FieldChange | undefined> {
  if (members === undefined || target.members === undefined) return undefined
  const found = await target.members.list(here, options)
  return memberChange(found, members, target.members)
}

function more({ id: sourceId, members, lost }: WritingStep) {
  return { sourceId, lost, ...(members === undefined ? {} : { members }) }
}
