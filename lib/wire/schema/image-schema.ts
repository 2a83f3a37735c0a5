import { createRequire } from 'node:module'
import type { ErrorObject, ValidateFunction } from 'ajv'
import { CONTAINER_FORMATS, DISK_FORMATS } from '../../image/image.ts'
import { collectionOf } from './collection.ts'
import {
  BASE_PROPERTIES,
  DEPLOYER_PROPERTIES,
  type DeployerSchema,
  imageSchemaOf,
} from './image.ts'

export interface ImageSchemaOptions {
  /** Glance's own when left out. */
  readonly containerFormats?: readonly string[] | undefined
  readonly diskFormats?: readonly string[] | undefined
  /** As the file that Glance comes with when left out. */
  readonly deployer?: DeployerSchema | undefined
}

/** What images have to be like at one service, as it is shown to clients and as requests are held to it. */
export class ImageSchema {
  /** `/v2/schemas/image`. */
  readonly image: ReturnType<typeof imageSchemaOf>
  /** `/v2/schemas/images`. */
  readonly images: ReturnType<typeof collectionOf>
  readonly #required: readonly string[]
  /** Whether somebody else than we wrote a part of it. */
  readonly #isForeign: boolean
  #validator: ValidateFunction | undefined

  /** @throws {RangeError} naming a property that every image has and that the deployer would have otherwise. */
  constructor({
    containerFormats = CONTAINER_FORMATS,
    diskFormats = DISK_FORMATS,
    deployer,
  }: ImageSchemaOptions = {}) {
    const { properties, required } = deployer ?? { properties: DEPLOYER_PROPERTIES, required: [] }
    const taken = Object.keys(properties).find(name => Object.hasOwn(BASE_PROPERTIES, name))
    if (taken !== undefined) throw new RangeError(`every image has a ${taken} already`)
    const schema = imageSchemaOf(containerFormats, diskFormats, { properties, required })
    this.image = schema
    this.images = collectionOf('images', { type: 'array', items: schema })
    this.#required = required
    this.#isForeign = deployer !== undefined
  }

  /** Fails now rather than with the first request. @throws {Error} when a property's schema is none. */
  compile(): this {
    this.#compiled()
    return this
  }

  /** What is wrong with the types and values of attributes of an image, any of them. */
  faults(document: unknown): readonly ErrorObject[] {
    const validate = this.#compiled()
    return validate(document) ? [] : (validate.errors ?? [])
  }

  /** The properties that a new image lacks. */
  missing(document: object): readonly string[] {
    return this.#required.filter(name => !Object.hasOwn(document, name))
  }

  /**
   * Compiled when it is first asked for, and ajv loaded no sooner: the replicator shares this folder with the server,
   * and should not wait for what it never uses.
   */
  #compiled(): ValidateFunction {
    if (this.#validator !== undefined) return this.#validator
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- What a require gives has no type.
    const { Ajv } = createRequire(import.meta.url)('ajv') as typeof import('ajv')
    // Not strict: a deployer may describe a property with words that only people read. Formats are such, as in Glance.
    const ajv = new Ajv({
      strict: false,
      validateFormats: false,
      validateSchema: this.#isForeign, // Ours is right, and to see to that takes longer than to compile it.
    })
    const { properties, additionalProperties } = this.image
    this.#validator = ajv.compile({
      type: 'object',
      properties,
      additionalProperties,
    })
    return this.#validator
  }
}

/** Of a service that nobody has configured otherwise. */
export const STANDARD_SCHEMA = new ImageSchema()
