import type { Options } from 'yargs'
import { GlanceError, isGlanceError } from '../../errors.ts'
import { atOnce } from '../../replicate/at-once.ts'
import type { FieldRules } from '../../replicate/fields.ts'
import type { IdMap } from '../../replicate/id-map.ts'
import type { PlanStep } from '../../replicate/plan.ts'
import { renumberedFrom } from '../../replicate/provenance.ts'
import { remainsOf, type WritingStep } from '../../replicate/recheck.ts'
import type { Removal } from '../../replicate/removal.ts'
import type { PlanHeader, PlannedEnd } from '../../replicate/saved-plan.ts'
import type { Image } from '../../image/image.ts'
import type { Endpoint } from '../../endpoint/endpoint.ts'
import type { Steps } from '../carry-out.ts'
import type { Command, CommandContext } from '../command.ts'
import { earlierRate } from '../copy-rate.ts'
import { DUMP, type DumpOptions } from '../dumps.ts'
import { readFields } from '../fields.ts'
import { MAPPING, openIdMap } from '../mapping.ts'
import { perform, type Task, type TransferSummary } from '../one-target.ts'
import { ENDPOINT, type EndpointOptions, PLAN, TRANSFER, type TransferOptions } from '../options.ts'
import { plannedEnd } from '../plan-writer.ts'
import type { PlanReader } from '../plan-reader.ts'
import { PREFLIGHT, type PreflightOptions } from '../preflight.ts'
import { readRemoval, REMOVAL, type RemovalOptions } from '../removal.ts'
import type { RemovalRow } from '../removal-rows.ts'
import { removePlanned } from '../remove-planned.ts'
import {
  boundOf,
  paceOf,
  type Prepared,
  type ReplicationOptions,
  statusOfRun,
  summaryLine,
} from '../replication.ts'
import { PACE, type PaceOptions, VIA, type ViaOptions } from '../transfer-options.ts'
import type { TransferRow } from '../transfer-rows.ts'
import { DEADLINE, UNATTENDED, type UnattendedOptions } from '../unattended/options.ts'

export interface ApplyOptions
  extends
    EndpointOptions,
    TransferOptions,
    PreflightOptions,
    PaceOptions,
    ViaOptions,
    DumpOptions,
    UnattendedOptions,
    Pick<RemovalOptions, 'maxDelete'> {
  readonly plan: string
  readonly lossReport: string | undefined
  readonly idMap: string | undefined
}

const OPTIONS = {
  ...TRANSFER,
  ...PREFLIGHT,
  ...PACE,
  ...VIA,
  ...DUMP,
  'id-map': { ...MAPPING['id-map'], describe: 'Where that of the plan is now' },
  'max-delete': REMOVAL['max-delete'],
  'loss-report': PLAN['loss-report'],
  ...DEADLINE,
  ...UNATTENDED,
  ...ENDPOINT,
} as const satisfies Readonly<Record<string, Options>>

export const apply: Command<ApplyOptions, TransferRow | RemovalRow, TransferSummary> = {
  name: 'apply',
  summary: 'Carry out a plan that --save-plan wrote',
  positionals: { plan: { type: 'string', describe: 'The file of the plan' } },
  options: OPTIONS,

  async *run(given, context) {
    const { PlanReader } = await import('../plan-reader.ts')
    await using reader = await PlanReader.open(given.plan)
    const { header, end } = await reader.check()
    const removal = removalOf(header, given)
    const options = optionsOf(given, header)
    const prepared: Prepared = {
      command: 'apply',
      from: header.source.named,
      selection: undefined,
      fields: readFields(options),
      wish: readRemoval(options),
      pace: paceOf(options),
      known: {
        rate: await earlierRate(given.summaryFile, { command: 'apply', plan: given.plan }),
        rateAt: boundOf(options),
      },
    }
    await using ids = await openIdMap(options, !given.dryRun, context.log)
    await using source = await openPlanned(header.source, 'source', false, context)
    await using target = await openPlanned(header.target, 'target', !given.dryRun, context)
    const task: Task = {
      ...writing(reader, { source, target }, ids, prepared.fields, given),
      removal,
      removing: async function* (origin, removal, options) {
        return yield* removePlanned(() => reader.steps(), end, origin, target, removal, options)
      },
      ids,
      unmapped: null,
    }
    return yield* perform(source, target, task, prepared, options, context)
  },

  exitStatus: statusOfRun,
  views: {
    row: () => undefined,
    summary: (summary, given) =>
      summaryLine(summary, { ...given, strict: false, lossReport: given.lossReport }, undefined),
  },
}

/** Opens an end of a plan. @throws {GlanceError} `usage` when that is not where it was. */
async function openPlanned(
  planned: PlannedEnd,
  side: 'source' | 'target',
  writable: boolean,
  { open, signal }: CommandContext,
): Promise<Endpoint> {
  const endpoint = await open(planned.named, side, { writable, api: planned.api ?? undefined })
  try {
    const now = await plannedEnd(planned.named, endpoint, undefined, { signal })
    if (now.address !== planned.address || now.host !== planned.host) {
      const where = ({ address, host }: PlannedEnd) =>
        host === null ? address : `${address} on ${host}`
      const message = `the plan is for the ${side} ${where(planned)}, and ${planned.named} is ${where(now)}`
      throw new GlanceError('usage', message)
    }
    // Whom images belong to, and what is seen of them, is the project's.
    if (now.scope !== planned.scope && now.scope !== null && planned.scope !== null) {
      const message = `the plan is for the ${side} ${planned.address} with a token for ${planned.scope}, and ours is for ${now.scope}`
      throw new GlanceError('usage', message)
    }
    return endpoint
  } catch (error) {
    await endpoint[Symbol.asyncDispose]()
    throw error
  }
}

