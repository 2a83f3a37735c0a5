import { isDeepStrictEqual } from 'node:util'
import type { Abortable } from '../../abort.ts'
import { isGlanceError } from '../../errors.ts'
import type { NamespacePart } from '../../image/metadef.ts'
import type { Database, PartTable } from '../database.ts'
import type { Adopted } from './adopt.ts'
import { type ReadDefinition, type ReadNamespace, SourceMetadefs } from './metadefs.ts'
import type { GlanceSource } from './source.ts'
import { labelIn } from './values.ts'

/** Takes over the metadata definitions, each namespace with all that is in it or not at all. */
export async function* adoptMetadefs(
  source: GlanceSource,
  readDefinition: ReadDefinition,
  target: Database | null,
  { dryRun, signal }: Abortable & { readonly dryRun: boolean },
): AsyncGenerator<Adopted, void, void> {
  const metadefs = await SourceMetadefs.read(source)
  if (target !== null && !dryRun) {
    await target.transaction(
      async ({ metadefs: { resourceTypes } }) => {
        for (const type of metadefs.resourceTypes) {
          if ((await resourceTypes.find(type.name)) === undefined) await resourceTypes.insert(type)
        }
      },
      { signal },
    )
  }
  for (const row of metadefs.namespaces) {
    signal?.throwIfAborted()
    const id = labelIn(row, 'namespace') ?? ''
    const described = { type: 'namespace', id, name: null, status: null } as const
    const nothing = { fields: [], reason: null, notes: [], members: 0 }
    try {
      const namespace = metadefs.namespace(row, readDefinition)
      const fields =
        target === null || dryRun
          ? await differences(target, namespace)
          : await target.transaction(tx => insert(tx, namespace), { signal })
      const result = fields === null ? 'imported' : fields.length === 0 ? 'same' : 'different'
      yield { ...described, ...nothing, result, fields: fields ?? [] }
    } catch (error) {
      if (!isGlanceError(error, 'invalid')) throw error
      yield { ...described, ...nothing, result: 'refused', reason: error.message }
    }
  }
}

/** Inserts it unless it is there: then, in what it differs. */
async function insert(tx: Database, namespace: ReadNamespace): Promise<readonly string[] | null> {
  const fields = await differences(tx, namespace)
  if (fields !== null) return fields
  const { metadefs } = tx
  const { record, properties, objects, tags, associations } = namespace
  const name = record.namespace
  await metadefs.namespaces.insert(record)
  await metadefs.properties.insertAll(name, properties)
  await metadefs.objects.insertAll(name, objects)
  await metadefs.tags.insertAll(name, tags)
  await metadefs.associations.insertAll(name, associations)
  return null
}

/** In what it differs from what is there; null when it is not. */
async function differences(
  target: Database | null,
  { record, properties, objects, tags, associations }: ReadNamespace,
): Promise<readonly string[] | null> {
  const name = record.namespace
  const there = await target?.metadefs.namespaces.find(name)
  if (target === null || there === undefined) return null
  const { metadefs } = target
  const isSame: Readonly<Record<string, boolean>> = {
    namespace: isDeepStrictEqual(record, there),
    properties: await areSame(metadefs.properties, name, properties),
    objects: await areSame(metadefs.objects, name, objects),
    tags: await areSame(metadefs.tags, name, tags),
    resource_type_associations: await areSame(metadefs.associations, name, associations),
  }
  return Object.keys(isSame).filter(field => isSame[field] === false)
}

async function areSame<T extends NamespacePart>(
  table: PartTable<T>,
  namespace: string,
  parts: readonly T[],
): Promise<boolean> {
  return isDeepStrictEqual(await table.list(namespace), parts)
}
