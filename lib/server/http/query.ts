import type { FastifyRequest } from 'fastify'
import { GlanceError } from '../../errors.ts'
import { UNDECODABLE } from './body.ts'

/** What follows the `?`. @throws {GlanceError} `invalid` when it is not UTF-8. */
export function queryOf(request: FastifyRequest): URLSearchParams {
  const [, query = ''] = /\?(.*)$/s.exec(request.url) ?? []
  try {
    // As Glance: a percent sign that begins no escape stands for itself.
    decodeURIComponent(query.replaceAll(/%(?![0-9a-f]{2})/gi, '%25'))
  } catch (error) {
    throw new GlanceError('invalid', UNDECODABLE, { cause: error })
  }
  return new URLSearchParams(query)
}
