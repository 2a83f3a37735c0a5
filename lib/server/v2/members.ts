import type { FastifyInstance } from 'fastify'
import { GlanceError } from '../../errors.ts'
import type { Member } from '../../image/member.ts'
import { checkText } from '../../wire/schema/validate.ts'
import { isObject } from '../../image/json.ts'
import { formatTime } from '../../wire/v2-image.ts'
import {
  addMember,
  listMembers,
  removeMember,
  showMember,
  updateMember,
} from '../domain/members.ts'
import type { Service } from '../domain/service.ts'
import { BODILESS } from '../http/app.ts'
import { readDocument } from '../http/body.ts'
import { contextOf } from '../http/context.ts'
import type { ImagePath } from './images.ts'

interface MemberPath {
  readonly Params: { readonly id: string; readonly member: string }
}

export function memberRoutes(app: FastifyInstance, service: Service): void {
  app.get<ImagePath>('/images/:id/members', BODILESS, async request => {
    const members = await listMembers(contextOf(request), service, request.params.id)
    return { members: members.map(render), schema: '/v2/schemas/members' }
  })

  app.post<ImagePath>('/images/:id/members', async (request, reply) => {
    const memberId = memberIn(await readDocument(request, reply))
    return render(await addMember(contextOf(request), service, request.params.id, memberId))
  })

  app.get<MemberPath>('/images/:id/members/:member', BODILESS, async request => {
    const { id, member } = request.params
    return render(await showMember(contextOf(request), service, id, member))
  })

  app.put<MemberPath>('/images/:id/members/:member', async (request, reply) => {
    const { id, member } = request.params
    const status = statusIn(await readDocument(request, reply))
    return render(await updateMember(contextOf(request), service, id, member, status))
  })

  app.delete<MemberPath>('/images/:id/members/:member', BODILESS, async (request, reply) => {
    const { id, member } = request.params
    await removeMember(contextOf(request), service, id, member)
    return reply.code(204).send()
  })
}

function memberIn(document: object): string {
  if (!isObject(document)) {
    throw new GlanceError('invalid', 'expected a member in the form: {"member": "image_id"}')
  }
  const { member } = document
  if (member === undefined) throw new GlanceError('invalid', 'member to be added not specified')
  if (typeof member !== 'string') throw new GlanceError('invalid', 'member has to be text')
  checkText('member', member)
  if (member === '') throw new GlanceError('invalid', "member can't be empty")
  return member
}

function statusIn(document: object): unknown {
  if (!isObject(document)) {
    throw new GlanceError('invalid', 'expected a status in the form: {"status": "status"}')
  }
  if (document['status'] === undefined) throw new GlanceError('invalid', 'status not specified')
  return document['status']
}

function render(member: Member): Record<string, unknown> {
  return {
    member_id: member.memberId,
    image_id: member.imageId,
    status: member.status,
    created_at: formatTime(member.createdAt),
    updated_at: formatTime(member.updatedAt),
    schema: '/v2/schemas/member',
  }
}
