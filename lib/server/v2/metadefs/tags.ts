import type { FastifyInstance } from 'fastify'
import { parseTagQuery } from '../../../wire/metadef-query.ts'
import { tagToV2 } from '../../../wire/metadefs.ts'
import { wantedTag, wantedTags } from '../../../wire/schema/metadefs/requests.ts'
import { createPart, deletePart, replacePart, showPart } from '../../domain/metadefs/parts.ts'
import { createTags, listTags, TAGS } from '../../domain/metadefs/tags.ts'
import type { Service } from '../../domain/service.ts'
import { BODILESS } from '../../http/app.ts'
import { readDocument } from '../../http/body.ts'
import { contextOf } from '../../http/context.ts'
import { queryOf } from '../../http/query.ts'
import { clearRoute } from './clear.ts'
import type { NamespacePath, PartPath } from './path.ts'

const ALL = '/metadefs/namespaces/:namespace/tags'
const ONE = `${ALL}/:name`

/** What Python's oslo takes for true. */
const TRUE = /^\s*(?:1|t|true|on|y|yes)\s*$/i

export function tagRoutes(app: FastifyInstance, service: Service): void {
  app.get<NamespacePath>(ALL, async request => {
    const query = parseTagQuery(queryOf(request))
    const { namespace } = request.params
    const tags = await listTags(contextOf(request), service, namespace, query)
    return { tags: tags.map(({ name }) => ({ name })) }
  })

  app.post<NamespacePath>(ALL, async (request, reply) => {
    const names = wantedTags(await readDocument(request, reply))
    const append = TRUE.test(String(request.headers['x-openstack-append'] ?? ''))
    const { namespace } = request.params
    await createTags(contextOf(request), service, namespace, names, { append })
    return reply.code(201).send({ tags: names.map(name => ({ name })) })
  })

  clearRoute(app, service, 'tags')

  app.get<PartPath>(ONE, BODILESS, async request => {
    const { namespace, name } = request.params
    return tagToV2(await showPart(contextOf(request), service, TAGS, namespace, name))
  })

  app.post<PartPath>(ONE, BODILESS, async (request, reply) => {
    const { namespace } = request.params
    const tag = tagOf(wantedTag({ name: request.params.name }), service.now())
    await createPart(contextOf(request), service, TAGS, namespace, tag)
    return reply.code(201).send(tagToV2(tag))
  })

  app.put<PartPath>(ONE, async (request, reply) => {
    const by = tagOf(wantedTag(await readDocument(request, reply)), service.now())
    const { namespace, name } = request.params
    return tagToV2(await replacePart(contextOf(request), service, TAGS, namespace, name, by))
  })

  app.delete<PartPath>(ONE, BODILESS, async (request, reply) => {
    const { namespace, name } = request.params
    await deletePart(contextOf(request), service, TAGS, namespace, name)
    return reply.code(204).send()
  })
}

function tagOf(name: string, now: Date) {
  return { name, createdAt: now, updatedAt: now }
}
