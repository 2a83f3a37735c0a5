import type { FastifyInstance } from 'fastify'
import { clearNamespace } from '../../domain/metadefs/namespaces.ts'
import type { Service } from '../../domain/service.ts'
import { BODILESS } from '../../http/app.ts'
import { contextOf } from '../../http/context.ts'
import type { NamespacePath } from './path.ts'

/** Deletes all of one kind at once. A body is refused with 400 like any that is not expected. */
export function clearRoute(
  app: FastifyInstance,
  service: Service,
  kind: 'properties' | 'objects' | 'tags',
): void {
  app.delete<NamespacePath>(
    `/metadefs/namespaces/:namespace/${kind}`,
    BODILESS,
    async (request, reply) => {
      await clearNamespace(contextOf(request), service, request.params.namespace, kind)
      return reply.code(204).send()
    },
  )
}
