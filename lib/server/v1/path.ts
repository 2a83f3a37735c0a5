import type { FastifyRequest } from 'fastify'
import { v1ImageId } from '../../wire/v1-request.ts'

/** A path with an image in it. */
export interface ImagePath {
  readonly Params: { readonly id: string }
}

/** The image of the path, in the usual form of its id. */
export function pathId({ params }: FastifyRequest<ImagePath>): string {
  return v1ImageId(params.id) ?? params.id
}
