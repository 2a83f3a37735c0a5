import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { basename, dirname, resolve } from 'node:path'
import type { Options } from 'yargs'
import type { Abortable } from '../abort.ts'
import type { Endpoint } from '../endpoint/endpoint.ts'
import { fileFault } from '../endpoint/file-fault.ts'
import { sweep, WholeFile } from '../endpoint/whole-file.ts'
import { GlanceError } from '../errors.ts'
import type { Image } from '../image/image.ts'
import type { Pair } from '../image/ordered.ts'
import type { Findings } from '../replicate/extras.ts'
import { fingerprintOf } from '../replicate/fingerprint.ts'
import type { PlanStep } from '../replicate/plan.ts'
import type { Removal, RemovalPlan } from '../replicate/removal.ts'
import { PLAN_VERSION, type PlanHeader, type PlannedEnd } from '../replicate/saved-plan.ts'
import { imageToV2 } from '../wire/v2-image.ts'
import type { FieldOptions } from './fields.ts'
import type { MappingOptions } from './mapping.ts'
import { apiFor, type ApiOptions } from './options.ts'
import { replaceableFile } from './unattended/atomic-file.ts'

export interface SavePlanOptions {
  readonly savePlan?: string | undefined
}

export const SAVE_PLAN = {
  'save-plan': {
    type: 'string',
    requiresArg: true,
    describe: 'Do nothing, but write what would be done to FILE, for the command apply',
  },
} as const satisfies Record<string, Options>

/** @throws {GlanceError} `usage` where there are several targets, each of which would have a plan of its own. */
export function requireNoPlan({ savePlan }: SavePlanOptions): void {
  if (savePlan === undefined) return
  throw new GlanceError('usage', '--save-plan: a plan is for one target; make one for each')
}

/** Bytes of lines that are held at most. */
const HELD = 64 * 1024

interface Ends {
  readonly source: Endpoint
  readonly target: Endpoint
}

/** Writes a plan as it is made, a line of JSON for each step, to a file that has its name only when it is whole. */
export class PlanWriter implements AsyncDisposable {
  readonly #name: string
  readonly #file: WholeFile
  readonly #ends: Ends
  #lines = ''
  #steps = 0
  #bytes = 0
  #pair: Pair | undefined

  private constructor(name: string, file: WholeFile, ends: Ends) {
    this.#name = name
    this.#file = file
    this.#ends = ends
  }

  /** @throws {GlanceError} `usage` for a file that cannot be written, and for ends of which no plan can be kept. */
  static async create(path: string, ends: Ends, header: PlanHeader): Promise<PlanWriter> {
    for (const { name, get } of [ends.source, ends.target]) {
      // In a dry run an archive that would be written is another endpoint.
      if (get !== undefined && !name.startsWith('tar:')) continue
      const message = `--save-plan: ${name} cannot be asked for single images when the plan is carried out`
      throw new GlanceError('usage', message)
    }
    const file = await replaceableFile('--save-plan', path)
    const fault = (error: unknown) => {
      throw fileFault(error, file)
    }
    await sweep(dirname(file), `${basename(file)}.`).catch(fault)
    const whole = await WholeFile.create(file, 0o600).catch(fault)
    const writer = new PlanWriter(file, whole, ends)
    await writer.#line({ glance_replicator_plan: PLAN_VERSION, ...header })
    return writer
  }

  /** What the next step is about. */
  readonly onPair = (pair: Pair): void => {
    this.#pair = pair
  }

  async step(step: PlanStep): Promise<void> {
    if (step.action !== 'create' && step.action !== 'update') return
    const { source, target } = this.#ends
    const about = this.#pair
    if (about?.source === undefined) throw new TypeError('a step about no image of the source')
    const { image, members, lost } = step
    const common = {
      id: about.source.id,
      image: documentOf(image),
      ...(members === undefined ? {} : { members }),
      lost,
      source: fingerprintOf(about.source, source),
      target: about.target === undefined ? null : fingerprintOf(about.target, target),
    }
    if (step.action === 'update') {
      return await this.#add({ step: 'update', ...common, changes: step.changes })
    }
    const { withData: with_data, anew } = step
    if (with_data) this.#bytes += image.size ?? 0
    const new_id = anew === true ? randomUUID() : null
    await this.#add({ step: 'create', ...common, with_data, new_id })
  }

