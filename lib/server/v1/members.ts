import type { FastifyInstance } from 'fastify'
import {
  parseCanShare,
  parseMemberships,
  toV1Member,
  toV1Membership,
  v1MemberId,
} from '../../wire/v1-member.ts'
import type { Service } from '../domain/service.ts'
import {
  listMembers,
  listMemberships,
  putMember,
  removeMember,
  replaceMembers,
} from '../domain/v1/members.ts'
import { hasBody, readDocument } from '../http/body.ts'
import { contextOf } from '../http/context.ts'
import { only } from './methods.ts'
import { type ImagePath, pathId } from './path.ts'

interface MemberPath {
  readonly Params: { readonly id: string; readonly member: string }
}

export function memberRoutes(app: FastifyInstance, service: Service): void {
  app.get<ImagePath>('/images/:id/members', async request => {
    const members = await listMembers(contextOf(request), service, pathId(request))
    return { members: members.map(toV1Member) }
  })

  app.put<ImagePath>('/images/:id/members', async (request, reply) => {
    const wanted = parseMemberships(await readDocument(request, reply))
    await replaceMembers(contextOf(request), service, pathId(request), wanted)
    return reply.code(204).send()
  })

  app.put<MemberPath>('/images/:id/members/:member', async (request, reply) => {
    const memberId = v1MemberId(request.params.member)
    const document = hasBody(request.raw) ? await readDocument(request, reply) : {}
    const wanted = { memberId, canShare: parseCanShare(document) }
    await putMember(contextOf(request), service, pathId(request), wanted)
    return reply.code(204).send()
  })

  app.delete<MemberPath>('/images/:id/members/:member', async (request, reply) => {
    const { member } = request.params
    await removeMember(contextOf(request), service, pathId(request), member)
    return reply.code(204).send()
  })

  only(app, '/images/:id/members/:member', ['PUT', 'DELETE'])

  app.get<ImagePath>('/shared-images/:id', async request => {
    const memberships = await listMemberships(contextOf(request), service, request.params.id)
    return { shared_images: memberships.map(toV1Membership) }
  })
}
