import type { Abortable } from '../abort.ts'
import type { Endpoint, Membership } from '../endpoint/endpoint.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import { ANY_OWNER, hasData, type Image } from '../image/image.ts'
import { isGone } from '../image/status.ts'
import { changesBetween, type FieldChange } from '../wire/attributes.ts'
import {
  describeDifference,
  describeOtherData,
  type Fingerprint,
  fingerprintOf,
} from './fingerprint.ts'
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
 * `image` is that of the step, by the id that it is to have on the target.
 */
export async function remainsOf(
  step: WritingStep,
  image: Image,
  { source, target }: Ends,
  options: Abortable,
): Promise<PlanStep> {
  const [there, here] = await Promise.all([
    present(source, step.id, options),
    present(target, image.id, options),
  ])
  const { lost } = step
  const refuse = (why: string): PlanStep => {
    const message = `image ${step.id}: ${why} since the plan was made`
    return {
      action: 'refuse',
      image,
      present: here,
      lost,
      error: new GlanceError('conflict', message),
    }
  }
  const left = leftOf(step, image, target, here)
  if (left.state === 'done') {
    const members = await membersLeft(step, left.present, target, options)
    if (members.length === 0) {
      return { action: 'skip', image, present: left.present, reason: 'same', lost }
    }
    const changes = members
    return { action: 'update', image: left.present, present: left.present, changes, ...more(step) }
  }
  if (there === undefined) return refuse(`${source.name} has lost it`)
  const difference = describeDifference(step.source, fingerprintOf(there, source))
  if (difference !== '') return refuse(`it has changed on ${source.name}: ${difference},`)
  if (left.state === 'changed') return refuse(left.why)
  if (left.state === 'update') {
    const { present, changes } = left
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

/** How far a step has come by what the target has. */
type Left =
  | { readonly state: 'done'; readonly present: Image }
  | { readonly state: 'create' }
  | {
      readonly state: 'update'
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
    const isBegun = remaining.length < ownChanges(step).length
    if (difference === '' || (isBegun && remaining.every(isAmong(ownChanges(step))))) {
      return { state: 'update', present: here, changes: remaining }
    }
    return { state: 'changed', why: `it has changed on ${name}: ${difference},` }
  }
  if (step.target !== null && describeDifference(step.target, now) === '') {
    return { state: 'create' }
  }
  // While a service still sees an upload that was broken off, `add` waits for it.
  const isWaiting = here.status === 'queued' || here.status === 'saving'
  if (step.withData && isWaiting && isBegun(here, image, target)) return { state: 'create' }
  const isWhole = step.withData ? hasData(here) && isDataOf(image, now, target) : true
  if (isWhole && remaining.length === 0) return { state: 'done', present: here }
  if (isWhole && isBegun(here, image, target)) {
    return { state: 'update', present: here, changes: remaining }
  }
  const fields = remaining.map(({ field }) => field).join(', ')
  const how = isWhole ? `with another ${fields}` : `with status ${here.status} and other data`
  const was = step.target === null ? 'has got an image of this id' : 'has changed it'
  return { state: 'changed', why: `${name} ${was}, ${how},` }
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

/** What is still to be said of whom the image is shared with. */
async function membersLeft(
  { members }: WritingStep,
  here: Image,
  target: Endpoint,
  options: Abortable,
): Promise<readonly FieldChange[]> {
  if (members === undefined || target.members === undefined) return []
  const found = await target.members.list(here, options)
  const show = (list: readonly Membership[]) => list.map(({ project }) => project).toSorted()
  const change = { field: 'members', from: show(found ?? []), to: show(members) }
  const isSaid = found !== undefined && change.from.join(' ') === change.to.join(' ')
  return isSaid ? [] : [change]
}

function more({ members, lost }: WritingStep) {
  return { lost, ...(members === undefined ? {} : { members }) }
}