  /** What is to be removed, which is all there is of it. */
  async removals({ steps }: RemovalPlan): Promise<void> {
    for (const step of steps) {
      if (step.action !== 'remove') continue
      const { image, how } = step
      const target = fingerprintOf(image, this.#ends.target)
      await this.#add({ step: how, id: image.id, name: image.name, target })
    }
  }

  /** Gives the file its name. */
  async commit(extras: Findings | undefined): Promise<void> {
    const {
      ofSource: source = 0,
      onBoth: both = 0,
      hasCopies: copies = false,
      known = [],
    } = extras ?? {}
    const listed = { source, both, copies, known }
    const [steps, bytes] = [this.#steps, this.#bytes]
    await this.#line({ step: 'end', steps, bytes, listed })
    await this.#faulty(async () => {
      await this.#file.handle.appendFile(this.#lines)
      await this.#file.commit()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]()
  }

  async #add(step: object): Promise<void> {
    this.#steps += 1
    await this.#line(step)
  }

  async #line(document: object): Promise<void> {
    this.#lines += `${JSON.stringify(document)}\n`
    if (this.#lines.length < HELD) return
    const lines = this.#lines
    this.#lines = ''
    await this.#faulty(async () => await this.#file.handle.appendFile(lines))
  }

  async #faulty(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      throw fileFault(error, this.#name)
    }
  }
}

interface Named {
  readonly addresses: { readonly source: string; readonly target: string }
}

/** Begins the file of `--save-plan`; undefined without. @throws {GlanceError} as `PlanWriter.create`. */
export async function savingPlan(
  options: SavePlanOptions &
    MappingOptions &
    ApiOptions &
    Pick<FieldOptions, 'dontreplicate' | 'only' | 'set' | 'unset'>,
  { source, target, addresses }: Ends & Named,
  about: {
    readonly removal: Removal | null
    readonly command: string
    readonly now: Date
    readonly signal: AbortSignal
  },
): Promise<PlanWriter | undefined> {
  const { savePlan, onConflict = 'fail', idMap } = options
  const [set, unset] = [[options.set ?? []].flat(), [options.unset ?? []].flat()]
  if (savePlan === undefined) return undefined
  const { removal, command, now, signal } = about
  return await PlanWriter.create(
    savePlan,
    { source, target },
    {
      command,
      created_at: now.toISOString(),
      source: await plannedEnd(addresses.source, source, apiFor('source', options), { signal }),
      target: await plannedEnd(addresses.target, target, apiFor('target', options), { signal }),
      on_conflict: onConflict,
      id_map: idMap === undefined ? null : resolve(idMap),
      dontreplicate: options.dontreplicate,
      only: options.only ?? null,
      ...(set.length > 0 ? { set } : {}),
      ...(unset.length > 0 ? { unset } : {}),
      removal:
        removal === null
          ? null
          : { how: removal.how, copies_from: removal.copiesFrom, most: removal.most },
    },
  )
}

/** Whether an address means something else on every machine. */
function isThisMachine(address: string): boolean {
  return /^dir:|^https?:\/\/(localhost|127\.|\[::1\])/i.test(address)
}

/** How an end is told of in a plan. @throws {GlanceError} where no token can be had for it. */
export async function plannedEnd(
  named: string,
  endpoint: Endpoint,
  api: 1 | 2 | undefined,
  options: Abortable,
): Promise<PlannedEnd> {
  const { name, address = name } = endpoint
  return {
    named: named.startsWith('dir:') ? address : named,
    address,
    host: isThisMachine(address) ? hostname() : null,
    scope: (await endpoint.scope?.(options)) ?? null,
    api: api ?? null,
  }
}

/** As v2 shows an image, but for its properties, which may have any name. */
function documentOf(image: Image): object {
  const attributes = imageToV2({ ...image, properties: new Map() })
  return { ...attributes, properties: Object.fromEntries(image.properties) }
}
