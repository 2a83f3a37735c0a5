import type { Endpoint, Membership } from '../endpoint/endpoint.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import type { Pair } from '../image/ordered.ts'
import { memberChange } from './member-change.ts'
import type { PlanStep } from './plan.ts'
import type { ProjectMap } from './project-map.ts'

export interface MemberOptions {
  /** Default: members are the projects that they are on the source. */
  readonly projects: ProjectMap | undefined
  readonly signal: AbortSignal | undefined
}

/** The step with what it takes that a shared image has the same members on both sides: a request for each side. */
export async function withMembers(
  step: PlanStep,
  pair: Pair,
  ends: { readonly source: Pick<Endpoint, 'members'>; readonly target: Endpoint },
  { projects, signal }: MemberOptions,
): Promise<PlanStep> {
  const { source, target } = pair
  const [there, here] = [ends.source.members, ends.target.members]
  const isDone = step.action === 'refuse' || (step.action === 'skip' && step.reason !== 'same')
  if (isDone || there === undefined || here === undefined) return step
  if (source?.visibility !== 'shared' || step.image.visibility !== 'shared') return step
  try {
    const members = await there.list(source, { signal })
    if (members === undefined) return step // A dump without them says nothing of whom it is shared with.
    const isWhole = (await there.isWhole?.(source, { signal })) ?? true
    // What is written down is taken for all when it is read, by whoever reads it.
    if (!isWhole && here.notesNone === true) return step
    const known = members.flatMap(member => {
      if (projects === undefined) return [member]
      const project = projects.targets.get(member.project)
      return project === undefined ? [] : [{ ...member, project }]
    })
    if (known.length < members.length && projects?.unmapped === 'skip') {
      return { action: 'skip', image: step.image, present: target, reason: 'unmapped', lost: [] }
    }
    // What is created is shared with nobody yet, also where another image has its id.
    const isThere = target !== undefined && step.action !== 'create'
    const nobody = here.notesNone === true ? undefined : []
    const present = isThere ? await here.list(target, { signal }) : nobody
    const merged = byProject(known)
    const wanted = isWhole ? merged : withOthers(merged, present ?? [])
    const change = memberChange(present, wanted, here)
    if (change === undefined) return step
    if (step.action === 'create') return { ...step, members: wanted }
    const changes = step.action === 'update' ? [...step.changes, change] : [change]
    if (step.action === 'update') return { ...step, changes, members: wanted }
    // What is the same is there.
    const { image, lost } = step
    return { action: 'update', image, present: target ?? image, changes, members: wanted, lost }
  } catch (error) {
    signal?.throwIfAborted()
    if (!isGlanceError(error)) throw error
    const message = `image ${step.image.id}: members: ${error.message}`
    const cause = { cause: error }
    return {
      action: 'refuse',
      image: step.image,
      present: target,
      error: new GlanceError(error.code, message, cause),
      lost: [],
    }
  }
}

/** Members and those of others that they are not known to lack. */
function withOthers(
  members: readonly Membership[],
  others: readonly Membership[],
): readonly Membership[] {
  const known = new Set(members.map(({ project }) => project))
  return [...members, ...others.filter(({ project }) => !known.has(project))]
}

/** Each project once, where several of the source are one on the target: it has said the most that any of them has. */
function byProject(members: readonly Membership[]): readonly Membership[] {
  const found = new Map<string, Membership>()
  for (const member of members) {
    const { status, canShare } = found.get(member.project) ?? member
    const said = [status, member.status]
    found.set(member.project, {
      ...member,
      status: MOST.find(status => said.includes(status)) ?? null,
      canShare: canShare === true || member.canShare,
    })
  }
  return [...found.values()]
}

const MOST = ['accepted', 'pending', 'rejected'] as const
