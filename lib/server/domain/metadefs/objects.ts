import type { MetadefObject } from '../../../image/metadef.ts'
import type { RequestContext } from '../context.ts'
import type { Service } from '../service.ts'
import { findNamespace } from './access.ts'
import { objectsOf } from './contents.ts'
import type { PartKind } from './parts.ts'
import { OBJECT_WORDING } from './wording.ts'

export const OBJECTS: PartKind<MetadefObject> = {
  table: ({ metadefs }) => metadefs.objects,
  wording: OBJECT_WORDING,
  policies: {
    get: 'get_metadef_object',
    list: 'get_metadef_objects',
    add: 'add_metadef_object',
    modify: 'modify_metadef_object',
    remove: 'delete_metadef_object',
  },
}

/** All, by name. @throws {GlanceError} `not_found`. */
export async function listObjects(
  context: RequestContext,
  { database }: Service,
  namespace: string,
): Promise<readonly MetadefObject[]> {
  await findNamespace(context, database, namespace, OBJECTS.policies.list)
  return objectsOf(database, namespace)
}
