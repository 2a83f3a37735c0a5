import type { FastifyInstance } from 'fastify'
import type { MetadefProperty, PropertyDefinition } from '../../../image/metadef.ts'
import type { WantedProperty } from '../../../image/metadef-request.ts'
import { definitionsToV2 } from '../../../wire/metadefs.ts'
import { wantedProperty } from '../../../wire/schema/metadefs/requests.ts'
import { createPart, deletePart, replacePart } from '../../domain/metadefs/parts.ts'
import { listProperties, PROPERTIES, showProperty } from '../../domain/metadefs/properties.ts'
import type { Service } from '../../domain/service.ts'
import { BODILESS } from '../../http/app.ts'
import { readDocument } from '../../http/body.ts'
import { contextOf } from '../../http/context.ts'
import { queryOf } from '../../http/query.ts'
import { clearRoute } from './clear.ts'
import type { NamespacePath, PartPath } from './path.ts'

const ALL = '/metadefs/namespaces/:namespace/properties'
const ONE = `${ALL}/:name`

export function propertyRoutes(app: FastifyInstance, service: Service): void {
  app.get<NamespacePath>(ALL, BODILESS, async request => {
    const definitions = await listProperties(contextOf(request), service, request.params.namespace)
    return { properties: definitionsToV2(definitions) }
  })

  app.post<NamespacePath>(ALL, async (request, reply) => {
    const wanted = wantedProperty(await readDocument(request, reply))
    const { namespace } = request.params
    const property = propertyOf(wanted, service.now())
    await createPart(contextOf(request), service, PROPERTIES, namespace, property)
    return reply.code(201).send(render(property))
  })

  clearRoute(app, service, 'properties')

  app.get<PartPath>(ONE, async request => {
    const { namespace, name } = request.params
    const resourceType = queryOf(request).get('resource_type') || null
    return render(await showProperty(contextOf(request), service, namespace, name, resourceType))
  })

  app.put<PartPath>(ONE, async (request, reply) => {
    const wanted = wantedProperty(await readDocument(request, reply))
    const { namespace, name } = request.params
    const by = propertyOf(wanted, service.now())
    return render(await replacePart(contextOf(request), service, PROPERTIES, namespace, name, by))
  })

  app.delete<PartPath>(ONE, BODILESS, async (request, reply) => {
    const { namespace, name } = request.params
    await deletePart(contextOf(request), service, PROPERTIES, namespace, name)
    return reply.code(204).send()
  })
}

function propertyOf(wanted: WantedProperty, now: Date): MetadefProperty {
  return { ...wanted, createdAt: now, updatedAt: now }
}

/** A property by itself is called what it is called, whatever its definition says. */
function render({ name, definition }: MetadefProperty): PropertyDefinition {
  return { ...definition, name }
}
