import { type FileHandle, open, stat } from 'node:fs/promises'
import { type ErrorObject, Ajv, type ValidateFunction } from 'ajv'
import type { Membership } from '../endpoint/endpoint.ts'
import { GlanceError, messageOf } from '../errors.ts'
import type { Image } from '../image/image.ts'
import { isObject } from '../image/json.ts'
import {
  PLAN_VERSION,
  type PlanEnd,
  type PlanHeader,
  type PlannedStep,
} from '../replicate/saved-plan.ts'
import { imageFromV2 } from '../wire/v2-image.ts'
import { printable } from './format.ts'
import { Coherence, type Line } from './plan-coherence.ts'
import { HEADER_SCHEMA, LINE_SCHEMAS } from './plan-schema.ts'

/** A plan in a file, which is read as often as need be, a line at a time. */
export class PlanReader implements AsyncDisposable {
  readonly #name: string
  readonly #file: FileHandle

  private constructor(name: string, file: FileHandle) {
    this.#name = name
    this.#file = file
  }

  /** @throws {GlanceError} `usage` for a file that cannot be opened, and for what is none, such as a pipe. */
  static async open(name: string): Promise<PlanReader> {
    try {
      // Opening a pipe would wait for who writes to it.
      if (!(await stat(name)).isFile()) {
        throw new Error('it is no regular file, which it has to be, since it is read several times')
      }
      return new PlanReader(name, await open(name))
    } catch (cause) {
      throw new GlanceError('usage', `${name}: ${messageOf(cause)}`, { cause })
    }
  }

  /**
   * Reads it to its end, so that nothing is begun by a plan that makes no sense.
   * @throws {GlanceError} `usage`, naming the line and what is wrong with it.
   */
  async check(): Promise<{ readonly header: PlanHeader; readonly end: PlanEnd }> {
    let header: PlanHeader | undefined
    let end: PlanEnd | undefined
    const coherence = new Coherence()
    let lines = 0
    for await (const line of this.#lines()) {
      lines += 1
      if (end !== undefined) throw this.#fault(lines, 'there is something after the end')
      if (line.type === 'header') header = line.header
      if (line.type === 'end') end = line.end
      const wrong = coherence.wrong(line, header)
      if (wrong !== undefined) throw this.#fault(lines, wrong)
    }
    if (header === undefined) throw this.#fault(1, NO_PLAN)
    if (end === undefined) throw this.#fault(lines + 1, 'the plan is cut short: it has no end')
    return { header, end }
  }

  async *steps(): AsyncGenerator<PlannedStep> {
    for await (const line of this.#lines()) if (line.type === 'step') yield line.step
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }

  async *#lines(): AsyncGenerator<Line> {
    let number = 0
    for await (const text of this.#file.readLines({ start: 0, autoClose: false })) {
      number += 1
      yield this.#parse(text, number)
    }
  }

  #parse(text: string, number: number): Line {
    const document = parsed(text)
    if (number === 1) return { type: 'header', header: this.#header(document) }
    if (!isObject(document)) throw this.#fault(number, 'it is cut short, or not a JSON object')
    const kind = document['step']
    if (typeof kind !== 'string' || !Object.hasOwn(LINE_SCHEMAS, kind)) {
      const kinds = Object.keys(LINE_SCHEMAS).join(', ')
      throw this.#fault(number, `its step is ${JSON.stringify(kind)}, not one of ${kinds}`)
    }
    this.#require(kind, document, number)
    try {
      if (kind === 'end') return { type: 'end', end: document as unknown as PlanEnd } // By its schema.
      return { type: 'step', step: stepFrom(document) }
    } catch (error) {
      throw this.#fault(number, messageOf(error))
    }
  }

  #header(document: unknown): PlanHeader {
    if (!isObject(document)) throw this.#fault(1, NO_PLAN)
    const version = document['glance_replicator_plan']
    if (typeof version !== 'number') throw this.#fault(1, NO_PLAN)
    if (version !== PLAN_VERSION) {
      const message = `the plan is of version ${version}, and this program knows ${PLAN_VERSION}`
      throw this.#fault(1, message)
    }
    this.#require('header', document, 1)
    const { glance_replicator_plan: _, ...header } = document
    return header as unknown as PlanHeader // By its schema.
  }

  #require(kind: string, document: object, number: number): void {
    const validate = validators().get(kind)
    if (validate === undefined || validate(document)) return
    throw this.#fault(number, describe(validate.errors?.[0]))
  }

  #fault(line: number, message: string): GlanceError {
    return new GlanceError('usage', `${this.#name}: line ${line}: ${printable(message)}`)
  }
}

let compiled: ReadonlyMap<string, ValidateFunction> | undefined

/** What holds the header, and each kind of line, to its schema: made when a plan is first read. */
function validators(): ReadonlyMap<string, ValidateFunction> {
  if (compiled !== undefined) return compiled
  const ajv = new Ajv({ allowUnionTypes: true })
  const schemas = Object.entries({ header: HEADER_SCHEMA, ...LINE_SCHEMAS })
  compiled = new Map(schemas.map(([name, schema]) => [name, ajv.compile(schema)]))
  return compiled
}

const NO_PLAN = 'this is no plan of glance-replicator'

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A step by a line that its schema is true of. @throws {GlanceError} for an image that makes no sense. */
function stepFrom(document: Readonly<Record<string, unknown>>): PlannedStep {
  const { step } = document
  if (step !== 'create' && step !== 'update') return document as unknown as PlannedStep // By its schema.
  const { image, with_data: withData, new_id: newId, ...rest } = document
  const { members } = document as { readonly members?: readonly Membership[] } // By its schema.
  const whole = { ...rest, image: imageFrom(image), members }
  const written = step === 'create' ? { ...whole, withData, newId } : whole
  return written as unknown as PlannedStep // By its schema.
}

function imageFrom(document: unknown): Image {
  const { properties, ...attributes } = document as {
    readonly properties: Readonly<Record<string, string | null>>
  } // By its schema.
  return { ...imageFromV2(attributes), properties: new Map(Object.entries(properties)) }
}

function describe(error: ErrorObject | undefined): string {
  if (error === undefined) return 'it makes no sense'
  const where = error.instancePath === '' ? 'it' : error.instancePath.slice(1).replaceAll('/', '.')
  const params: Readonly<Record<string, unknown>> = error.params
  const extra = params['additionalProperty']
  if (typeof extra === 'string') return `${where} has ${JSON.stringify(extra)}, which is not known`
  return `${where} ${error.message ?? 'makes no sense'}`
}
