import type { FastifyInstance } from 'fastify'
import { associationToV2, tagToV2 } from '../../../wire/metadefs.ts'
import { wantedAssociation } from '../../../wire/schema/metadefs/requests.ts'
import {
  createAssociation,
  deleteAssociation,
  listAssociations,
  listResourceTypes,
} from '../../domain/metadefs/resource-types.ts'
import type { Service } from '../../domain/service.ts'
import { BODILESS } from '../../http/app.ts'
import { readDocument } from '../../http/body.ts'
import { contextOf } from '../../http/context.ts'
import type { NamespacePath, PartPath } from './path.ts'

const ALL = '/metadefs/namespaces/:namespace/resource_types'

export function resourceTypeRoutes(app: FastifyInstance, service: Service): void {
  app.get('/metadefs/resource_types', BODILESS, async request => ({
    resource_types: (await listResourceTypes(contextOf(request), service)).map(tagToV2),
  }))

  app.get<NamespacePath>(ALL, BODILESS, async request => {
    const { namespace } = request.params
    const associations = await listAssociations(contextOf(request), service, namespace)
    return { resource_type_associations: associations.map(associationToV2) }
  })

  app.post<NamespacePath>(ALL, async (request, reply) => {
    const wanted = wantedAssociation(await readDocument(request, reply))
    const { namespace } = request.params
    const association = await createAssociation(contextOf(request), service, namespace, wanted)
    return reply.code(201).send(associationToV2(association))
  })

  app.delete<PartPath>(`${ALL}/:name`, BODILESS, async (request, reply) => {
    const { namespace, name } = request.params
    await deleteAssociation(contextOf(request), service, namespace, name)
    return reply.code(204).send()
  })
}
