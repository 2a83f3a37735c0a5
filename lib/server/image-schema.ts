import { readFile } from 'node:fs/promises'
import { GlanceError, messageOf } from '../errors.ts'
import type { DeployerSchema } from '../wire/schema/image.ts'
import { ImageSchema, STANDARD_SCHEMA } from '../wire/schema/image-schema.ts'
import { CONTAINER_FORMATS, DISK_FORMATS } from '../image/image.ts'
import { isObject } from '../image/json.ts'
import type { ServerConfig } from './config.ts'

/** What images have to be like by the configuration. @throws {GlanceError} `usage`, naming the schema's file. */
export async function imageSchemaOf({
  schemaFile,
  containerFormats,
  diskFormats,
}: ServerConfig): Promise<ImageSchema> {
  const isStandard = containerFormats === CONTAINER_FORMATS && diskFormats === DISK_FORMATS
  if (schemaFile === null && isStandard) return STANDARD_SCHEMA
  if (schemaFile === null) return new ImageSchema({ containerFormats, diskFormats })
  try {
    const deployer = deployerSchemaIn(JSON.parse(await readFile(schemaFile, 'utf8')))
    return new ImageSchema({ containerFormats, diskFormats, deployer }).compile()
  } catch (error) {
    const message = `${schemaFile} is no schema of images: ${messageOf(error)}`
    throw new GlanceError('usage', message, { cause: error })
  }
}

/** Either properties by name, or those under `properties` and the names of some under `required`. */
function deployerSchemaIn(document: unknown): DeployerSchema {
  if (!isObject(document)) throw new RangeError('it is no JSON object')
  const isExtended = Object.hasOwn(document, 'properties')
  const properties = isExtended ? document['properties'] : document
  if (!isObject(properties)) throw new RangeError('properties is no JSON object')
  const described: Record<string, object> = {}
  for (const [name, schema] of Object.entries(properties)) {
    if (!isObject(schema)) throw new RangeError(`${name} is no JSON object`)
    described[name] = schema
  }
  const required: unknown = (isExtended ? document['required'] : null) ?? []
  if (!Array.isArray(required)) throw new RangeError('required is no list')
  const names = required.map((name: unknown) => {
    if (typeof name === 'string') return name
    throw new RangeError('required is no list of names')
  })
  return { properties: described, required: names }
}
