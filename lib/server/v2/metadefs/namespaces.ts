import type { FastifyInstance } from 'fastify'
import { checkNamespaceQuery, parseNamespaceQuery } from '../../../wire/metadef-query.ts'
import { contentsToV2, namespaceToV2, wantedContentsToV2 } from '../../../wire/metadefs.ts'
import { type PageSizes, pageLinks } from '../../../wire/paging.ts'
import { wantedNamespace } from '../../../wire/schema/metadefs/requests.ts'
import {
  createNamespace,
  deleteNamespace,
  listNamespaces,
  showNamespace,
  updateNamespace,
} from '../../domain/metadefs/namespaces.ts'
import type { Service } from '../../domain/service.ts'
import { BODILESS } from '../../http/app.ts'
import { readDocument } from '../../http/body.ts'
import { contextOf } from '../../http/context.ts'
import { queryOf } from '../../http/query.ts'
import { escapeName, type NamespacePath } from './path.ts'

const PATH = '/v2/metadefs/namespaces'

export function namespaceRoutes(app: FastifyInstance, service: Service, paging: PageSizes): void {
  app.get('/metadefs/namespaces', async request => {
    const context = contextOf(request)
    const params = queryOf(request)
    const query = parseNamespaceQuery(params, context, paging)
    const { namespaces, withheld } = await listNamespaces(context, service, query)
    const names = namespaces.map(({ record }) => record.namespace)
    return {
      namespaces: namespaces.map(({ record, associations }) => {
        const none = { properties: new Map(), objects: [], tags: [] }
        return namespaceToV2(record, contentsToV2(record.namespace, { associations, ...none }))
      }),
      ...pageLinks(PATH, params, names, query.limit - withheld),
      schema: '/v2/schemas/metadefs/namespaces',
    }
  })

  app.post('/metadefs/namespaces', async (request, reply) => {
    const wanted = wantedNamespace(await readDocument(request, reply))
    const record = await createNamespace(contextOf(request), service, wanted)
    const path = `${PATH}/${escapeName(record.namespace)}`
    reply.code(201).header('location', `${request.protocol}://${request.host}${path}`)
    return namespaceToV2(record, wantedContentsToV2(wanted))
  })

  app.get<NamespacePath>('/metadefs/namespaces/:namespace', BODILESS, async request => {
    const { namespace } = request.params
    const params = queryOf(request)
    checkNamespaceQuery(params)
    const resourceType = params.get('resource_type')
    const found = await showNamespace(contextOf(request), service, namespace, resourceType)
    return namespaceToV2(found.record, contentsToV2(namespace, found.contents))
  })

  app.put<NamespacePath>('/metadefs/namespaces/:namespace', async (request, reply) => {
    const wanted = wantedNamespace(await readDocument(request, reply))
    const { namespace } = request.params
    return namespaceToV2(await updateNamespace(contextOf(request), service, namespace, wanted))
  })

  app.delete<NamespacePath>('/metadefs/namespaces/:namespace', BODILESS, async (request, reply) => {
    await deleteNamespace(contextOf(request), service, request.params.namespace)
    return reply.code(204).send()
  })
}
