import { type FileHandle, open } from 'node:fs/promises'
import { GlanceError, messageOf } from '../errors.ts'
import type { PlanStep } from '../replicate/plan.ts'
import { forGood, type LostField } from '../wire/loss.ts'
import { countOf, printable } from './format.ts'

/** How many images lost something for good, and how many of them each attribute; `properties` are the custom ones. */
export interface LossSummary {
  readonly images: number
  readonly fields: Readonly<Record<string, number>>
}

/** Counts what images lose, and writes it down: a line of JSON for each field of each image. */
export class LossReport implements AsyncDisposable {
  readonly #file: FileHandle | undefined
  readonly #name: string
  readonly #fields = new Map<string, number>()
  #images = 0

  private constructor(name: string, file: FileHandle | undefined) {
    this.#name = name
    this.#file = file
  }

  /** What is in the file is written over. @throws {GlanceError} `usage` for a file that cannot be opened. */
  static async open(name: string | undefined): Promise<LossReport> {
    if (name === undefined) return new LossReport('', undefined)
    const file = await open(name, 'w').catch((cause: unknown) => {
      throw new GlanceError('usage', `loss report ${name}: ${messageOf(cause)}`, { cause })
    })
    return new LossReport(name, file)
  }

  get summary(): LossSummary {
    return { images: this.#images, fields: Object.fromEntries(this.#fields) }
  }

  /** @throws {GlanceError} `over_limit` when the file takes no more. */
  async add(
    about: { readonly id: string; readonly name: string | null; readonly target?: string },
    lost: readonly LostField[],
  ): Promise<void> {
    if (lost.length === 0) return
    const groups = new Set(forGood(lost).map(groupOf))
    if (groups.size > 0) this.#images += 1
    for (const group of groups) {
      this.#fields.set(group, (this.#fields.get(group) ?? 0) + 1)
    }
    const { id, name, target } = about
    const where = target === undefined ? {} : { target }
    const lines = lost.map(field => `${JSON.stringify({ id, name, ...where, ...field })}\n`)
    await this.#file?.appendFile(lines.join('')).catch((cause: unknown) => {
      const message = `loss report ${this.#name}: ${messageOf(cause)}`
      throw new GlanceError('over_limit', message, { cause })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close()
  }
}

/** The name that an image has on the source, also where the target has another or none for it. */
export function sourceNameOf({ image, lost }: Pick<PlanStep, 'image' | 'lost'>): string | null {
  const name = lost.find(({ kind, field }) => kind === 'attribute' && field === 'name')?.value
  return typeof name === 'string' ? name : image.name
}

/** One line of what was lost in all, or with `strict` would have been; undefined when that is nothing. */
export function describeLosses(
  { images, fields }: LossSummary,
  {
    lossReport: file,
    strict,
  }: { readonly lossReport?: string | undefined; readonly strict: boolean },
): string | undefined {
  if (images === 0) return undefined
  const parts = Object.entries(fields).map(
    ([field, count]) => `${field === PROPERTIES ? 'custom properties' : field} (${count})`,
  )
  const where = file === undefined ? '' : `; see ${printable(file)}`
  const verb = strict ? 'would lose' : 'lost'
  return `${countOf(images, 'image')} ${verb} something: ${parts.join(', ')}${where}`
}

/** `; lost: tags, os_hidden`, or nothing. */
export function lostSuffix(lost: readonly LostField[]): string {
  const fields = forGood(lost).map(({ field }) => printable(field))
  return fields.length === 0 ? '' : `; lost: ${fields.join(', ')}`
}

const PROPERTIES = 'properties'

function groupOf({ kind, field }: LostField): string {
  return kind === 'property' ? PROPERTIES : field
}
