import type { FastifyRequest } from 'fastify'
import { GlanceError } from '../../errors.ts'
import { UNDECODABLE } from './body.ts'

/** What follows the `?`. @throws {GlanceError} `invalid` when it is not UTF-8. */
export function queryOf(request: FastifyRequest): URLSearchParams {
  const [, query = ''] = /\?(.*)$/s.exec(request.url) ?? []
  try {
    decodeURIComponent(query)
  } catch (error) {
    throw new GlanceError('invalid', UNDECODABLE, { cause: error })
  }
  return new URLSearchParams(query)
}
