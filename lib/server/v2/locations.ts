import type { FastifyInstance } from 'fastify'
import { parseNewLocation } from '../../wire/v2-location.ts'
import { listLocations } from '../domain/locations.ts'
import { BODILESS } from '../http/app.ts'
import { readDocument } from '../http/body.ts'
import { contextOf } from '../http/context.ts'
import type { Importer } from '../import/importer.ts'
import { startLocationImport } from '../import/start-location-import.ts'
import type { ImagePath } from './images.ts'

/** Registering where data is, and telling services. */
export function locationRoutes(app: FastifyInstance, importer: Importer): void {
  app.get<ImagePath>('/images/:id/locations', BODILESS, async request => {
    const { id } = request.params
    const locations = await listLocations(contextOf(request), importer.service, id)
    return locations.map(({ url, metadata }) => ({ url, metadata }))
  })

  app.post<ImagePath>('/images/:id/locations', async (request, reply) => {
    const wanted = parseNewLocation(await readDocument(request, reply))
    await startLocationImport(contextOf(request), importer, request.params.id, wanted)
    return reply.code(202).send()
  })
}