/** What is to be written by a plan, and how that is found out when its turn comes. */
function writing(
  reader: PlanReader,
  { source, target }: Record<'source' | 'target', Endpoint>,
  ids: IdMap | undefined,
  fields: FieldRules,
  { dryRun, checkers = 8 }: Pick<ApplyOptions, 'dryRun' | 'checkers'>,
): Pick<Task, 'steps' | 'counted' | 'recheck'> & { readonly steps: Steps } {
  const plannedBy = new WeakMap<PlanStep, WritingStep>()
  const isLeftOut = (name: string) => fields.leavesOut(name) || fields.decides(name)
  async function* steps(): AsyncGenerator<PlanStep> {
    for await (const planned of reader.steps()) {
      if (planned.step !== 'create' && planned.step !== 'update') continue
      const step = stepOf(planned)
      plannedBy.set(step, planned)
      yield step
    }
  }
  /** What is left of a step, and the id that it is done under; writes nothing down. */
  async function left(step: PlanStep, planned: WritingStep, signal: AbortSignal | undefined) {
    const known = ids?.targetOf(planned.id)
    const newId = planned.step === 'create' ? planned.newId : null
    // Also one that a run before this one had to give it.
    const id = known ?? newId ?? planned.image.id
    const isNew = id !== planned.image.id
    if (isNew && planned.step === 'update') {
      return { now: refused(step, `it has got another id on the target, ${id},`), id }
    }
    // What has the id that it had in the plan does not matter to what gets a new one.
    const asked = isNew && planned.step === 'create' ? { ...planned, target: null } : planned
    const image = numbered(planned, id)
    const followed = ids?.followed(image, isLeftOut) ?? image
    const now = await remainsOf(asked, { image, followed }, { source, target }, { signal })
    if (now.action === 'refuse') return { now: { ...now, image: step.image }, id }
    return { now, id, toAssign: isNew && known === undefined }
  }
  return {
    steps,
    // No bytes are copied of what a run before has done, nor of what is going to be refused.
    counted: async function* ({ signal }) {
      async function* creations() {
        for await (const step of steps()) if (step.action === 'create') yield step
      }
      yield* atOnce(creations(), checkers, async step => {
        const planned = plannedBy.get(step)
        if (planned === undefined) return step
        return await left(step, planned, signal).then(({ now }) => now, uncounted(step, signal))
      })
    },
    recheck: async (step, signal) => {
      const planned = plannedBy.get(step)
      if (planned === undefined) return step
      const { now, id, toAssign = false } = await left(step, planned, signal)
      if (!toAssign) return now
      // What would get a new id is told of as the plan has it.
      const isToBe = now.action === 'create' && step.action === 'create'
      if (dryRun) return isToBe ? { ...step, present: now.present } : now
      await ids?.assign(planned.id, id)
      return now
    },
  }
}

/** That of which nobody can tell how much is left counts as still to be done. */
function uncounted(step: PlanStep, signal: AbortSignal | undefined): (error: unknown) => PlanStep {
  return error => {
    signal?.throwIfAborted()
    if (!isGlanceError(error) || error.code === 'unauthenticated') throw error
    return step
  }
}

/** The image as the target is to have it under this id. */
function numbered({ id: source, image }: WritingStep, id: string): Image {
  return id === image.id ? image : renumberedFrom(source, { ...image, id })
}

function refused(step: PlanStep, why: string): PlanStep {
  const { image, sourceId = image.id, present, lost } = step
  const message = `image ${sourceId}: ${why} since the plan was made`
  const error = new GlanceError('conflict', message)
  return { action: 'refuse', image, sourceId, present, lost, error }
}

/** A step before anybody has looked how much of it remains to be done. */
function stepOf(planned: WritingStep): PlanStep {
  const { id: sourceId, image, lost, members } = planned
  const common = { image, sourceId, lost, ...(members === undefined ? {} : { members }) }
  if (planned.step === 'create') {
    const { withData, newId } = planned
    const anew = newId === null ? {} : { anew: true as const }
    return { action: 'create', present: undefined, withData, ...anew, ...common }
  }
  return { action: 'update', present: image, changes: planned.changes, ...common }
}

function removalOf({ removal }: PlanHeader, { maxDelete }: ApplyOptions): Removal | null {
  if (removal === null) return null
  const { how, copies_from: copiesFrom, most } = removal
  if (maxDelete === undefined) return { how, copiesFrom, most }
  const wish = { delete: how, deleteUnknown: false, maxDelete, provenance: undefined }
  return { how, copiesFrom, most: readRemoval(wish).most }
}

/** The options of the command by which the plan was made, as far as they still count. */
function optionsOf(
  given: ApplyOptions,
  { on_conflict, id_map, dontreplicate, only, set, unset }: PlanHeader,
): ReplicationOptions {
  return {
    ...given,
    metaonly: false,
    dontreplicate,
    only: only ?? undefined,
    set,
    unset,
    strict: false,
    onConflict: on_conflict,
    idMap: given.idMap ?? id_map ?? undefined,
    delete: 'never',
    maxDelete: undefined,
    deleteUnknown: false,
    provenance: undefined,
  }
}
