import type { FastifyInstance } from 'fastify'
import { checkObjectQuery } from '../../../wire/metadef-query.ts'
import { objectToV2, writtenObjectToV2 } from '../../../wire/metadefs.ts'
import { wantedObject } from '../../../wire/schema/metadefs/requests.ts'
import { objectOf } from '../../domain/metadefs/add.ts'
import { listObjects, OBJECTS } from '../../domain/metadefs/objects.ts'
import { createPart, deletePart, replacePart, showPart } from '../../domain/metadefs/parts.ts'
import type { Service } from '../../domain/service.ts'
import { BODILESS } from '../../http/app.ts'
import { readDocument } from '../../http/body.ts'
import { contextOf } from '../../http/context.ts'
import { queryOf } from '../../http/query.ts'
import { clearRoute } from './clear.ts'
import type { NamespacePath, PartPath } from './path.ts'

const ALL = '/metadefs/namespaces/:namespace/objects'
const ONE = `${ALL}/:name`

export function objectRoutes(app: FastifyInstance, service: Service): void {
  app.get<NamespacePath>(ALL, async request => {
    checkObjectQuery(queryOf(request))
    const { namespace } = request.params
    const objects = await listObjects(contextOf(request), service, namespace)
    return {
      objects: objects.map(object => objectToV2(namespace, object)),
      schema: 'v2/schemas/metadefs/objects', // As Glance: relative to what, it does not say.
    }
  })

  app.post<NamespacePath>(ALL, async (request, reply) => {
    const wanted = wantedObject(await readDocument(request, reply))
    const { namespace } = request.params
    const object = objectOf(wanted, service.now())
    await createPart(contextOf(request), service, OBJECTS, namespace, object)
    return reply.code(201).send(writtenObjectToV2(namespace, object, wanted))
  })

  clearRoute(app, service, 'objects')

  app.get<PartPath>(ONE, BODILESS, async request => {
    const { namespace, name } = request.params
    const object = await showPart(contextOf(request), service, OBJECTS, namespace, name)
    return objectToV2(namespace, object)
  })

  app.put<PartPath>(ONE, async (request, reply) => {
    const wanted = wantedObject(await readDocument(request, reply))
    const { namespace, name } = request.params
    const by = objectOf(wanted, service.now())
    const object = await replacePart(contextOf(request), service, OBJECTS, namespace, name, by)
    return writtenObjectToV2(namespace, object, wanted)
  })

  app.delete<PartPath>(ONE, BODILESS, async (request, reply) => {
    const { namespace, name } = request.params
    await deletePart(contextOf(request), service, OBJECTS, namespace, name)
    return reply.code(204).send()
  })
}
